//! Messages in pieces, and floods of small frames.

use std::time::Duration;

use super::{MAX_PAYLOAD, MB};
use crate::outcome::check;
use crate::websocket::{PING, PONG, TEXT, WebSocket, frame, header, upgrade};
use crate::{Attack, Outcome, Script};

/// Frames of a message, and some that the server reads with the last of them.
const MANY: u32 = 65_536;

pub(super) const SCRIPTS: &[Script] = &[
    Script::new(
        "a million empty continuation frames",
        "CVE-2026-48779",
        |attack| endless(attack, b""),
    )
    .calm()
    .memory(MAX_PAYLOAD as u64),
    Script::new(
        "a million continuation frames of a byte",
        "CVE-2026-48779",
        |attack| endless(attack, b"x"),
    )
    .calm()
    .memory(MAX_PAYLOAD as u64),
    Script::new(
        "empty continuation frames between pings",
        "CVE-2026-48779, A28",
        with_pings,
    )
    .calm()
    .memory(2 * MB),
    Script::new(
        "frames in 1-byte segments",
        "CVE-2026-48779 (segments)",
        segments,
    )
    .calm()
    .memory(MB),
    Script::new(
        "frames below the limit, for ever",
        "CVE-2026-42786, A1",
        sum,
    )
    .calm()
    .memory(4 * MAX_PAYLOAD as u64),
    Script::new("the byte over the limit", "CVE-2026-42786, A1", byte_over)
        .calm()
        .memory(4 * MAX_PAYLOAD as u64),
    Script::new("half a message, then silence", "A4, CVE-2026-42786", half)
        .memory(4 * MAX_PAYLOAD as u64),
    Script::new("a flood of pings, unread", "ws 8.23.0, A28", ping_flood)
        .calm()
        .memory(2 * MB),
    Script::new(
        "a flood of pings, receive window 0",
        "ws 8.23.0, A27, A28",
        ping_flood_window,
    )
    .memory(2 * MB),
];

fn endless(attack: &Attack<'_>, content: &[u8]) -> Outcome {
    let mut client = attack.join()?;
    client.peer.send(frame(0x01, b""))?;
    let start = attack.process().cpu()?;
    let rounds = attack.rounds(1000, 100);
    client
        .peer
        .pour(&frame(0x00, content).repeat(1000), rounds)?;
    client.closes_with(1009)?;
    // the rest of the million meets a closed connection
    attack.cpu_since(start, Duration::from_micros(1) * MANY)
}

fn with_pings(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    client.peer.send(frame(0x01, b""))?;
    let pair = [frame(0x00, b""), frame(PING, b"x")].concat();
    client.peer.pour(&pair.repeat(1000), 100)?;
    loop {
        let (first, content) = client.frame()?;
        if first != PONG {
            check!(
                (first, content.as_slice()) == (0x88, &[0x03, 0xf1]),
                "{first:02x} {content:02x?}"
            );
            return Ok(());
        }
    }
}

fn segments(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let message = [
        frame(0x01, r#"421["echo","#),
        frame(0x00, b""),
        frame(0x00, r#""a""#),
        frame(0x80, "]"),
    ]
    .concat();
    let rounds = attack.rounds(100, 5);
    let start = attack.process().cpu()?;
    for _ in 0..rounds {
        for byte in &message {
            client.peer.send([*byte])?;
        }
        client.expect(r#"431["a"]"#)?;
    }
    attack.cpu_since(
        start,
        Duration::from_micros(50) * (rounds * message.len()) as u32,
    )
}

fn sum(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    client.peer.send(frame(0x02, vec![0; MAX_PAYLOAD - 1]))?;
    let rounds = attack.rounds(100, 10);
    let sent = client
        .peer
        .pour(&frame(0x00, vec![0; MAX_PAYLOAD - 1]), rounds)?;
    check!(sent < 10_000_000, "{sent} bytes were taken");
    client.closes_with(1009)
}

fn byte_over(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    client.peer.send(frame(0x02, vec![0; MAX_PAYLOAD - 1]))?;
    // the header alone decides
    client.peer.send(header(0x00, 2))?;
    client.closes_with(1009)
}

fn half(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let message = frame(TEXT, "x".repeat(MAX_PAYLOAD));
    client
        .peer
        .send(message.get(..MAX_PAYLOAD / 2).unwrap_or_default())?;
    // no heartbeat comes any more, and the server ends it
    client.closes_with(0)
}

fn ping_flood(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let flood = frame(PING, [7; 125]).repeat(1000);
    for _ in 0..attack.rounds(100, 20) {
        client.peer.send(&flood)?;
    }
    let queued = attack.gauges()?.queued_bytes;
    check!(queued <= 1000, "{queued} bytes of pongs");
    client.peer.send(frame(TEXT, r#"421["echo",1]"#))?;
    let mut pongs = 0;
    loop {
        let (first, content) = client.frame()?;
        if first == TEXT {
            break;
        }
        check!(
            (first, content.len()) == (PONG, 125),
            "{first:02x} {content:02x?}"
        );
        pongs += 1;
    }
    check!(pongs > 0, "no pong");
    Ok(())
}

/// Nothing of what the server sends is taken: the connection must end.
fn ping_flood_window(attack: &Attack<'_>) -> Outcome {
    let mut peer = attack.narrow()?;
    peer.send(upgrade(crate::attack::WEBSOCKET, ""))?;
    let mut client = WebSocket::new(peer)?;
    client.text()?;
    client.join("/")?;
    let sessions = attack.gauges()?.sessions;
    let flood = frame(PING, [7; 125]).repeat(1000);
    // the server may stop reading, or go
    for _ in 0..attack.rounds(100, 20) {
        if client.peer.send(&flood).is_err() {
            break;
        }
    }
    attack.eventually(
        "the end of the session",
        Duration::from_secs(11),
        |gauges| gauges.sessions < sessions,
    )
}

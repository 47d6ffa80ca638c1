//! Frames that RFC 6455 forbids, and too large ones.

use std::time::{Duration, Instant};

use super::{KB, MAX_PAYLOAD, MB, SECOND};
use crate::attack::WEBSOCKET;
use crate::outcome::{check, short};
use crate::websocket::{BINARY, CLOSE, PING, PONG, TEXT, WebSocket, frame, header, upgrade};
use crate::{Attack, Failure, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new(
        "lengths that are announced",
        "CVE-2016-10542, A1",
        announced,
    )
    .memory(MB),
    Script::new(
        "a message of 1.2 MB",
        "GHSA-55mf-67qm-4wpg, A1",
        large_message,
    )
    .memory(2 * MB),
    Script::new(
        "a broken frame behind the handshake",
        "CVE-2022-21676",
        broken_first_frame,
    )
    .memory(MB),
    Script::new(
        "frames that RFC 6455 forbids",
        "A34, CVE-2016-10518",
        broken_frames,
    )
    .memory(MB),
    Script::new(
        "close frames that are none",
        "CVE-2016-10518, CVE-2026-45736",
        broken_closes,
    )
    .memory(MB),
    Script::new(
        "control frames under load",
        "CVE-2016-10518, CVE-2026-45736",
        control_frames,
    )
    .memory(2 * MB),
    Script::new(
        "compressed frames that nobody agreed on",
        "deflate bombs",
        compressed,
    )
    .memory(MB),
    Script::new("pongs that nobody asked for", "A28", pongs).memory(MB),
    Script::new(
        "resets at each byte of a frame",
        "F1, CVE-2022-41940",
        cut_frames,
    )
    .memory(MB),
];

fn announced(attack: &Attack<'_>) -> Outcome {
    for (len, code) in [
        (MAX_PAYLOAD as u64 + 1, 1009),
        (1 << 32, 1009),
        ((1 << 63) - 1, 1009),
        (1 << 63, 1002),
        (u64::MAX, 1002),
    ] {
        for first in [TEXT, BINARY, 0x01] {
            let mut client = attack.join()?;
            let memory = attack.process().memory()?;
            client.peer.send(header(first, len))?;
            client
                .closes_with(code)
                .map_err(|failure| Failure::new(format!("{len}: {failure}")))?;
            let grown = attack.process().memory()?.saturating_sub(memory);
            check!(grown < 512 * KB, "{grown} bytes for an announcement");
        }
    }
    Ok(())
}

fn large_message(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    client.peer.pour(
        &frame(TEXT, format!(r#"42["x","{}"]"#, "y".repeat(1_200_000))),
        1,
    )?;
    client.closes_with(1009)?;
    attack.nothing_handled()
}

fn broken_first_frame(attack: &Attack<'_>) -> Outcome {
    let broken = [0xb1, 0x80, 0, 0, 0, 0];
    let mut client = attack.upgrade(WEBSOCKET)?;
    client.peer.send(broken)?;
    client.text()?;
    client.closes_with(1002)?;
    for _ in 0..attack.rounds(1000, 20) {
        let mut peer = attack.peer()?;
        peer.send([upgrade(WEBSOCKET, "").as_bytes(), &broken].concat())?;
        let mut client = WebSocket::new(peer)?;
        // the open packet may be on its way by then
        let (first, content) = client.frame()?;
        if first == TEXT {
            client.closes_with(1002)?;
        } else {
            check!(content == [0x03, 0xea], "{first:02x} {content:02x?}");
        }
    }
    Ok(())
}

fn broken_frames(attack: &Attack<'_>) -> Outcome {
    for (bytes, code) in [
        (vec![0x81, 0x01, b'4'], 1002),
        (frame(0x83, b""), 1002),
        (frame(0x8b, b""), 1002),
        (frame(0x80, b"x"), 1002),
        (frame(0x09, b"x"), 1002),
        (frame(0xc1, b"x"), 1002),
        (header(PING, 126), 1002),
        ([frame(0x01, b"a"), frame(TEXT, b"b")].concat(), 1002),
        (frame(TEXT, b"4\xff"), 1007),
        ([frame(0x01, b"4\xc3"), frame(0x80, b"x")].concat(), 1007),
        (frame(TEXT, b"42[\"x\",\"\xed\xa0\x80\"]"), 1007),
    ] {
        let mut client = attack.join()?;
        client.peer.send(&bytes)?;
        client
            .closes_with(code)
            .map_err(|failure| Failure::new(format!("{bytes:02x?}: {failure}")))?;
    }
    attack.nothing_handled()
}

fn broken_closes(attack: &Attack<'_>) -> Outcome {
    for (body, code) in [
        (&[1][..], 1002),
        (b"\x03\xe7", 1002),
        (b"\x03\xed", 1002),
        (b"\x03\xee", 1002),
        (b"\0\0", 1002),
        (b"\xff\xff", 1002),
        (b"\x03\xe8\xff", 1007),
    ] {
        let mut client = attack.join()?;
        client.peer.send(frame(CLOSE, body))?;
        client
            .closes_with(code)
            .map_err(|failure| Failure::new(format!("{body:02x?}: {failure}")))?;
    }
    for reason in ["", "\x03\u{8}".trim_end(), "bye"] {
        let mut client = attack.join()?;
        let body = if reason == "bye" {
            b"\x03\xe8bye".to_vec()
        } else {
            Vec::new()
        };
        client.peer.send(frame(CLOSE, body))?;
        let (first, content) = client.frame()?;
        // never more than was set: no reason of ours, and no code of nobody's
        check!(
            first == CLOSE && matches!(content.len(), 0 | 2),
            "{first:02x} {content:02x?}"
        );
        let rest = client.peer.ended()?;
        check!(rest.is_empty(), "{rest:02x?} behind the close frame");
    }
    Ok(())
}

/// Every control frame that the server sends while it echoes: each body is one that was sent to it.
fn control_frames(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let mut pongs = 0;
    for n in 0..attack.rounds(20_000, 500) {
        let body = vec![n as u8; n % 126];
        let load = format!(r#"421["echo","{}"]"#, "x".repeat(n % 3000));
        client
            .peer
            .send([frame(PING, &body), frame(TEXT, load)].concat())?;
        loop {
            let (first, content) = client.frame()?;
            match first {
                PONG => {
                    check!(
                        content == body,
                        "a pong with {content:02x?} instead of {body:02x?}"
                    );
                    pongs += 1;
                }
                TEXT if content == b"2" => client.send("3")?,
                TEXT => {
                    check!(
                        content.starts_with(b"431["),
                        "{:?}",
                        short(&String::from_utf8_lossy(&content))
                    );
                    break;
                }
                other => return Err(Failure::new(format!("a frame {other:02x} {content:02x?}"))),
            }
        }
    }
    check!(pongs > 0, "no ping was answered");
    client.peer.send(frame(0x83, b""))?;
    client.closes_with(1002)
}

fn compressed(attack: &Attack<'_>) -> Outcome {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let mut peer = attack.peer()?;
    peer.send(upgrade(WEBSOCKET, offer))?;
    let mut client = WebSocket::new(peer)?;
    client.text()?;
    client.peer.send(frame(
        0xc1,
        b"\xaa\x56\x4a\xad\x28\x48\x2d\x52\xb2\x52\x02\x00",
    ))?;
    client.closes_with(1002)
}

fn pongs(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let start = attack.process().cpu()?;
    let rounds = attack.rounds(1000, 50);
    client
        .peer
        .pour(&frame(PONG, [7; 125]).repeat(100), rounds)?;
    client.echoes()?;
    attack.cpu_since(start, Duration::from_micros(200) * rounds as u32)
}

fn cut_frames(attack: &Attack<'_>) -> Outcome {
    let start = Instant::now();
    let whole = frame(TEXT, r#"42["x"]"#);
    for end in 0..whole.len() {
        for resets in [false, true] {
            let mut client = attack.join()?;
            client.peer.send(whole.get(..end).unwrap_or_default())?;
            if resets {
                client.peer.reset()?;
            }
        }
    }
    attack.took(start, Duration::ZERO, SECOND * 10)?;
    attack.nothing_handled()
}

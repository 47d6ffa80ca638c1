//! Heads of requests: how long, how many lines, how slowly.

use super::{KB, MB, MS};
use crate::attack::{POLLING, WEBSOCKET};
use crate::outcome::{check, short};
use crate::peer::Peer;
use crate::websocket::{WebSocket, upgrade};
use crate::{Attack, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new(
        "20 MB of a header in 512-byte writes",
        "CVE-2023-43669",
        endless_head,
    )
    .memory(MB)
    .cpu(MS.saturating_mul(50)),
    Script::new(
        "16 KB of a head in 1-byte writes",
        "CVE-2023-43669",
        byte_by_byte,
    )
    .calm()
    .memory(MB),
    Script::new("15 KB of blanks in a header", "CVE-2021-32640", blanks).memory(2 * MB),
    Script::new(
        "101, 200, 2000 headers before the upgrade",
        "CVE-2024-37890, A32",
        many_headers,
    )
    .memory(MB),
    Script::new(
        "offers of WebSocket extensions",
        "GHSA-5v72-xg48-5rpm, deflate bombs",
        extensions,
    )
    .memory(2 * MB),
    Script::new("heads and queries over the limits", "A32", long_queries).memory(MB),
    Script::new(
        "WebSocket handshakes that are none",
        "CVE-2024-37890",
        broken_handshakes,
    )
    .memory(MB),
    Script::new(
        "handshake in 1-byte segments",
        "CVE-2026-48779 (segments)",
        slow_handshake,
    )
    .calm()
    .memory(MB),
];

fn is_refused(peer: &mut Peer, what: &str) -> Outcome {
    let said = peer.ended()?;
    let said = String::from_utf8_lossy(&said);
    let refused = said.starts_with("HTTP/1.1 431") || said.starts_with("HTTP/1.1 400");
    check!(refused, "{what}: it said {:?}", short(&said));
    Ok(())
}

fn endless_head(attack: &Attack<'_>) -> Outcome {
    let mut peer = attack.peer()?;
    peer.send(format!("GET {POLLING} HTTP/1.1\r\nHost: x\r\nA: "))?;
    let sent = peer.pour(&[b'b'; 512], attack.rounds(40_000, 40_000))?;
    check!(sent < 20_000_000, "all of it was taken");
    is_refused(&mut peer, "20 MB")
}

fn byte_by_byte(attack: &Attack<'_>) -> Outcome {
    let head = format!(
        "GET {POLLING} HTTP/1.1\r\nHost: x\r\nA: {}",
        "b".repeat(16_300)
    );
    let start = attack.process().cpu()?;
    let mut peer = attack.peer()?;
    for byte in head.bytes() {
        peer.send([byte])?;
    }
    attack.cpu_since(start, 50 * MS)?;
    peer.pour(b"b", 1000)?;
    is_refused(&mut peer, "one byte at a time")
}

fn blanks(attack: &Attack<'_>) -> Outcome {
    let rounds = attack.rounds(200, 20) as u32;
    let names = [
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Connection",
        "Upgrade",
        "Cookie",
        "Origin",
    ];
    for name in names {
        let headers = format!("{name}: b{}x\r\n", " ".repeat(15_000));
        let mut statuses = Vec::new();
        let start = attack.process().cpu()?;
        for _ in 0..rounds {
            statuses.push(attack.ask_upgrade(WEBSOCKET, &headers)?.status);
        }
        attack.cpu_since(start, MS * rounds)?;
        // a second `Upgrade` is another protocol beside ours; an origin of blanks is nobody's
        let expected = if name == "Origin" { 403 } else { 101 };
        check!(
            statuses.iter().all(|status| *status == expected),
            "{name}: {statuses:?}"
        );
    }
    Ok(())
}

fn many_headers(attack: &Attack<'_>) -> Outcome {
    for count in [96, 97, 101, 200, 2000] {
        let headers: String = (0..count).map(|n| format!("a{n}: b\r\n")).collect();
        let last = upgrade(WEBSOCKET, "");
        let (line, rest) = last.split_once("\r\n").unwrap_or_default();
        let mut peer = attack.peer()?;
        peer.pour(format!("{line}\r\n{headers}{rest}").as_bytes(), 1)?;
        let status = peer.answer()?.status;
        // with the five that a WebSocket needs, 96 are one too many
        check!(matches!(status, 400 | 431), "{count} headers: {status}");
    }
    Ok(())
}

fn extensions(attack: &Attack<'_>) -> Outcome {
    let many = "x,".repeat(6000);
    let far_too_many = "x, ".repeat(10_000);
    for offer in [
        "constructor",
        "__proto__",
        "permessage-deflate",
        "permessage-deflate; server_max_window_bits=99",
        "x; y=\"unterminated",
        many.as_str(),
        far_too_many.as_str(),
    ] {
        let headers = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        let mut peer = attack.peer()?;
        peer.pour(upgrade(WEBSOCKET, &headers).as_bytes(), 1)?;
        let answer = peer.answer()?;
        check!(
            matches!(answer.status, 101 | 400 | 431),
            "{:?}: {}",
            short(offer),
            answer.status
        );
        check!(
            answer.header("sec-websocket-extensions").is_none(),
            "{:?} was accepted",
            short(offer)
        );
    }
    Ok(())
}

fn long_queries(attack: &Attack<'_>) -> Outcome {
    for query in ["x".repeat(9000), "a=b&".repeat(2300), "%41".repeat(3000)] {
        attack.get(&format!("{POLLING}&{query}"))?.is(414, "")?;
    }
    let mut peer = attack.peer()?;
    peer.pour(
        format!(
            "GET {POLLING}&{} HTTP/1.1\r\nHost: x\r\n\r\n",
            "x".repeat(70_000)
        )
        .as_bytes(),
        1,
    )?;
    let status = peer.answer()?.status;
    check!(matches!(status, 400 | 414 | 431), "{status}");
    let mut peer = attack.peer()?;
    peer.pour(
        format!(
            "GET {POLLING} HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n",
            "b".repeat(20_000)
        )
        .as_bytes(),
        1,
    )?;
    is_refused(&mut peer, "20 KB of head")
}

fn broken_handshakes(attack: &Attack<'_>) -> Outcome {
    for headers in [
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
    ] {
        let headers = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{headers}");
        attack
            .ask("GET", WEBSOCKET, &headers, "")?
            .is(400, super::BAD_REQUEST)?;
    }
    attack.get(WEBSOCKET)?.is(400, super::BAD_REQUEST)?;
    let mut peer = attack.peer()?;
    peer.send(upgrade(WEBSOCKET, "").replace("HTTP/1.1", "HTTP/1.0"))?;
    peer.answer()?.has(400)
}

fn slow_handshake(attack: &Attack<'_>) -> Outcome {
    let mut peer = attack.peer()?;
    for byte in upgrade(WEBSOCKET, "").bytes() {
        peer.send([byte])?;
    }
    let mut client = WebSocket::new(peer)?;
    client.text()?;
    client.join("/")?;
    let start = attack.process().memory()?;
    for byte in crate::websocket::frame(0x81, r#"421["echo","slowly"]"#) {
        client.peer.send([byte])?;
    }
    client.expect(r#"431["slowly"]"#)?;
    let grown = attack.process().memory()?.saturating_sub(start);
    check!(grown < 256 * KB, "memory grew by {grown}");
    Ok(())
}

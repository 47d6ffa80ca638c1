//! Bodies of POSTs: how large, how many packets, what kind.

use std::time::{Duration, Instant};

use super::{MAX_PAYLOAD, MB, SECOND};
use crate::attack::POLLING;
use crate::outcome::{check, short};
use crate::peer::request;
use crate::{Attack, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new(
        "a POST that announces 100 MB",
        "CVE-2020-36048, A1",
        announced,
    )
    .memory(MB),
    Script::new(
        "a POST of 100 MB in chunks",
        "CVE-2020-36048, CVE-2026-48809, A1",
        chunked,
    )
    .memory(2 * MAX_PAYLOAD as u64),
    Script::new(
        "one limit on every transport",
        "A1, CVE-2026-48809",
        one_limit,
    )
    .memory(8 * MB),
    Script::new(
        "octet-stream POSTs are answered",
        "CVE-2026-59725",
        binary_posts,
    )
    .memory(2 * MB),
    Script::new("too many packets in a POST", "A6", too_many_packets).memory(8 * MB),
    Script::new("empty packets in a POST", "A6", empty_packets).memory(MB),
    Script::new("invalid UTF-8 in a POST", "A34", invalid_utf8).memory(MB),
    Script::new("base64 that is none, and too much of it", "A1, A34", base64).memory(4 * MB),
    Script::new("a POST pipelined behind a GET", "A33", pipelined).memory(MB),
    Script::new("pipelined, then gone", "A33", pipelined_and_gone).memory(MB),
    Script::new(
        "a thousand requests in one write",
        "A33, A30",
        many_pipelined,
    )
    .memory(4 * MB),
];

fn announced(attack: &Attack<'_>) -> Outcome {
    let target = attack.open()?;
    let mut peer = attack.peer()?;
    let start = Instant::now();
    peer.send(format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000001\r\n\r\n"
    ))?;
    peer.answer()?.has(413)?;
    attack.took(start, Duration::ZERO, SECOND)?;
    attack.is_gone(&target)
}

fn chunked(attack: &Attack<'_>) -> Outcome {
    let target = attack.open()?;
    let mut peer = attack.peer()?;
    peer.send(format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    ))?;
    let chunk = [
        format!("{:x}\r\n", 100_000).as_bytes(),
        &[b'x'; 100_000],
        b"\r\n",
    ]
    .concat();
    let sent = peer.pour(&chunk, 1000)?;
    // what the sockets' own buffers take on top
    check!(sent < 20_000_000, "{sent} bytes were taken");
    peer.answer()?.has(413)?;
    attack.is_gone(&target)
}

fn one_limit(attack: &Attack<'_>) -> Outcome {
    let open = attack.get(POLLING)?;
    check!(
        open.body.contains(r#""maxPayload":1000000"#),
        "{}",
        open.body
    );
    let event = |len: usize| format!(r#"42["x","{}"]"#, "y".repeat(len - 10));
    let target = attack.open_joined()?;
    attack.post(&target, &event(MAX_PAYLOAD))?.is(200, "ok")?;
    let mut client = attack.join()?;
    client.send(&event(MAX_PAYLOAD))?;
    client.echoes()?;
    let handled = attack.gauges()?.handled - attack.before.handled;
    check!(handled == 2, "{handled} of 2 events of exactly the limit");
    let mut peer = attack.peer()?;
    peer.pour(
        request("POST", &target, "", &event(MAX_PAYLOAD + 1)).as_bytes(),
        1,
    )?;
    peer.answer()?.has(413)?;
    attack.is_gone(&target)?;
    client
        .peer
        .pour(&crate::websocket::frame(0x81, event(MAX_PAYLOAD + 1)), 1)?;
    client.closes_with(1009)
}

fn binary_posts(attack: &Attack<'_>) -> Outcome {
    let post = "Content-Type: application/octet-stream\r\n";
    for _ in 0..attack.rounds(5000, 100) {
        let target = attack.open()?;
        let mut peer = attack.peer()?;
        peer.send(request("POST", &target, post, "\x01\x02\x03"))?;
        peer.answer()?.has(400)?;
    }
    // and all of them on one session
    let target = attack.open()?;
    for _ in 0..attack.rounds(5000, 100) {
        attack
            .ask("POST", &target, post, "\x01\x02\x03")?
            .has(400)?;
    }
    attack.nothing_handled()
}

fn too_many_packets(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let body = ["3"; 65_536].join("\u{1e}");
    attack.post(&target, &body)?.is(200, "ok")?;
    attack.still_works(&target)?;
    let target = attack.open_joined()?;
    let start = Instant::now();
    attack.post(&target, &format!("{body}\u{1e}3"))?.has(400)?;
    attack.took(start, Duration::ZERO, SECOND)?;
    attack.is_gone(&target)
}

fn empty_packets(attack: &Attack<'_>) -> Outcome {
    // a body without a byte holds no packet, and is none
    let target = attack.open_joined()?;
    attack.post(&target, "")?.is(200, "ok")?;
    attack.still_works(&target)?;
    for body in ["\u{1e}", "3\u{1e}", "\u{1e}3", "3\u{1e}\u{1e}3"] {
        let target = attack.open()?;
        attack.post(&target, body)?.has(400)?;
        attack.is_gone(&target)?;
    }
    let target = attack.open()?;
    attack.post(&target, &"\u{1e}".repeat(999_999))?.has(400)?;
    attack.is_gone(&target)
}

fn invalid_utf8(attack: &Attack<'_>) -> Outcome {
    for bytes in [
        &b"42[\"x\",\"\xff\"]"[..],
        b"4\xc3",
        b"\xf5",
        b"4\xed\xa0\x80",
    ] {
        let target = attack.open_joined()?;
        let mut peer = attack.peer()?;
        peer.send(format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            bytes.len()
        ))?;
        peer.send(bytes)?;
        peer.answer()?.has(400)?;
        attack.is_gone(&target)?;
    }
    attack.nothing_handled()
}

fn base64(attack: &Attack<'_>) -> Outcome {
    for body in ["b!", "bAQI", "bAQIDB", "bAQIDBA==\u{1e}bx", "b===="] {
        let target = attack.open_joined()?;
        let answer = attack.post(&target, body)?;
        check!(answer.status == 400, "{body:?}: {}", answer.status);
        attack.is_gone(&target)?;
    }
    // well formed, but nobody waits for a binary
    let target = attack.open_joined()?;
    attack.post(&target, &format!("b{}", "A".repeat(999_996)))?;
    attack.is_gone(&target)?;
    let target = attack.open_joined()?;
    attack.post(&target, "b")?;
    attack.is_gone(&target)?;
    attack.nothing_handled()
}

fn pipelined(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let mut peer = attack.peer()?;
    let get = request("GET", &target, "", "");
    let post = request("POST", &target, "", r#"421["echo",1]"#);
    // the heartbeat's ping ends the GET, the answer to the POST comes behind it
    peer.send(format!("{get}{post}"))?;
    peer.answer()?.is(200, "2")?;
    peer.answer()?.is(200, "ok")?;
    attack.post(&target, "3")?.is(200, "ok")?;
    attack.get(&target)?.is(200, "431[1]")?;
    attack.still_works(&target)
}

fn pipelined_and_gone(attack: &Attack<'_>) -> Outcome {
    for _ in 0..attack.rounds(100, 10) {
        let target = attack.open_joined()?;
        let mut peer = attack.peer()?;
        let get = request("GET", &target, "", "");
        let post = request("POST", &target, "", r#"42["x"]"#);
        peer.send(format!("{get}{}", post.repeat(50)))?;
    }
    Ok(())
}

fn many_pipelined(attack: &Attack<'_>) -> Outcome {
    let mut peer = attack.peer()?;
    let wrong = request("GET", "/socket.io/?EIO=4&transport=x", "", "");
    peer.pour(wrong.repeat(1000).as_bytes(), 1)?;
    for n in 0..1000 {
        let answer = peer.answer()?;
        check!(
            answer.status == 400,
            "answer {n}: {} {:?}",
            answer.status,
            short(&answer.body)
        );
    }
    Ok(())
}

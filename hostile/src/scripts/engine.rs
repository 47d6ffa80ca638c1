//! Packets of Engine.IO: heartbeat, order of requests, floods of sessions.

use std::time::{Duration, Instant};

use super::{MB, MS, SECOND};
use crate::attack::POLLING;
use crate::outcome::check;
use crate::peer::request;
use crate::websocket::{TEXT, frame};
use crate::{Attack, Failure, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("a hundred thousand pongs", "CVE-2026-48802, A28", pongs)
        .calm()
        .memory(MB),
    Script::new(
        "a hundred thousand pongs in POSTs",
        "CVE-2026-48802, A28",
        posted_pongs,
    )
    .calm()
    .memory(2 * MB),
    Script::new(
        "ten thousand handshakes, nothing more",
        "CVE-2026-48802, A14, A31",
        handshakes,
    )
    .apart(
        "a session is more than its bytes; its heartbeat bounds it, and the sessions of an address",
    )
    .memory(80 * MB)
    .cpu(SECOND.saturating_mul(5)),
    Script::new("handshakes that are reset", "A30, A31", reset_handshakes).memory(8 * MB),
    Script::new("a ping of the client", "A28", client_ping).memory(MB),
    Script::new(
        "engine packets that are none",
        "A38, CVE-2022-21676",
        nonsense,
    )
    .memory(MB),
    Script::new("a second GET", "A20", second_get).memory(MB),
    Script::new("a second POST", "A21", second_post).memory(MB),
    Script::new("an aborted GET", "A22", aborted_get).memory(MB),
    Script::new("an aborted POST", "A21, A23", aborted_post).memory(2 * MB),
    Script::new("events instead of pongs", "A29", events_instead_of_pongs).memory(2 * MB),
    Script::new("silence", "A29", silence).memory(MB),
];

fn pongs(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let start = attack.process().cpu()?;
    let (rounds, tasks) = (attack.rounds(100, 10), attack.gauges()?.tasks);
    client.peer.pour(&frame(TEXT, "3").repeat(1000), rounds)?;
    client.echoes()?;
    let now = attack.gauges()?.tasks;
    check!(now == tasks, "{now} tasks instead of {tasks}");
    attack.cpu_since(start, MS * 2 * rounds as u32)
}

fn posted_pongs(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let (start, rounds) = (attack.process().cpu()?, attack.rounds(100, 10));
    for _ in 0..rounds {
        attack
            .post(&target, &["3"; 1000].join("\u{1e}"))?
            .is(200, "ok")?;
    }
    attack.cpu_since(start, MS * 2 * rounds as u32)?;
    attack.still_works(&target)
}

/// Sessions that are opened and left alone end by the heartbeat.
fn handshakes(attack: &Attack<'_>) -> Outcome {
    let mut peer = attack.peer()?;
    let count = attack.rounds(10_000, 500);
    for _ in 0..count {
        peer.send(request("GET", POLLING, "", ""))?;
        peer.answer()?.has(200)?;
    }
    let open = attack.gauges()?;
    let tasks = open.tasks.saturating_sub(open.sessions);
    check!(tasks == 0, "{tasks} tasks more than sessions");
    Ok(())
}

fn reset_handshakes(attack: &Attack<'_>) -> Outcome {
    for round in 0..attack.rounds(2000, 100) {
        let mut peer = attack.peer()?;
        peer.send(request("GET", POLLING, "", ""))?;
        if round % 2 == 0 {
            peer.needs(1)?;
        }
        peer.reset()?;
    }
    Ok(())
}

fn client_ping(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    client.send("2")?;
    client.closes_with(0)?;
    let target = attack.open()?;
    attack.post(&target, "2")?.has(400)?;
    attack.is_gone(&target)
}

fn nonsense(attack: &Attack<'_>) -> Outcome {
    for text in [
        "",
        "7",
        "0{}",
        "abc",
        "\u{e9}aaaa",
        "2prob\u{e9}",
        "5",
        "6x",
        "b!",
        "\0",
        "-1",
        " 3",
    ] {
        let mut client = attack.join()?;
        client.send(text)?;
        client
            .closes_with(0)
            .map_err(|failure| Failure::new(format!("{text:?}: {failure}")))?;
    }
    Ok(())
}

fn second_get(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let mut first = attack.peer()?;
    first.send(request("GET", &target, "", ""))?;
    // which of the two the server reads first is its own affair
    let second = attack.get(&target)?;
    let first = first.answer()?;
    let statuses = (first.status, second.status);
    check!(matches!(statuses, (200, 400) | (400, 200)), "{statuses:?}");
    let released = if first.status == 200 { first } else { second };
    check!(
        matches!(released.body.as_str(), "1" | "2\u{1e}1"),
        "released with {:?}",
        released.body
    );
    attack.is_gone(&target)
}

fn second_post(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let mut first = attack.peer()?;
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
    first.send(&head)?;
    let mut second = attack.peer()?;
    second.send(&head)?;
    let statuses = [first.answer()?.status, second.answer()?.status];
    check!(statuses == [400, 400], "{statuses:?}");
    attack.is_gone(&target)?;
    attack.nothing_handled()
}

/// What was on its way with the poll is lost, so the session ends with it.
fn aborted_get(attack: &Attack<'_>) -> Outcome {
    for resets in [false, true] {
        let target = attack.open_joined()?;
        let sessions = attack.gauges()?.sessions;
        let mut poll = attack.peer()?;
        poll.send(request("GET", &target, "", ""))?;
        // the poll is there before it goes: the server has read this much
        attack.eventually("the poll", SECOND, |gauges| gauges.connections == 2)?;
        if resets {
            poll.reset()?;
        } else {
            drop(poll);
        }
        attack.eventually("the end of the session", SECOND, |gauges| {
            gauges.sessions < sessions
        })?;
        attack.post(&target, "40")?.has(400)?;
    }
    Ok(())
}

fn aborted_post(attack: &Attack<'_>) -> Outcome {
    for _ in 0..attack.rounds(200, 10) {
        let target = attack.open_joined()?;
        let mut post = attack.peer()?;
        post.send(format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n42[\"x\"]"
        ))?;
        post.reset()?;
    }
    attack.nothing_handled()
}

/// Anything received proves life, but only for one period more.
fn events_instead_of_pongs(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let start = Instant::now();
    let flood = frame(TEXT, r#"42["x"]"#);
    while attack.gauges()?.present > attack.before.present {
        client.peer.send(&flood)?;
        check!(
            start.elapsed() < attack.pace.stretch(SECOND * 3),
            "events keep it alive for ever"
        );
    }
    // 300 ms to the ping, then twice 200 ms
    attack.took(start, 500 * MS, Duration::from_millis(1500))
}

fn silence(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let start = Instant::now();
    client.closes_with(0)?;
    attack.took(start, 450 * MS, Duration::from_millis(1200))
}

//! Peers that take their time: heads, bodies, answers, messages.

use std::time::{Duration, Instant};

use super::{MB, MS, SECOND};
use crate::attack::{POLLING, WEBSOCKET};
use crate::outcome::{check, short};
use crate::peer::request;
use crate::websocket::{WebSocket, upgrade};
use crate::{Attack, Outcome, Script};

/// Why memory is not that of the attack's bytes.
const FLOOD: &str = "the handler sends that much; the budgets of queues bound it";

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("a head that does not come", "A24", slow_head)
        .calm()
        .short(&[("HEAD_TIMEOUT_MS", "300")])
        .memory(2 * MB),
    Script::new("a head that drips", "A24", dripping_head)
        .calm()
        .short(&[("HEAD_TIMEOUT_MS", "300")])
        .memory(MB),
    Script::new("a body that does not come", "A23", slow_body)
        .calm()
        .short(&[("BODY_TIMEOUT_MS", "300")])
        .memory(2 * MB),
    Script::new("a body that drips", "A23", dripping_body)
        .calm()
        .short(&[("BODY_TIMEOUT_MS", "300")])
        .memory(MB),
    Script::new("an answer that is not read", "A25", unread_answer)
        .calm()
        .apart(FLOOD)
        .short(&[("WRITE_TIMEOUT_MS", "300")])
        .memory(24 * MB),
    Script::new(
        "messages that are not read, 100 MB",
        "A26, 2.1",
        unread_messages,
    )
    .apart(FLOOD)
    .calm()
    .memory(40 * MB),
    Script::new(
        "messages that are not read, then the heartbeat",
        "A26, A27",
        unread_and_silent,
    )
    .apart(FLOOD)
    .memory(24 * MB),
    Script::new("a close that is not read", "A27", unread_close)
        .apart(FLOOD)
        .memory(24 * MB),
    Script::new("a client faster than the handler", "2.1, F25", fast_client)
        .calm()
        .memory(8 * MB),
];

fn slow_head(attack: &Attack<'_>) -> Outcome {
    let limit = if attack.full { SECOND * 10 } else { 300 * MS };
    let heads = [
        "",
        "G",
        "GET / HTTP/1.1\r\n",
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nA: ",
    ];
    let start = Instant::now();
    let mut peers = Vec::new();
    for head in heads {
        let mut peer = attack.peer()?;
        peer.patience = limit + SECOND * 5;
        peer.send(head)?;
        peers.push(peer);
    }
    for mut peer in peers {
        let said = peer.ended()?;
        let said = String::from_utf8_lossy(&said);
        check!(
            said.is_empty() || said.starts_with("HTTP/1.1 408"),
            "it said {:?}",
            short(&said)
        );
    }
    attack.took(start, limit - limit / 10, limit + SECOND)
}

/// Bytes that come do not prolong it.
fn dripping_head(attack: &Attack<'_>) -> Outcome {
    let limit = if attack.full { SECOND * 10 } else { 300 * MS };
    let mut peer = attack.peer()?;
    let start = Instant::now();
    peer.send(format!("GET {POLLING} HTTP/1.1\r\nA: "))?;
    while peer.send("b").is_ok() {
        check!(
            start.elapsed() < attack.pace.stretch(limit + SECOND * 2),
            "it drips for ever"
        );
        std::thread::sleep(limit / 50);
    }
    attack.took(start, limit - limit / 10, limit + SECOND)
}

fn slow_body(attack: &Attack<'_>) -> Outcome {
    // 1 KB/s after 5 s is the first rule that a silent body breaks
    let limit = if attack.full { SECOND * 5 } else { 300 * MS };
    let target = attack.open_joined()?;
    let mut peer = attack.peer()?;
    peer.patience = limit + SECOND * 5;
    let start = Instant::now();
    peer.send(format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n42["
    ))?;
    peer.answer()?.has(408)?;
    attack.took(start, limit - limit / 10, limit + SECOND)?;
    attack.is_gone(&target)?;
    attack.nothing_handled()
}

/// Faster than 1 KB/s, but not fast enough for what was announced.
fn dripping_body(attack: &Attack<'_>) -> Outcome {
    let limit = if attack.full { SECOND * 20 } else { 300 * MS };
    let target = attack.open_joined()?;
    let mut peer = attack.peer()?;
    let start = Instant::now();
    peer.send(format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
    ))?;
    let mut drop_by_drop = Ok(());
    while drop_by_drop.is_ok() && start.elapsed() < limit {
        drop_by_drop = peer.send([b'x'; 40]);
        std::thread::sleep(MS * 20);
    }
    peer.answer()?.has(408)?;
    attack.took(start, limit - limit / 10, limit + SECOND)?;
    attack.is_gone(&target)
}

/// A poll whose answer is larger than all buffers on the way.
fn unread_answer(attack: &Attack<'_>) -> Outcome {
    let limit = if attack.full { SECOND * 20 } else { 300 * MS };
    let target = attack.open_joined()?;
    // one message is not divided among polls
    attack
        .post(&target, r#"42["flood",1,12000000]"#)?
        .is(200, "ok")?;
    let start = Instant::now();
    let mut peer = attack.narrow()?;
    peer.send(request("GET", &target, "", ""))?;
    attack.eventually("the poll", SECOND, |now| now.connections == 2)?;
    let gone = limit + SECOND * 2;
    attack.eventually("the end of the connection", gone, |now| {
        now.connections == 1
    })?;
    attack.took(start, limit - limit / 10, gone)?;
    // the session's own end is the heartbeat's, or comes with its client
    attack.post(&target, "1")?.has(200)
}

fn narrow_client(attack: &Attack<'_>) -> Outcome<WebSocket> {
    let mut peer = attack.narrow()?;
    peer.send(upgrade(WEBSOCKET, ""))?;
    let mut client = WebSocket::new(peer)?;
    client.text()?;
    client.join("/")?;
    Ok(client)
}

fn unread_messages(attack: &Attack<'_>) -> Outcome {
    let calm = attack.gauges()?;
    let mut client = narrow_client(attack)?;
    // twice the hard budget is enough; in a debug build, the handler takes 2 s to build a hundred
    let count = attack.rounds(100, 32);
    client.send(&format!(r#"42["flood",{count},1000000]"#))?;
    attack.eventually("a slow consumer", SECOND * 3, |now| {
        now.present == calm.present
    })?;
    attack.eventually("nothing that waits", SECOND * 12, |now| {
        now.queued_bytes == 0
    })
}

/// Below the budgets, the heartbeat ends it: its ping is not answered either.
fn unread_and_silent(attack: &Attack<'_>) -> Outcome {
    let calm = attack.gauges()?;
    let mut client = narrow_client(attack)?;
    client.send(r#"42["flood",12,1000000]"#)?;
    attack.eventually("something that waits", SECOND, |now| {
        now.queued_bytes > 1_000_000
    })?;
    attack.eventually("the application is told", SECOND * 2, |now| {
        now.present == calm.present
    })
}

/// The application closes; the peer takes neither the rest nor the close frame.
fn unread_close(attack: &Attack<'_>) -> Outcome {
    let calm = attack.gauges()?;
    let mut client = narrow_client(attack)?;
    client.send(r#"42["flood",12,1000000]"#)?;
    attack.eventually("something that waits", SECOND, |now| {
        now.queued_bytes > 1_000_000
    })?;
    let start = Instant::now();
    client.send("nonsense")?;
    attack.eventually("the application is told", SECOND, |now| {
        now.present == calm.present
    })?;
    attack.eventually("the writer's end", SECOND * 12, |now| {
        now.tasks == calm.tasks
    })?;
    attack.took(start, Duration::ZERO, SECOND * 12)
}

/// Events without end against a handler of 200 ms: TCP slows the client down. When it has gone, what was taken from it
/// (256 KiB) is still handled.
fn fast_client(attack: &Attack<'_>) -> Outcome {
    let calm = attack.gauges()?;
    let mut client = attack.join()?;
    client.peer.patience = SECOND;
    let event = crate::websocket::frame(0x81, format!(r#"42["slow","{}"]"#, "x".repeat(30_000)));
    // as much as the inbox and the sockets' buffers take, and no more
    let poured = client.peer.pour(&event, attack.rounds(2000, 1000));
    check!(poured.is_err(), "the server took all of it: {poured:?}");
    let sessions = attack.gauges()?.sessions;
    check!(sessions == calm.sessions + 1, "the session ended");
    client.peer.reset()?;
    attack.eventually("an end of handlers", SECOND * 60, |now| {
        now.present == calm.present
    })
}

//! Floods: connections, descriptors, rooms, idle sessions.

use super::{KB, MB, MS, SECOND};
use crate::outcome::check;
use crate::peer::Peer;
use crate::websocket::{TEXT, frame};
use crate::{Attack, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("idle WebSockets", "A31", idle_websockets)
        .calm()
        .memory(24 * MB),
    Script::new("idle TCP connections", "A30, A24", idle_connections)
        .calm()
        .apart("a connection is more than its bytes; 10 s bound it, and descriptors")
        .memory(32 * MB),
    Script::new("more connections than descriptors", "A30", no_descriptors)
        .calm()
        .apart("a connection is more than its bytes; descriptors bound it")
        .descriptors(100)
        .memory(4 * MB),
    Script::new("connect and reset", "A30", connect_and_reset).memory(8 * MB),
    Script::new("a hundred thousand rooms", "A10", many_rooms)
        .calm()
        .apart("the handler joins them; `max_rooms` bounds it")
        .memory(64 * MB),
    Script::new("more rooms than a socket may have", "A10", too_many_rooms)
        .settings(&[("MAX_ROOMS", "100")])
        .calm()
        .memory(2 * MB),
    Script::new("one room, joined again and again", "A10", one_room)
        .calm()
        .memory(2 * MB),
    Script::new("small frames held back by none", "A31, A26", small_echoes)
        .calm()
        .memory(16 * MB),
];

fn idle_websockets(attack: &Attack<'_>) -> Outcome {
    let count = attack.rounds(1000, 100);
    let memory = attack.process().memory()?;
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = attack.join()?;
        // once a message has come and gone, its buffer goes too
        client.send(&format!(r#"421["echo","{}"]"#, "x".repeat(50_000)))?;
        client.text()?;
        clients.push(client);
    }
    let each = attack.process().memory()?.saturating_sub(memory) / count as u64;
    // the heap, and what the allocator does not give back of the 50 KB that were there
    check!(
        each < 16 * KB || !attack.full,
        "{each} bytes for an idle connection"
    );
    Ok(())
}

fn idle_connections(attack: &Attack<'_>) -> Outcome {
    let mut peers = Vec::new();
    for _ in 0..attack.rounds(2000, 200) {
        peers.push(attack.peer()?);
    }
    // none of them is in the way of the others
    attack.get("/socket.io/?EIO=4&transport=x")?.has(400)?;
    Ok(())
}

/// With 100 descriptors and 200 connections, the newcomers are closed, and the old ones notice nothing.
fn no_descriptors(attack: &Attack<'_>) -> Outcome {
    let start = attack.process().cpu()?;
    let mut peers = Vec::new();
    for _ in 0..200 {
        peers.push(attack.peer()?);
    }
    let mut closed = 0;
    attack.until("a hundred closed connections", 5 * SECOND, || {
        let ends = peers.iter_mut().map(Peer::has_ended);
        closed = ends.filter(|ended| *ended).count();
        Ok(closed >= 100)
    })?;
    let descriptors = attack.process().descriptors()?;
    check!(
        closed < 120 && descriptors >= 95,
        "{closed} connections closed, {descriptors} descriptors"
    );
    // what the server does meanwhile is wait: an accept loop that spins would show in its CPU time
    std::thread::sleep(SECOND / 2);
    attack.cpu_since(start, 100 * MS)?;
    drop(peers);
    // until the server has seen that they are gone, whoever comes is turned away
    attack.until("an answer", SECOND, || Ok(attack.gauges().is_ok()))?;
    attack.eventually("an accept", SECOND, |gauges| gauges.connections == 1)
}

fn connect_and_reset(attack: &Attack<'_>) -> Outcome {
    // more of them at once than the listener's backlog holds only wait for their own next SYN
    for _ in 0..attack.rounds(3000, 300) {
        attack.peer()?.reset()?;
    }
    Ok(())
}

fn many_rooms(attack: &Attack<'_>) -> Outcome {
    let count = attack.rounds(100_000, 5000);
    let mut client = attack.join()?;
    let start = attack.process().cpu()?;
    client.send(&format!(r#"421["joinMany","room",{count}]"#))?;
    client.expect(&format!("431[{}]", count + 1))?;
    attack.cpu_since(start, std::time::Duration::from_micros(5) * count as u32)?;
    let start = attack.process().cpu()?;
    client.send("41")?;
    attack.eventually("nobody in the rooms", SECOND * 2, |gauges| {
        gauges.sockets == attack.before.sockets
    })?;
    // leaving costs what one has, not what all have
    attack.cpu_since(start, std::time::Duration::from_micros(5) * count as u32)
}

fn too_many_rooms(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    for _ in 0..attack.rounds(100, 5) {
        client.send(r#"421["joinMany","room",5000]"#)?;
        // and that of its id
        client.expect("431[101]")?;
    }
    Ok(())
}

fn one_room(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    for _ in 0..attack.rounds(10_000, 300) {
        client.send(r#"421["join","same"]"#)?;
        client.expect("431[true]")?;
    }
    Ok(())
}

fn small_echoes(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let events = frame(TEXT, r#"42["echo",1]"#).repeat(1000);
    for _ in 0..attack.rounds(100, 10) {
        client.peer.pour(&events, 1)?;
    }
    let mut echoes = 0;
    while echoes < attack.rounds(100, 10) * 1000 {
        let text = client.text()?;
        check!(text == r#"42["echo",1]"#, "{text}");
        echoes += 1;
    }
    Ok(())
}

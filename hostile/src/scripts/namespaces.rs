//! Connecting to namespaces, and who never does.

use std::time::Instant;

use super::{MB, MS, SECOND};
use crate::attack::closes_silently;
use crate::outcome::{check, short};
use crate::{Attack, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("1 MB of CONNECT in a POST", "A7", storm_in_a_post)
        .calm()
        .memory(16 * MB),
    Script::new("a storm of CONNECT on a WebSocket", "A7", storm).memory(MB),
    Script::new("a storm of CONNECT while auth waits", "A7", storm_in_auth).memory(MB),
    Script::new(
        "packets before the CONNECT's answer",
        "python-engineio 4.14, A14",
        early_packets,
    )
    .memory(MB),
    Script::new("300 namespaces", "A8", many_namespaces).memory(4 * MB),
    Script::new("namespaces that nobody mounted", "A9", unknown_namespaces)
        .calm()
        .memory(2 * MB),
    Script::new("names that no namespace can have", "A9", bad_names).memory(2 * MB),
    Script::new(
        "more namespaces of a pattern than there may be",
        "A9",
        many_children,
    )
    .settings(&[("MAX_CHILDREN", "100")])
    .calm()
    .memory(2 * MB),
    Script::new("join and leave, for ever", "A9, A14", join_and_leave)
        .calm()
        .memory(2 * MB),
    Script::new("no namespace at all", "A14", unauthenticated)
        .calm()
        .short(&[("CONNECT_TIMEOUT_MS", "400")])
        .memory(MB),
    Script::new("no namespace any more", "A14", left_the_last)
        .calm()
        .short(&[("CONNECT_TIMEOUT_MS", "400")])
        .memory(MB),
    Script::new(
        "anything but CONNECT before joining",
        "A14",
        packets_before_joining,
    )
    .memory(MB),
];

fn storm_in_a_post(attack: &Attack<'_>) -> Outcome {
    let target = attack.open()?;
    let start = attack.process().cpu()?;
    let storm = "40\u{1e}".repeat(333_333);
    attack.post(&target, storm.trim_end_matches('\u{1e}'))?;
    attack.is_gone(&target)?;
    attack.cpu_since(start, 50 * MS)?;
    // as many as one payload may have
    let target = attack.open()?;
    attack.post(&target, &["40"; 65_536].join("\u{1e}"))?;
    attack.is_gone(&target)?;
    let connects = attack.gauges()?.connects - attack.before.connects;
    check!(connects <= 2, "{connects} sockets");
    Ok(())
}

fn storm(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.websocket()?;
    client.send_all(["40"; 1000])?;
    ends(&mut client)?;
    let connects = attack.gauges()?.connects - attack.before.connects;
    check!(connects <= 1, "{connects} sockets");
    Ok(())
}

/// Waits for the close frame, whatever comes before.
fn ends(client: &mut crate::websocket::WebSocket) -> Outcome {
    while client.frame()?.0 != crate::websocket::CLOSE {}
    Ok(())
}

fn storm_in_auth(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.websocket()?;
    client.send_all(["40/slow,"; 1000])?;
    closes_silently(&mut client, "40/slow,")?;
    only_the_last_joins(attack)
}

/// When one who asks now is let into `/slow`, all before have been judged.
fn only_the_last_joins(attack: &Attack<'_>) -> Outcome {
    attack.websocket()?.join("/slow")?;
    let connects = attack.gauges()?.connects - attack.before.connects;
    check!(connects <= 1, "{connects} sockets");
    Ok(())
}

fn early_packets(attack: &Attack<'_>) -> Outcome {
    for early in [
        r#"42/slow,["admin"]"#,
        r#"42/slow,1["admin"]"#,
        r#"451-/slow,["x"]"#,
        "43/slow,0[]",
        "41/slow,",
        "40/slow,",
    ] {
        let mut client = attack.websocket()?;
        client.send_all(["40/slow,", early])?;
        closes_silently(&mut client, early)?;
    }
    only_the_last_joins(attack)?;
    attack.nothing_handled()
}

fn many_namespaces(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.websocket()?;
    let mut joined = 0;
    for n in 0..300 {
        client.send(&format!("40/n{n},"))?;
        let answer = client.text()?;
        if answer.starts_with(&format!("40/n{n},")) {
            joined += 1;
        } else {
            check!(
                answer.starts_with(&format!("44/n{n},")),
                "{}",
                short(&answer)
            );
        }
    }
    check!(joined == 256, "{joined} namespaces");
    Ok(())
}

fn unknown_namespaces(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let memory = attack.process().memory()?;
    for n in 0..attack.rounds(10_000, 500) {
        client.send(&format!("40/u{n},"))?;
        client.expect(&format!(r#"44/u{n},{{"message":"Invalid namespace"}}"#))?;
    }
    let grown = attack.process().memory()?.saturating_sub(memory);
    check!(grown < MB, "{grown} bytes were kept");
    client.echoes()
}

/// Who asks for a name that nobody had yet makes a namespace; the last to leave takes it along.
fn many_children(attack: &Attack<'_>) -> Outcome {
    for round in 0..attack.rounds(20, 2) {
        let mut client = attack.join()?;
        // those of the round before give their places back right behind their clients
        let first = format!("/children/{round}-0");
        attack.until("room for one more", SECOND, || {
            Ok(client.join(&first).is_ok())
        })?;
        for n in 1..100 {
            client.join(&format!("/children/{round}-{n}"))?;
        }
        let mut other = attack.join()?;
        let refused = r#"{"message":"too many namespaces"}"#;
        other.send(&format!("40/children/{round}-x,"))?;
        other.expect(&format!("44/children/{round}-x,{refused}"))?;
        // a namespace that is there already is no new one
        other.join(&format!("/children/{round}-0"))?;
        other.send("1")?;
        other.closed()?;
        client.send("1")?;
        client.closed()?;
        attack.eventually("nobody in them", SECOND, |now| {
            now.sockets == attack.before.sockets
        })?;
    }
    Ok(())
}

fn bad_names(attack: &Attack<'_>) -> Outcome {
    let long = "n".repeat(300);
    let mut client = attack.websocket()?;
    client.send(&format!("40/{long},"))?;
    ends(&mut client)?;
    let mut client = attack.websocket()?;
    client.peer.pour(
        &crate::websocket::frame(0x81, format!("40/{}", "n".repeat(900_000))),
        1,
    )?;
    ends(&mut client)?;
    // these are names, of nobody's
    for name in ["/\u{1}", "/a\nb", "/é", "/../", "/%2e", "/?token=x", "/ "] {
        let mut client = attack.websocket()?;
        client.send(&format!("40{name},"))?;
        let (first, content) = client.frame()?;
        let said = String::from_utf8_lossy(&content);
        check!(
            first == crate::websocket::CLOSE || said.starts_with("44/"),
            "{name:?}: {:?}",
            short(&said)
        );
    }
    Ok(())
}

fn join_and_leave(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let before = attack.gauges()?;
    for _ in 0..attack.rounds(10_000, 300) {
        client.join("/custom")?;
        client.send("41/custom,")?;
    }
    client.echoes()?;
    attack.eventually("nobody in /custom", SECOND * 2, |now| {
        (now.sockets, now.present) == (before.sockets, before.present)
    })
}

fn unauthenticated(attack: &Attack<'_>) -> Outcome {
    let limit = if attack.full { SECOND * 45 } else { 400 * MS };
    let start = Instant::now();
    let mut client = attack.websocket()?;
    client.peer.patience = limit + SECOND * 5;
    let target = attack.open()?;
    closes_silently(&mut client, "nothing")?;
    attack.took(start, limit - limit / 10, limit + SECOND * 2)?;
    attack.is_gone(&target)
}

fn left_the_last(attack: &Attack<'_>) -> Outcome {
    let limit = if attack.full { SECOND * 45 } else { 400 * MS };
    let mut client = attack.join()?;
    client.peer.patience = limit + SECOND * 5;
    client.send("41")?;
    let start = Instant::now();
    closes_silently(&mut client, "41")?;
    attack.took(start, limit - limit / 10, limit + SECOND * 2)
}

fn packets_before_joining(attack: &Attack<'_>) -> Outcome {
    for packet in [
        r#"42["x"]"#,
        r#"421["x"]"#,
        "430[]",
        "41/custom,",
        r#"42/custom,["x"]"#,
    ] {
        let mut client = attack.websocket()?;
        client.send(packet)?;
        closes_silently(&mut client, packet)?;
    }
    attack.nothing_handled()
}

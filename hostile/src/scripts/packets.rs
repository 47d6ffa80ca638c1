//! Events and their attachments.

use std::time::Instant;

use super::{MAX_PAYLOAD, MB, MS, SECOND};
use crate::attack::closes_silently;
use crate::outcome::check;
use crate::websocket::{BINARY, frame};
use crate::{Attack, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new(
        "placeholders that name no attachment",
        "CVE-2022-2421",
        placeholders,
    )
    .memory(MB),
    Script::new("names that are no text", "CVE-2023-32695", names).memory(MB),
    Script::new("an event named error", "CVE-2024-38355", error_event).memory(MB),
    Script::new("names that belong to the library", "A36", reserved).memory(MB),
    Script::new("a name of 900 KB", "A11", long_name)
        .calm()
        .memory(8 * MB),
    Script::new(
        "more attachments than allowed",
        "CVE-2026-33151, A2",
        many_attachments,
    )
    .calm()
    .memory(MB),
    Script::new(
        "a count of zero, then binaries",
        "CVE-2026-69185",
        no_attachments,
    )
    .calm()
    .memory(MB),
    Script::new(
        "a binary event before joining",
        "CVE-2026-48804",
        before_joining,
    )
    .memory(MB),
    Script::new(
        "half a binary event, then leaving",
        "CVE-2026-48804",
        half_an_event,
    )
    .memory(4 * MB),
    Script::new("attachments that never come", "A4", unfinished)
        .calm()
        .short(&[("ASSEMBLY_TIMEOUT_MS", "300")])
        .memory(4 * MB),
    Script::new("11 MB of attachments", "A3", heavy_event)
        .calm()
        .memory(24 * MB),
    Script::new(
        "acks that the client never sends",
        "socket.io 4.8.4, A12",
        pending_acks,
    )
    .calm()
    .settings(&[("ACK_TIMEOUT_MS", "1000")])
    .apart("the handler asks for 100,000 acks; a cap and a deadline bound what waits")
    .memory(128 * MB),
    Script::new("a hundred thousand acks, then gone", "A13", wanted_acks)
        .calm()
        .memory(24 * MB),
];

fn placeholders(attack: &Attack<'_>) -> Outcome {
    let numbers = [
        r#","num":"splice""#,
        r#","num":-1"#,
        r#","num":1"#,
        r#","num":1.5"#,
        r#","num":1e308"#,
        r#","num":null"#,
        "",
        r#","num":[0]"#,
        r#","num":9223372036854775808"#,
        r#","num":18446744073709551616"#,
    ];
    let zero = r#"{"_placeholder":true,"num":0}"#;
    let mut packets: Vec<String> = numbers
        .iter()
        .map(|number| format!(r#"451-["x",{{"_placeholder":true{number}}}]"#))
        .collect();
    packets.extend([
        format!(r#"452-["x",{zero},{zero}]"#),
        format!(r#"452-["x",{zero}]"#),
        r#"451-["x"]"#.to_owned(),
    ]);
    for packet in packets {
        let mut client = attack.join()?;
        let attachments = frame(BINARY, [1]).repeat(2);
        client
            .peer
            .send([frame(0x81, &packet), attachments].concat())?;
        closes_silently(&mut client, &packet)?;
    }
    attack.nothing_handled()
}

fn names(attack: &Attack<'_>) -> Outcome {
    attack.refuses([
        r#"42[{"toString":"x"}]"#,
        r#"42[["a"]]"#,
        "42[null]",
        "42[true]",
        "42[]",
        "42{}",
        r#"42"x""#,
        "42",
        "42null",
    ])
}

fn error_event(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    client.send_all([r#"42["error"]"#, r#"42["error",{}]"#])?;
    client.echoes()?;
    let handled = attack.gauges()?.handled - attack.before.handled;
    check!(handled == 2, "{handled} of 2 events");
    Ok(())
}

fn reserved(attack: &Attack<'_>) -> Outcome {
    let names = [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ];
    attack.refuses(names.map(|name| format!(r#"42["{name}"]"#)))?;
    attack.refuses([r#"42["\u0063onnect"]"#])
}

fn long_name(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let memory = attack.process().memory()?;
    for n in 0..attack.rounds(100, 10) {
        client.send(&format!(r#"421["{n}{}"]"#, "e".repeat(900_000)))?;
        client.expect("431[]")?;
    }
    let grown = attack.process().memory()?.saturating_sub(memory);
    // the allocator keeps a few of them; all would be 90 MB
    check!(grown < 7 * MB, "{grown} bytes were kept of names");
    Ok(())
}

fn many_attachments(attack: &Attack<'_>) -> Outcome {
    for packet in [
        r#"4511-["x"]"#,
        r#"4599999999999-["x"]"#,
        r#"4518446744073709551617-["x"]"#,
    ] {
        let mut client = attack.join()?;
        client.send(packet)?;
        client
            .peer
            .pour(&frame(BINARY, [0; 1000]), attack.rounds(10_000, 500))?;
        closes_silently(&mut client, packet)?;
    }
    attack.nothing_handled()
}

fn no_attachments(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    client.send(r#"450-["x"]"#)?;
    client
        .peer
        .pour(&frame(BINARY, [0; 1024]), attack.rounds(100_000, 2000))?;
    closes_silently(&mut client, "no attachments")?;
    attack.nothing_handled()
}

fn before_joining(attack: &Attack<'_>) -> Outcome {
    let place = r#"["x",{"_placeholder":true,"num":0}]"#;
    let mut client = attack.websocket()?;
    client.send(&format!("451-{place}"))?;
    closes_silently(&mut client, "not joined")?;
    let mut client = attack.join()?;
    client.send(&format!("451-/custom,{place}"))?;
    closes_silently(&mut client, "another namespace")?;
    attack.nothing_handled()
}

fn half_an_event(attack: &Attack<'_>) -> Outcome {
    let header = r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    for last in ["41", r#"42["x"]"#, "40", "1"] {
        let mut client = attack.join()?;
        client.send(header)?;
        client.send_binary(&vec![0; MAX_PAYLOAD])?;
        client.send(last)?;
        closes_silently(&mut client, last)?;
    }
    for _ in 0..attack.rounds(100, 10) {
        let mut client = attack.join()?;
        client.send(header)?;
        client.send_binary(&[0; 100_000])?;
        client.peer.reset()?;
    }
    attack.nothing_handled()
}

fn unfinished(attack: &Attack<'_>) -> Outcome {
    let limit = if attack.full { SECOND * 30 } else { 300 * MS };
    let mut client = attack.join()?;
    client.peer.patience = limit + SECOND * 5;
    client.send(r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)?;
    let start = Instant::now();
    client.send_binary(&[0; 1000])?;
    closes_silently(&mut client, "half an event")?;
    attack.took(start, limit - limit / 10, limit + SECOND * 2)?;
    attack.nothing_handled()
}

fn heavy_event(attack: &Attack<'_>) -> Outcome {
    let places: Vec<String> = (0..10)
        .map(|n| format!(r#"{{"_placeholder":true,"num":{n}}}"#))
        .collect();
    let packet = format!(r#"4510-["x",{}]"#, places.join(","));
    let mut client = attack.join()?;
    client.send(&packet)?;
    client.peer.pour(&frame(BINARY, vec![0; MAX_PAYLOAD]), 10)?;
    closes_silently(&mut client, &packet)?;
    attack.nothing_handled()
}

fn pending_acks(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let count = attack.rounds(100_000, 5000);
    client.send(&format!(r#"42["ask",{count}]"#))?;
    let mut asked = 0;
    // of those beyond 65,536 the caller gets an error at once
    while asked < count {
        let (_, content) = client.frame()?;
        asked += usize::from(content.ends_with(br#"["ask",null]"#));
    }
    attack.eventually("acks that have timed out", SECOND * 10, |gauges| {
        gauges.awaited == 0
    })?;
    client.send("430[1]")?;
    client.echoes()
}

fn wanted_acks(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let asks: Vec<u8> = (0..1000)
        .flat_map(|n| frame(0x81, format!(r#"42{n}["echo",{n}]"#)))
        .collect();
    for _ in 0..attack.rounds(100, 5) {
        // what the server cannot get rid of, it stops taking
        if client.peer.pour(&asks, 1).is_err() {
            break;
        }
    }
    let queued = attack.gauges()?.queued_bytes;
    check!(queued < 17 * MB, "{queued} bytes wait");
    client.peer.reset()?;
    // and a slow one, which is answered when nobody is there
    let mut client = attack.join()?;
    client.send(r#"421["slow"]"#)?;
    client.peer.reset()?;
    attack.eventually("an end of handlers", SECOND * 6, |gauges| {
        gauges.present == attack.before.present
    })
}

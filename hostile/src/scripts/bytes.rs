//! Socket.IO packets at the level of bytes: cut, nested, numbered, in the wrong kind of frame.

use std::time::{Duration, Instant};

use super::{MB, MS};
use crate::attack::closes_silently;
use crate::outcome::check;
use crate::websocket::{TEXT, frame};
use crate::{Attack, Failure, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("a packet of digits", "CVE-2020-36049", digits)
        .calm()
        .memory(4 * MB),
    Script::new(
        "multibyte characters, packets cut anywhere",
        "socketioxide #794",
        cut_packets,
    )
    .memory(MB),
    Script::new("a million open brackets", "GHSA-c6g7-r2mf-pf5g, A5", deep)
        .calm()
        .memory(8 * MB),
    Script::new("ack ids", "A37", ack_ids).memory(MB),
    Script::new("numbers and types that Node accepts", "A38", lenient).memory(MB),
    Script::new("binary where text is due", "A39", binary_for_text).memory(MB),
    Script::new("text where binary is due", "A39", text_for_binary).memory(MB),
    Script::new(
        "engine packets between attachments",
        "A39",
        between_attachments,
    )
    .memory(MB),
    Script::new(
        "quotes, NUL and dollars in every name",
        "postgres-adapter #1, A43",
        injection,
    )
    .memory(MB),
    Script::new("JSON with a hundred thousand keys", "A42", many_keys)
        .calm()
        .apart("the handler reads it into a tree")
        .memory(16 * MB),
    Script::new("JSON with as many keys, echoed", "A42", echoed_keys)
        .calm()
        .memory(4 * MB),
    Script::new("rooms whose names collide", "A42", many_rooms)
        .calm()
        .apart("the handler joins 20,000 rooms")
        .memory(16 * MB),
    Script::new("ten thousand bad packets", "A43", log_flood)
        .calm()
        .memory(2 * MB),
];

fn digits(attack: &Attack<'_>) -> Outcome {
    // a message of this size costs what it costs; the digits may add nothing to that
    let mut warm = attack.join()?;
    warm.send(&format!(r#"42["y","{}"]"#, "y".repeat(999_000)))?;
    warm.echoes()?;
    drop(warm);
    let mut client = attack.join()?;
    let bytes = frame(TEXT, format!("4{}", "2".repeat(999_998)));
    attack.process().forget_peak()?;
    let (memory, cpu, start) = (
        attack.process().memory()?,
        attack.process().cpu()?,
        Instant::now(),
    );
    client.peer.send(bytes)?;
    closes_silently(&mut client, "digits")?;
    attack.took(
        start,
        Duration::ZERO,
        if cfg!(debug_assertions) {
            200 * MS
        } else {
            25 * MS
        },
    )?;
    attack.cpu_since(cpu, 10 * MS)?;
    let grown = attack.process().peak()?.saturating_sub(memory);
    check!(
        grown < 2 * MB || attack.pace == crate::Pace::Checked,
        "memory grew by {grown} bytes"
    );
    Ok(())
}

fn cut_packets(attack: &Attack<'_>) -> Outcome {
    attack.refuses([
        "éaaaa",
        "b",
        "",
        "2probé",
        "4éaaaa",
        "4",
        "é",
        "42é",
        "4\u{10ffff}",
    ])?;
    let whole = r#"451-/custom,12["é🦀",{"_placeholder":true,"num":0}]"#.as_bytes();
    for end in 0..whole.len() {
        let mut client = attack.join()?;
        let cut = whole.get(..end).unwrap_or_default();
        client.peer.send(frame(TEXT, cut))?;
        let code = client
            .closed()
            .map_err(|failure| Failure::new(format!("the first {end} bytes: {failure}")))?;
        // a cut inside a character is no text
        let expected = if std::str::from_utf8(cut).is_ok() {
            0
        } else {
            1007
        };
        check!(code == expected, "the first {end} bytes: close code {code}");
    }
    attack.nothing_handled()
}

fn deep(attack: &Attack<'_>) -> Outcome {
    let open = "[".repeat(999_000);
    let even = format!("{}{}", "[".repeat(490_000), "]".repeat(490_000));
    attack.refuses([
        format!(r#"42["x",{open}"#),
        format!(r#"42["x",{even}]"#),
        format!("430{even}"),
        format!("42{}", r#"{"a":"#.repeat(190_000)),
        format!(r#"42["x",{}]"#, r#"{"a":"#.repeat(190_000)),
    ])?;
    let mut client = attack.websocket()?;
    client.send(&format!(r#"40{{"a":{even}}}"#))?;
    closes_silently(&mut client, "deep auth")?;
    // the depth that is allowed can be echoed
    let mut client = attack.join()?;
    let allowed = format!("{}{}", "[".repeat(126), "]".repeat(126));
    client.send(&format!(r#"421["echo",{allowed}]"#))?;
    client.expect(&format!("431[{allowed}]"))
}

fn ack_ids(attack: &Attack<'_>) -> Outcome {
    attack.refuses([
        r#"429007199254740992["x"]"#,
        r#"421000000000000000000000["x"]"#,
        r#"4200000000000000001["x"]"#,
        r#"42+1["x"]"#,
        r#"42 1["x"]"#,
        r#"421 ["x"]"#,
        r#"421e3["x"]"#,
        r#"42-1["x"]"#,
        r#"42٣["x"]"#,
        "43[]",
        "43-1[]",
    ])?;
    let mut client = attack.join()?;
    // an ack that nobody waits for
    client.send("437[1]")?;
    client.send(r#"429007199254740991["echo",1]"#)?;
    client.expect("439007199254740991[1]")
}

fn lenient(attack: &Attack<'_>) -> Outcome {
    attack.refuses([
        "4 ",
        r#"455e0-["x"]"#,
        r#"450x2-["x"]"#,
        r#"45 2-["x"]"#,
        r#"452.0-["x"]"#,
        r#"45-["x"]"#,
        r#"45["x"]"#,
        r#"4501-["x"]"#,
        "47",
        "48[]",
        "4-1",
        "4٢[\"x\"]",
        r#"44{"message":"x"}"#,
        r#"42["x",NaN]"#,
        r#"42["x",01]"#,
        r#"42["x",]"#,
        "42['x']",
        r#"42["x"] "y""#,
    ])
}

fn binary_for_text(attack: &Attack<'_>) -> Outcome {
    for content in [&[1, 2, 3][..], &[], b"42[\"x\"]"] {
        let mut client = attack.join()?;
        client.send_binary(content)?;
        closes_silently(&mut client, "binary")?;
    }
    attack.nothing_handled()
}

fn text_for_binary(attack: &Attack<'_>) -> Outcome {
    for second in [r#"42["x"]"#, "40/custom,", "41", "451-[\"x\"]"] {
        let mut client = attack.join()?;
        client.send_all([r#"451-["x",{"_placeholder":true,"num":0}]"#, second])?;
        closes_silently(&mut client, second)?;
    }
    attack.nothing_handled()
}

fn between_attachments(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let place = |n: u8| format!(r#"{{"_placeholder":true,"num":{n}}}"#);
    client.send(&format!(r#"452-1["echo",{},{}]"#, place(0), place(1)))?;
    client.send("3")?;
    client.send_binary(&[1])?;
    client.send("3")?;
    client.peer.send(frame(0x89, b"ping"))?;
    client.send_binary(&[2])?;
    let mut frames = Vec::new();
    while frames.len() < 4 {
        let (first, content) = client.frame()?;
        if (first, content.as_slice()) != (TEXT, b"2") {
            frames.push((first, content));
        }
    }
    let answer = format!("462-1[{},{}]", place(0), place(1)).into_bytes();
    for expected in [
        (TEXT, answer),
        (0x82, vec![1]),
        (0x82, vec![2]),
        (0x8a, b"ping".to_vec()),
    ] {
        check!(
            frames.contains(&expected),
            "{expected:02x?} is not in {frames:02x?}"
        );
    }
    Ok(())
}

fn injection(attack: &Attack<'_>) -> Outcome {
    for text in [
        "'; DROP TABLE x; --",
        r#"\""#,
        "$$",
        r"\u0000",
        "a#b",
        "*",
        r"\u001b[31m\r\nlevel=error",
    ] {
        let mut client = attack.join()?;
        client.send(&format!(r#"421["join","{text}"]"#))?;
        client.expect("431[true]")?;
        client.send(&format!(r#"42["room","{text}","{text}"]"#))?;
        let cast = client.text()?;
        check!(cast.starts_with(r#"42["cast","#), "{cast}");
        client.send(&format!(r#"422["{text}","{text}"]"#))?;
        client.expect("432[]")?;
        client.send(&format!(r#"423["echo","{text}"]"#))?;
        client.expect(&format!(r#"433["{text}"]"#))?;
    }
    Ok(())
}

/// Names that an unkeyed hash of the usual kind sends to few buckets: multiples of a power of two.
fn keys() -> String {
    let keys: Vec<String> = (0_u64..60_000)
        .map(|n| format!(r#""{:x}":0"#, n << 24))
        .collect();
    format!("{{{}}}", keys.join(","))
}

fn many_keys(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let start = attack.process().cpu()?;
    // `room` reads it into a value
    client.send(&format!(r#"42["room","nobody",{}]"#, keys()))?;
    client.echoes()?;
    attack.cpu_since(start, 200 * MS)
}

/// What they take when no handler makes anything of them.
fn echoed_keys(attack: &Attack<'_>) -> Outcome {
    let object = keys();
    let mut client = attack.join()?;
    client.send(&format!(r#"421["echo",{object}]"#))?;
    client.expect(&format!("431[{object}]"))
}

/// Names of which pairs only differ in what cancels out.
fn many_rooms(attack: &Attack<'_>) -> Outcome {
    let mut client = attack.join()?;
    let start = attack.process().cpu()?;
    client.send(r#"421["joinMany","AaBBAaBBAaBB",20000]"#)?;
    client.expect("431[20001]")?;
    attack.cpu_since(start, 200 * MS)
}

fn log_flood(attack: &Attack<'_>) -> Outcome {
    for _ in 0..attack.rounds(5000, 100) {
        let mut client = attack.websocket()?;
        client.send("4\u{1b}[31m\r\nlevel=error")?;
        closes_silently(&mut client, "escapes")?;
        attack
            .get("/socket.io/?EIO=4&transport=%1b%5b31m%0d%0a")?
            .has(400)?;
    }
    // the check behind the attack judges the log
    Ok(())
}

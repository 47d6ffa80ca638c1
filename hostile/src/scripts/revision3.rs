//! Clients of revision 3 where they are allowed: lengths, packets, script tags.

use super::{BAD_REQUEST, MB, SECOND};
use crate::outcome::check;
use crate::websocket::{TEXT, frame};
use crate::{Attack, Outcome, Script};

const ALLOWED: &[(&str, &str)] = &[("ALLOW_EIO3", "1")];
const POLLING: &str = "/socket.io/?EIO=3&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=3&transport=websocket";

pub(super) const SCRIPTS: &[Script] = &[
    Script::new(
        "lengths that are none, or lie",
        "A38, engine.io-parser",
        lengths,
    )
    .settings(ALLOWED)
    .memory(MB),
    Script::new(
        "packets of revision 3 that are none",
        "socketioxide #794",
        packets,
    )
    .settings(ALLOWED)
    .memory(MB),
    Script::new("names of functions", "A40", functions)
        .settings(ALLOWED)
        .memory(MB),
    Script::new("ten thousand pings at once", "A28", pings)
        .settings(ALLOWED)
        .calm()
        .memory(4 * MB),
];

/// A session, as the target of its later requests.
fn open(attack: &Attack<'_>) -> Outcome<String> {
    let answer = attack.get(POLLING)?;
    answer.has(200)?;
    Ok(format!("{POLLING}&sid={}", answer.sid()?))
}

fn lengths(attack: &Attack<'_>) -> Outcome {
    let long = format!("{}:4", "9".repeat(100_000));
    let bytes = [
        "\0:4",
        "\0\u{1}",
        "\u{1}\u{9}4",
        "\0\u{9}\u{9}\u{9}\u{9}\u{9}\u{9}\u{9}\u{9}\u{9}\u{9}\u{9}",
    ];
    let texts = [
        ":",
        ":4",
        "4",
        "0:",
        "5:4",
        "-1:4",
        "+1:4",
        " 1:4",
        "1 :4",
        "1e0:4",
        "0x1:4",
        "1.0:4",
        "99999999999:4",
        "18446744073709551617:4",
        "2:4🦀",
        "1:4:",
        "1:41",
        "\u{661}:4",
        "4:4é",
        long.as_str(),
    ];
    for body in texts.iter().chain(&bytes) {
        let target = open(attack)?;
        let answer = attack.post(&target, body)?;
        check!(
            answer.status == 400,
            "{body:?}: {} {:?}",
            answer.status,
            answer.body
        );
        let gone = attack.get(&target)?;
        check!(
            gone.status == 400 || gone.body.ends_with('1'),
            "{body:?}: {} {:?}",
            gone.status,
            gone.body
        );
    }
    attack.nothing_handled()
}

fn packets(attack: &Attack<'_>) -> Outcome {
    for packet in [
        "",
        "b",
        "b4",
        "b4!",
        "b4QUJ",
        "b9AAAA",
        "bb4AAAA",
        "éaaaa",
        "é",
        "4\u{fffd}\0",
        "2prob\u{e9}",
        "7",
        "5",
        "6",
        "0",
        "0{}",
        "42[\"x\"",
        "451-[",
        "4\u{1f980}",
    ] {
        let mut websocket = attack.upgrade(WEBSOCKET)?;
        let mut bytes = frame(TEXT, packet);
        bytes.extend(frame(0x88, [3, 232]));
        websocket.peer.pour(&bytes, 1)?;
        // whatever it is told: it has ended, and in order
        loop {
            if websocket.frame()?.0 == 0x88 {
                break;
            }
        }
    }
    attack.nothing_handled()
}

fn functions(attack: &Attack<'_>) -> Outcome {
    for name in [
        "",
        "alert(1)",
        "1;alert(1)",
        "-1",
        "1e3",
        "12345678901",
        "%3Cscript%3E",
        "\u{661}",
        "1%0d%0aX-Y:z",
        "0&j=a",
    ] {
        attack
            .get(&format!("{POLLING}&j={name}"))?
            .is(400, BAD_REQUEST)?;
    }
    let answer = attack.get(&format!("{POLLING}&j=7"))?;
    answer.has(200)?;
    check!(
        answer.body.starts_with("___eio[7](\"") && answer.body.ends_with("\");"),
        "{}",
        answer.body
    );
    for (header, value) in [
        ("content-type", "text/javascript; charset=UTF-8"),
        ("x-content-type-options", "nosniff"),
    ] {
        check!(answer.header(header) == Some(value), "{}", answer.head);
    }
    // a page of somebody else's may put it into a script tag, and browsers say whose page that is
    let foreign = "Sec-Fetch-Site: cross-site\r\nReferer: https://evil.example/\r\n";
    attack
        .ask("GET", &format!("{POLLING}&j=7"), foreign, "")?
        .has(403)
}

/// In revision 3 it is the client that pings.
fn pings(attack: &Attack<'_>) -> Outcome {
    let memory = attack.process().memory()?;
    let mut websocket = attack.upgrade(WEBSOCKET)?;
    let pings = frame(TEXT, "2").repeat(10_000);
    for _ in 0..attack.rounds(20, 2) {
        websocket.peer.pour(&pings, 1)?;
    }
    let grown = attack.process().memory()?.saturating_sub(memory);
    check!(grown < 2 * MB, "{grown} bytes");
    websocket.peer.pour(&frame(0x88, [3, 232]), 1)?;
    websocket.peer.patience = attack.pace.stretch(10 * SECOND);
    websocket.peer.ended().map(drop)
}

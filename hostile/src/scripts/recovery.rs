//! Those who say that they were here before.

use super::{MB, SECOND};
use crate::outcome::{check, short};
use crate::{Attack, Failure, Outcome, Script};

const ON: &[(&str, &str)] = &[("RECOVERY", "true")];

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("ids of sessions that nobody had", "A15, A35", strange_ids)
        .settings(ON)
        .memory(2 * MB),
    Script::new("somebody else's session", "A15", somebody_elses)
        .settings(ON)
        .memory(2 * MB),
    Script::new(
        "more lost sessions than are kept",
        "A10, A31",
        lost_sessions,
    )
    .settings(ON)
    .calm()
    .apart("ten thousand of them are kept, two minutes long")
    .memory(24 * MB),
];

/// A string of the packet that says who one is.
fn field<'a>(joined: &'a str, name: &str) -> Outcome<&'a str> {
    let start = format!("\"{name}\":\"");
    let rest = joined.split_once(start.as_str());
    let value = rest.and_then(|(_, rest)| rest.split_once('"'));
    let missing = || Failure::new(format!("no {name} in {:?}", short(joined)));
    value.map(|(value, _)| value).ok_or_else(missing)
}

fn strange_ids(attack: &Attack<'_>) -> Outcome {
    let long = format!("\"{}\"", "x".repeat(100_000));
    let values = [
        "1",
        "null",
        "{}",
        "[]",
        "\"\"",
        "\"__proto__\"",
        "\"\\u0000\"",
        "\"AAAAAAAAAAAAAAAAAAAA\"",
        "{\"$ne\":null}",
        &long,
    ];
    for pid in values {
        for offset in values {
            let mut client = attack.websocket()?;
            client.send(&format!(r#"40{{"pid":{pid},"offset":{offset}}}"#))?;
            let answer = client.text()?;
            check!(
                answer.starts_with("40{"),
                "{pid} {offset}: {:?}",
                short(&answer)
            );
            client.echoes()?;
            client.send("1")?;
        }
    }
    Ok(())
}

/// Who has left on purpose is gone, also for who knows the secret.
fn somebody_elses(attack: &Attack<'_>) -> Outcome {
    let mut owner = attack.websocket()?;
    owner.send("40")?;
    let joined = owner.text()?;
    let (sid, pid) = (field(&joined, "sid")?, field(&joined, "pid")?);
    check!(sid != pid, "the secret id is the public one");
    // who has the secret is its client; who has seen the public id is not
    for name in ["pid", "offset"] {
        let mut intruder = attack.websocket()?;
        intruder.send(&format!(r#"40{{"{name}":"{sid}","offset":"0"}}"#))?;
        let answer = intruder.text()?;
        check!(
            field(&answer, "sid")? != sid && field(&answer, "pid")? != pid,
            "let in with the public id: {:?}",
            short(&answer)
        );
        intruder.send("1")?;
        intruder.closed()?;
    }
    owner.echoes()?;
    owner.send("41")?;
    attack.eventually("nobody left", SECOND, |now| {
        now.sockets == attack.before.sockets
    })?;
    let mut late = attack.websocket()?;
    late.send(&format!(r#"40{{"pid":"{pid}","offset":"0"}}"#))?;
    let answer = late.text()?;
    check!(
        field(&answer, "sid")? != sid,
        "who left came back: {:?}",
        short(&answer)
    );
    Ok(())
}

fn lost_sessions(attack: &Attack<'_>) -> Outcome {
    for _ in 0..attack.rounds(12_000, 500) {
        attack.join()?.peer.reset()?;
    }
    attack.eventually("nobody there", 2 * SECOND, |now| {
        now.sockets == attack.before.sockets
    })
}

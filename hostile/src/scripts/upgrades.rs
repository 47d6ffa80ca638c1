//! From long-polling to WebSocket: who may, and what remains when it fails.

use std::time::{Duration, Instant};

use super::{BAD_REQUEST, MB, MS, SECOND};
use crate::attack::WEBSOCKET;
use crate::outcome::{check, short};
use crate::websocket::{TEXT, WebSocket, frame};
use crate::{Attack, Failure, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("a second WebSocket takes over", "A18", take_over).memory(MB),
    Script::new("a second probe beside the first", "A18", second_probe).memory(MB),
    Script::new(
        "probes that die or say nonsense",
        "A19, engine.io 6.6.8",
        dying_probes,
    )
    .calm()
    .memory(MB),
    Script::new("a probe that says nothing", "A19", silent_probe)
        .calm()
        .short(&[("UPGRADE_TIMEOUT_MS", "300")])
        .memory(MB),
    Script::new("more than three packets of a probe", "A19", chatty_probe).memory(MB),
    Script::new(
        "requests of a session that was upgraded",
        "python-engineio 4.14",
        late_requests,
    )
    .memory(MB),
    Script::new("a flood of upgrades", "A18, A30", upgrade_flood)
        .calm()
        .memory(2 * MB),
];

fn upgrade_target(target: &str) -> String {
    target.replace("polling", "websocket")
}

/// Probes, and moves the session.
fn moved(attack: &Attack<'_>, target: &str) -> Outcome<WebSocket> {
    let mut websocket = attack.upgrade(&upgrade_target(target))?;
    websocket.send("2probe")?;
    websocket.expect("3probe")?;
    websocket.send("5")?;
    Ok(websocket)
}

fn take_over(attack: &Attack<'_>) -> Outcome {
    let (mut owner, sid) = attack.websocket_and_sid()?;
    owner.join("/")?;
    let target = format!("{WEBSOCKET}&sid={sid}");
    for packets in [&["2probe", "5"][..], &["42[\"x\"]"], &[]] {
        let mut intruder = attack.upgrade(&target)?;
        intruder.send_all(packets)?;
        intruder.closes_with(0)?;
        owner.echoes()?;
    }
    let polling = target.replace("websocket", "polling");
    attack.get(&polling)?.is(400, BAD_REQUEST)?;
    attack.post(&polling, r#"42["x"]"#)?.is(400, BAD_REQUEST)?;
    owner.echoes()?;
    attack.nothing_handled()
}

fn second_probe(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let mut first = attack.upgrade(&upgrade_target(&target))?;
    first.send("2probe")?;
    first.expect("3probe")?;
    attack.upgrade(&upgrade_target(&target))?.closes_with(0)?;
    first.send("5")?;
    first.echoes()
}

fn dying_probes(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let broken: [&[u8]; 6] = [
        b"",
        &frame(TEXT, "2probe"),
        &frame(TEXT, "garbage"),
        &frame(TEXT, "2prob\u{e9}"),
        &[0xff, 0xff],
        &[0x81],
    ];
    for bytes in broken {
        for resets in [false, true] {
            let mut probe = attack.upgrade(&upgrade_target(&target))?;
            probe.peer.send(bytes)?;
            if resets {
                probe.peer.reset()?;
            } else {
                drop(probe);
            }
            let before = attack.before;
            let gone = |gauges: &crate::target::Gauges| {
                gauges.tasks == before.tasks + 1 && gauges.connections == 1
            };
            attack.eventually("the probe's end", SECOND * 2, gone)?;
        }
    }
    attack.post(&target, r#"429["echo",9]"#)?.is(200, "ok")?;
    attack.get(&target)?.is(200, "439[9]")?;
    let mut websocket = moved(attack, &target)?;
    websocket.echoes()
}

fn silent_probe(attack: &Attack<'_>) -> Outcome {
    let limit = if attack.full { SECOND * 10 } else { MS * 300 };
    for says in ["", "2probe"] {
        let target = attack.open_joined()?;
        let mut probe = attack.upgrade(&upgrade_target(&target))?;
        probe.peer.patience = limit * 2 + SECOND;
        let start = Instant::now();
        if !says.is_empty() {
            probe.send(says)?;
            probe.expect("3probe")?;
        }
        probe.closes_with(0)?;
        attack.took(start, limit - limit / 10, limit + SECOND)?;
        attack.still_works(&target)?;
    }
    Ok(())
}

fn chatty_probe(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let mut probe = attack.upgrade(&upgrade_target(&target))?;
    probe.send_all(["2probe"; 20])?;
    let mut answers = 0;
    loop {
        let (first, content) = probe.frame()?;
        match (first, content.as_slice()) {
            (TEXT, b"3probe") => answers += 1,
            (crate::websocket::CLOSE, _) => break,
            (_, content) => {
                let text = String::from_utf8_lossy(content);
                return Err(Failure::new(format!("got {first:02x} {:?}", short(&text))));
            }
        }
    }
    check!(answers <= 3, "{answers} probes were answered");
    drop(probe);
    attack.still_works(&target)
}

fn late_requests(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let mut websocket = moved(attack, &target)?;
    websocket.echoes()?;
    attack.post(&target, r#"42["x"]"#)?.is(400, BAD_REQUEST)?;
    attack.get(&target)?.is(400, BAD_REQUEST)?;
    websocket.echoes()?;
    attack.nothing_handled()
}

fn upgrade_flood(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let upgrade = upgrade_target(&target);
    let mut first = attack.upgrade(&upgrade)?;
    first.send("2probe")?;
    first.expect("3probe")?;
    let start = attack.process().cpu()?;
    let rounds = attack.rounds(2000, 100);
    for _ in 0..rounds {
        attack.upgrade(&upgrade)?.peer.reset()?;
    }
    attack.cpu_since(start, Duration::from_micros(500) * rounds as u32)?;
    first.send("5")?;
    first.echoes()
}

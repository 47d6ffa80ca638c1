//! What the server may be told to grant an address, asked for from another one of this machine.

use std::time::Instant;

use super::{FORBIDDEN, MB, MS, SECOND};
use crate::attack::{POLLING, WEBSOCKET};
use crate::outcome::check;
use crate::peer::request;
use crate::websocket::upgrade;
use crate::{Attack, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("more sessions than an address may have", "A30", crowd)
        .settings(&[("MAX_SESSIONS_PER_ADDRESS", "20")])
        .calm()
        .memory(2 * MB),
    Script::new("handshakes without end from an address", "A30", flood)
        .settings(&[("MAX_HANDSHAKES_PER_ADDRESS", "60")])
        .memory(2 * MB),
    Script::new("a session id that somebody has seen", "A18", thief)
        .settings(&[("SAME_ADDRESS", "true")])
        .memory(MB),
];

const TOO_MANY: &str = r#"{"code":4,"message":"Too many sessions from this address"}"#;
const TOO_OFTEN: &str = r#"{"code":4,"message":"Too many handshakes from this address"}"#;
const ANOTHER: &str = r#"{"code":4,"message":"Session of another address"}"#;

/// A parameter that makes a handshake look like a request of a session.
fn disguise(n: usize) -> &'static str {
    match n % 3 {
        0 => "t=1",
        1 => "xsid=AAAAAAAAAAAAAAAAAAAA",
        _ => "t=sid=AAAAAAAAAAAAAAAAAAAA",
    }
}

/// An address is nobody's word but the connection's.
fn crowd(attack: &Attack<'_>) -> Outcome {
    let forged = "X-Forwarded-For: 10.1.2.3\r\nForwarded: for=10.1.2.3\r\n";
    for _ in 0..2 {
        let mut peer = attack.elsewhere()?;
        let mut sessions = Vec::new();
        for n in 0..attack.rounds(1000, 100) {
            let target = format!("{POLLING}&{}", disguise(n));
            peer.send(request("GET", &target, forged, ""))?;
            let answer = peer.answer()?;
            match n {
                ..20 => sessions.push(format!("{POLLING}&sid={}", answer.sid()?)),
                _ => answer.is(403, TOO_MANY)?,
            }
        }
        peer.send(upgrade(WEBSOCKET, forged))?;
        peer.answer()?.is(403, TOO_MANY)?;
        // whose sessions have ended may have others
        let mut peer = attack.elsewhere()?;
        for target in sessions {
            peer.send(request("POST", &target, "", "1"))?;
            peer.answer()?.has(200)?;
        }
        attack.eventually("none of its sessions", SECOND / 2, |now| {
            now.sessions <= attack.before.sessions
        })?;
    }
    Ok(())
}

fn flood(attack: &Attack<'_>) -> Outcome {
    let (start, cpu) = (Instant::now(), attack.process().cpu()?);
    let mut peer = attack.elsewhere()?;
    let count = attack.rounds(20_000, 1000);
    let mut sessions = 0;
    for n in 0..count {
        let target = format!("{POLLING}&{}", disguise(n));
        peer.send(request("GET", &target, "", ""))?;
        let answer = peer.answer()?;
        match answer.status {
            200 => sessions += 1,
            _ => answer.is(403, TOO_OFTEN)?,
        }
    }
    // a minute's worth at once, and one for each second since
    let most = 61 + start.elapsed().as_secs();
    check!(
        (60..=most).contains(&sessions),
        "{sessions} sessions, {most} allowed"
    );
    attack.cpu_since(cpu, count as u32 * MS / 10)
}

fn thief(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let mut peer = attack.elsewhere()?;
    for _ in 0..attack.rounds(100, 10) {
        for (method, body) in [("GET", ""), ("POST", r#"42["x"]"#), ("POST", "1")] {
            peer.send(request(method, &target, "", body))?;
            peer.answer()?.is(403, ANOTHER)?;
        }
    }
    peer.send(upgrade(&target.replace("polling", "websocket"), ""))?;
    peer.answer()?.is(403, ANOTHER)?;
    let mut foreign = attack.elsewhere()?;
    let evil = "Origin: https://evil.example\r\n";
    foreign.send(request("GET", POLLING, evil, ""))?;
    foreign.answer()?.is(403, FORBIDDEN)?;
    attack.still_works(&target)?;
    attack.nothing_handled()
}

//! Requests: who may, what is asked for, and how much of it.

use std::time::Duration;

use crate::attack::{POLLING, WEBSOCKET};
use crate::outcome::check;
use crate::peer::request;
use crate::{Attack, Outcome, Script};

const MS: Duration = Duration::from_millis(1);

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("octet-stream POSTs are answered", "CVE-2026-59725", binary_posts),
    Script::new("unknown transports", "CVE-2023-31125", unknown_transports),
];

const UNKNOWN_TRANSPORT: &str = r#"{"code":0,"message":"Transport unknown"}"#;

fn binary_posts(attack: &Attack<'_>) -> Outcome {
    for _ in 0..attack.rounds(5000, 100) {
        let target = attack.open()?;
        let mut peer = attack.peer()?;
        peer.send(request("POST", &target, "Content-Type: application/octet-stream\r\n", "\x01\x02"))?;
        peer.answer()?.has(400)?;
    }
    Ok(())
}

fn unknown_transports(attack: &Attack<'_>) -> Outcome {
    for query in ["transport=__proto__"] {
        let target = format!("/socket.io/?EIO=4&{query}");
        attack.ask_upgrade(&target, "")?.is(400, UNKNOWN_TRANSPORT)?;
    }
    let _ = (MS, POLLING, WEBSOCKET);
    check!(true, "");
    Ok(())
}

//! Who may use the server from a browser.

use super::{FORBIDDEN, MB, UNKNOWN_TRANSPORT};
use crate::attack::{POLLING, WEBSOCKET};
use crate::outcome::check;
use crate::peer::Answer;
use crate::{Attack, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new(
        "a foreign origin with a cookie",
        "CVE-2020-28481, CVE-2019-13611, A16",
        foreign,
    )
    .memory(MB),
    Script::new(
        "a foreign origin upgrades a session",
        "CVE-2019-13611, A16",
        foreign_upgrade,
    )
    .memory(MB),
    Script::new(
        "any origin, but never with credentials",
        "CVE-2020-28481, A17",
        any_origin,
    )
    .settings(&[("CORS_ORIGIN", "*")])
    .memory(MB),
    Script::new(
        "listed origins only, and Vary always",
        "CVE-2020-28481, A17",
        listed_origins,
    )
    .settings(&[("CORS_ORIGIN", "https://good.example")])
    .memory(MB),
];

const EVIL: &str = "Origin: https://evil.example\r\nCookie: session=secret\r\n";

fn allows_nobody(answer: &Answer) -> Outcome {
    for name in [
        "access-control-allow-origin",
        "access-control-allow-credentials",
    ] {
        check!(
            answer.header(name).is_none(),
            "{name}: {:?}",
            answer.header(name)
        );
    }
    Ok(())
}

fn foreign(attack: &Attack<'_>) -> Outcome {
    for origin in [
        EVIL,
        "Origin: null\r\n",
        "Origin: http://localhost:8080\r\n",
        "Origin: https://localhost.evil.example\r\n",
    ] {
        for answer in [
            attack.ask("GET", POLLING, origin, "")?,
            attack.ask_upgrade(WEBSOCKET, origin)?,
        ] {
            answer.is(403, FORBIDDEN)?;
            allows_nobody(&answer)?;
        }
    }
    Ok(())
}

fn foreign_upgrade(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    attack
        .ask_upgrade(&target.replace("polling", "websocket"), EVIL)?
        .is(403, FORBIDDEN)?;
    attack.still_works(&target)
}

fn any_origin(attack: &Attack<'_>) -> Outcome {
    for answer in [
        attack.ask("GET", POLLING, EVIL, "")?,
        attack.ask("GET", "/socket.io/?EIO=4&transport=x", EVIL, "")?,
        attack.ask("OPTIONS", POLLING, EVIL, "")?,
    ] {
        check!(
            answer.header("access-control-allow-origin") == Some("*"),
            "{}",
            answer.head
        );
        check!(
            answer.header("access-control-allow-credentials").is_none(),
            "{}",
            answer.head
        );
    }
    Ok(())
}

fn listed_origins(attack: &Attack<'_>) -> Outcome {
    let good = "Origin: https://good.example\r\n";
    let refused = "/socket.io/?EIO=4&transport=x";
    for headers in [good, EVIL, ""] {
        for (method, target) in [("GET", POLLING), ("GET", refused), ("OPTIONS", POLLING)] {
            let answer = attack.ask(method, target, headers, "")?;
            check!(
                answer.header("vary") == Some("Origin"),
                "{method} {target} {headers}: {}",
                answer.head
            );
            if headers != good {
                allows_nobody(&answer)?;
                continue;
            }
            let allowed = answer.header("access-control-allow-origin");
            check!(allowed == Some("https://good.example"), "{}", answer.head);
            check!(
                answer.header("access-control-allow-credentials") == Some("true"),
                "{}",
                answer.head
            );
        }
    }
    attack.ask("GET", POLLING, EVIL, "")?.is(403, FORBIDDEN)?;
    attack
        .ask("GET", refused, EVIL, "")?
        .is(400, UNKNOWN_TRANSPORT)
}

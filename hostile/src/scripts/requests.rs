//! What a request asks for: transports, versions, session ids, paths, methods.

use super::{BAD_METHOD, BAD_REQUEST, MB, MS, UNKNOWN_SESSION, UNKNOWN_TRANSPORT, UNSUPPORTED};
use crate::attack::{POLLING, WEBSOCKET};
use crate::outcome::{check, short};
use crate::peer::request;
use crate::websocket::{TEXT, frame, upgrade};
use crate::{Attack, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("unknown transports", "CVE-2023-31125", unknown_transports).memory(MB),
    Script::new(
        "resets during refused h2c upgrades",
        "CVE-2022-41940, A43",
        h2c_resets,
    )
    .calm(),
    Script::new("an h2 preface", "1.3 (HTTP/2 rows)", h2_preface).memory(MB),
    Script::new("bytes that are no HTTP", "1.3 (rustls row), A30", no_http).memory(MB),
    Script::new(
        "session ids that are none",
        "socketioxide #815, A15",
        bad_sids,
    )
    .memory(MB),
    Script::new(
        "parameters that come twice",
        "A32, CVE-2023-31125",
        repeated_parameters,
    )
    .memory(MB),
    Script::new(
        "another version on a session",
        "engine.io 6.6.11",
        another_version,
    )
    .memory(MB),
    Script::new("paths beside and below", "A41", paths).memory(MB),
    Script::new("other methods", "CVE-2020-35863, A20", methods).memory(MB),
    Script::new(
        "names that JavaScript trips over",
        "A35, CVE-2022-2421",
        prototype_names,
    )
    .memory(MB),
];

fn unknown_transports(attack: &Attack<'_>) -> Outcome {
    for query in [
        "transport=__proto__",
        "transport=constructor",
        "transport=foo",
        "",
        "transport=polling&transport=polling",
    ] {
        let target = format!("/socket.io/?EIO=4&{query}");
        attack.get(&target)?.is(400, UNKNOWN_TRANSPORT)?;
        attack
            .ask_upgrade(&target, "")?
            .is(400, UNKNOWN_TRANSPORT)?;
    }
    attack.ask_upgrade(POLLING, "")?.is(400, BAD_REQUEST)
}

fn h2c_resets(attack: &Attack<'_>) -> Outcome {
    let h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    let whole = request("GET", WEBSOCKET, h2c, "");
    let half = upgrade(WEBSOCKET, "");
    let half = half.get(..60).unwrap_or_default();
    for round in 0..attack.rounds(10_000, 150) {
        let mut peer = attack.peer()?;
        peer.send(if round % 4 == 3 { half } else { &whole })?;
        // the time is the attack: the reset comes before, while and after the server answers
        let pause = [0, 1, 5].into_iter().cycle().nth(round).unwrap_or_default();
        if pause > 0 {
            std::thread::sleep(MS * pause);
        }
        peer.reset()?;
    }
    let answer = attack.ask("GET", WEBSOCKET, h2c, "")?;
    answer.is(400, BAD_REQUEST)
}

/// `serve` speaks HTTP/1.1 only: none of the attacks on h2 finds a listener.
fn h2_preface(attack: &Attack<'_>) -> Outcome {
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    let rapid_reset =
        b"\0\0\x01\x01\x05\0\0\0\x01\x82\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08".repeat(1000);
    let mut peer = attack.peer()?;
    peer.pour(
        &[
            &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
            settings,
            &rapid_reset,
        ]
        .concat(),
        1,
    )?;
    let said = peer.ended()?;
    let said = String::from_utf8_lossy(&said);
    check!(
        said.is_empty() || said.starts_with("HTTP/1.1 400"),
        "it said {:?}",
        short(&said)
    );
    Ok(())
}

fn no_http(attack: &Attack<'_>) -> Outcome {
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  /socket.io/ HTTP/1.1\r\n\r\n",
        &frame(TEXT, "2probe"),
    ] {
        let mut peer = attack.peer()?;
        peer.pour(bytes, 1)?;
        peer.pour(b"\r\n\r\n", 1)?;
        let said = peer.ended()?;
        let said = String::from_utf8_lossy(&said);
        let refused =
            said.is_empty() || said.starts_with("HTTP/1.1 400") || said.starts_with("HTTP/1.1 505");
        check!(refused, "{bytes:02x?}: it said {:?}", short(&said));
    }
    Ok(())
}

fn bad_sids(attack: &Attack<'_>) -> Outcome {
    for sid in [
        "garbage",
        "",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "%C3%A9",
        "AAAAAAAAAAAAAAAAAAAA",
        "%00",
        "a&sid=a",
        "../x",
    ] {
        let target = format!("{POLLING}&sid={sid}");
        attack.get(&target)?.is(400, UNKNOWN_SESSION)?;
        attack.post(&target, "40")?.is(400, UNKNOWN_SESSION)?;
        attack
            .ask_upgrade(&format!("{WEBSOCKET}&sid={sid}"), "")?
            .is(400, UNKNOWN_SESSION)?;
    }
    let sessions = attack.gauges()?.sessions;
    check!(sessions == attack.before.sessions, "{sessions} sessions");
    Ok(())
}

fn repeated_parameters(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    let sid = target.rsplit_once('=').map_or("", |(_, sid)| sid);
    attack
        .get(&format!("{target}&sid={sid}"))?
        .is(400, UNKNOWN_SESSION)?;
    attack
        .get(&format!("{target}&transport=polling"))?
        .is(400, UNKNOWN_TRANSPORT)?;
    attack
        .get(&format!("{target}&transport=websocket"))?
        .is(400, UNKNOWN_TRANSPORT)?;
    attack
        .get(&format!("{POLLING}&EIO=4"))?
        .is(400, UNSUPPORTED)?;
    attack.still_works(&target)
}

fn another_version(attack: &Attack<'_>) -> Outcome {
    let target = attack.open_joined()?;
    for version in ["EIO=3", "EIO=5", "x=y", "EIO=4&EIO=3"] {
        let wrong = target.replace("EIO=4", version);
        attack.get(&wrong)?.is(400, BAD_REQUEST)?;
        attack.post(&wrong, r#"42["x"]"#)?.is(400, BAD_REQUEST)?;
        attack
            .ask_upgrade(&wrong.replace("polling", "websocket"), "")?
            .is(400, BAD_REQUEST)?;
    }
    attack.nothing_handled()?;
    attack.still_works(&target)
}

fn paths(attack: &Attack<'_>) -> Outcome {
    for path in [
        "/socket.io-admin",
        "/socket.io/x",
        "/socket.io//",
        "/socket.io/../etc/passwd",
        "/SOCKET.IO/",
        "/",
        "//",
    ] {
        attack
            .get(&format!("{path}?EIO=4&transport=polling"))?
            .has(404)?;
    }
    let sessions = attack.gauges()?.sessions;
    check!(sessions == attack.before.sessions, "{sessions} sessions");
    Ok(())
}

fn methods(attack: &Attack<'_>) -> Outcome {
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECTED"] {
        attack.ask(method, POLLING, "", "")?.is(400, BAD_METHOD)?;
    }
    let target = attack.open_joined()?;
    for method in ["PUT", "DELETE", "PATCH"] {
        attack.ask(method, &target, "", "")?.is(400, BAD_REQUEST)?;
    }
    // the body of a GET is nothing that is read
    attack.post(&target, r#"428["echo",2]"#)?.is(200, "ok")?;
    let answer = attack.ask("GET", &target, "", r#"42["x"]"#)?;
    check!(
        answer.status == 400 || answer.body.contains("438[2]"),
        "got {:?}",
        short(&answer.body)
    );
    attack.nothing_handled()?;
    if answer.status == 200 {
        attack.still_works(&target)
    } else {
        Ok(())
    }
}

fn prototype_names(attack: &Attack<'_>) -> Outcome {
    for name in ["__proto__", "constructor", "hasOwnProperty", "toString"] {
        attack
            .get(&format!("{POLLING}&sid={name}"))?
            .is(400, UNKNOWN_SESSION)?;
        let mut client = attack.upgrade(&format!("{WEBSOCKET}&{name}=x"))?;
        client.text()?;
        client.send(&format!("40/{name},"))?;
        client.expect(&format!(r#"44/{name},{{"message":"Invalid namespace"}}"#))?;
        client.join("/")?;
        client.send(&format!(r#"421["join","{name}"]"#))?;
        client.expect("431[true]")?;
        client.send(&format!(r#"42["room","{name}",{{"{name}":1}}]"#))?;
        client.expect(&format!(r#"42["cast",{{"{name}":1}}]"#))?;
        // an event nobody listens to
        client.send(&format!(r#"422["{name}"]"#))?;
        client.expect("432[]")?;
    }
    Ok(())
}

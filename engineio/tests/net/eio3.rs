//! Clients that speak revision 3, over real connections: long-polling with and without bytes,
//! script tags, WebSocket, and what keeps the two revisions apart.

use engineio::CloseReason;
use engineio::net::server::{Cors, Options};

use crate::support::{Alive, Answer, App, eventually, frame, sid};

const OPEN: &str = "/engine.io/?EIO=3&transport=polling";
const OPEN_WEBSOCKET: &str = "/engine.io/?EIO=3&transport=websocket";
const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
const UNSUPPORTED: &str = r#"{"code":5,"message":"Unsupported protocol version"}"#;

fn options() -> Options {
    let mut options = Options::default();
    options.engine.allow_eio3 = true;
    options
}

async fn app() -> App {
    App::with(options()).await
}

/// A session, as the target of its later requests.
async fn open(app: &App, target: &str) -> String {
    let answer = app.get(target).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.body.replace('\\', "");
    let (_, json) = body.split_once('{').unwrap();
    format!("{target}&sid={}", sid(&format!("{{{json}")))
}

async fn post_bytes(app: &App, target: &str, body: &[u8]) -> Answer {
    let mut http = app.connect().await;
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        body.len()
    );
    http.send([head.as_bytes(), body].concat()).await;
    http.answer().await
}

/// CONFORMANCE 1.2, 9.
#[tokio::test]
async fn revision_3_is_refused_unless_it_is_allowed() {
    let app = App::start().await;
    for target in [
        OPEN,
        "/engine.io/?transport=polling",
        "/engine.io/?EIO=x&transport=polling",
    ] {
        app.get(target).await.is(400, UNSUPPORTED);
    }
    let app = self::app().await;
    for target in [
        OPEN,
        "/engine.io/?transport=polling",
        "/engine.io/?EIO=x&transport=polling",
    ] {
        let answer = app.get(target).await;
        assert_eq!(answer.status, 200);
        let (length, packet) = answer.body.split_once(':').unwrap();
        assert_eq!(length, packet.len().to_string());
        assert!(packet.starts_with("0{\"sid\":\""), "{packet}");
    }
    let answer = app.get("/engine.io/?EIO=5&transport=polling").await;
    answer.is(400, UNSUPPORTED);
    app.websocket().await.echoes("revision 4 goes on").await;
}

/// CONFORMANCE 2.1.
#[tokio::test]
async fn messages_come_back_as_text_and_as_bytes() {
    let app = app().await;
    let session = open(&app, OPEN).await;
    let ok = app.post(&session, "6:4hello3:4🦀").await;
    ok.is(200, "ok");
    let answer = app.get(&session).await;
    answer.is(200, "6:4hello3:4🦀");
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("text/plain; charset=UTF-8"));

    app.post(&session, "2:4a10:b4AQIDBA==").await.is(200, "ok");
    let answer = app.get(&session).await;
    assert_eq!(
        answer.bytes,
        b"\0\x02\xff4a\x01\x05\xff\x04\x01\x02\x03\x04"
    );
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("application/octet-stream"));

    let answer = post_bytes(&app, &session, &answer.bytes).await;
    answer.is(200, "ok");
    let answer = app.get(&session).await;
    assert_eq!(
        answer.bytes,
        b"\0\x02\xff4a\x01\x05\xff\x04\x01\x02\x03\x04"
    );

    let session = open(&app, &format!("{OPEN}&b64=1")).await;
    app.post(&session, "10:b4AQIDBA==").await.is(200, "ok");
    app.get(&session).await.is(200, "10:b4AQIDBA==");
}

#[tokio::test]
async fn bytes_on_a_websocket_have_a_type_and_base64_goes_where_it_is_wanted() {
    let app = app().await;
    let mut websocket = app.upgrade(OPEN_WEBSOCKET).await;
    assert!(websocket.text().await.starts_with("0{"));
    websocket.echoes("hello").await;
    websocket.http.send(frame(0x82, &[4, 1, 2, 3])).await;
    assert_eq!(websocket.frame().await, (0x82, vec![4, 1, 2, 3]));
    websocket.send("b4AQID").await;
    assert_eq!(websocket.frame().await, (0x82, vec![4, 1, 2, 3]));
    websocket.send("2").await;
    assert_eq!(websocket.text().await, "3");

    for (target, base64) in [
        (OPEN_WEBSOCKET, "b4AQID"),
        ("/engine.io/?EIO=4&transport=websocket", "bAQID"),
    ] {
        let mut websocket = app.upgrade(&format!("{target}&b64=1")).await;
        websocket.text().await;
        websocket.send(base64).await;
        assert_eq!(websocket.text().await, base64);
        websocket.echoes("text as ever").await;
    }
}

#[tokio::test]
async fn a_session_moves_to_websocket_and_keeps_its_order() {
    let app = app().await;
    let session = open(&app, OPEN).await;
    let mut probe = app.upgrade(&session.replace("polling", "websocket")).await;
    probe.send("2probe").await;
    assert_eq!(probe.text().await, "3probe");
    app.post(&session, "2:4a6:b4AQID").await.is(200, "ok");
    probe.send("5").await;
    assert_eq!(probe.text().await, "4a");
    assert_eq!(probe.frame().await, (0x82, vec![4, 1, 2, 3]));
    probe.echoes("on it").await;
    app.get(&session).await.is(400, BAD_REQUEST);
    probe.echoes("still on it").await;
}

/// RELIABILITY 1.1, engine.io 6.6.11: a session is continued in the revision that opened it.
#[tokio::test]
async fn a_session_has_one_revision_for_life() {
    let app = app().await;
    let v4 = "/engine.io/?EIO=4&transport=polling";
    for (own, other, body) in [(OPEN, v4, "6:4hello"), (v4, OPEN, "4hello")] {
        let session = open(&app, own).await;
        let id = session.rsplit('=').next().unwrap();
        let strange = format!("{other}&sid={id}");
        app.get(&strange).await.is(400, BAD_REQUEST);
        app.post(&strange, body).await.is(400, BAD_REQUEST);
        let upgrade = strange.replace("polling", "websocket");
        app.ask_upgrade(&upgrade, "").await.is(400, BAD_REQUEST);
        app.post(&session, body).await.is(200, "ok");
        app.get(&session).await.is(200, body);
    }
}

/// A40.
#[tokio::test]
async fn script_tags_poll_and_forms_post() {
    let app = app().await;
    let session = open(&app, &format!("{OPEN}&j=7")).await;
    let form = "d=6%3A4hello4%3A4a%5Cnb10%3Ab4AQIDBA%3D%3D";
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    app.ask("POST", &session, kind, form).await.is(200, "ok");
    let answer = app.get(&session).await;
    answer.is(200, "___eio[7](\"6:4hello4:4a\\nb10:b4AQIDBA==\");");
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("text/javascript; charset=UTF-8"));
    let nosniff = answer.header("x-content-type-options");
    assert_eq!(nosniff, Some("nosniff"));

    // each request says which function it wants; the way of polling stays
    app.post(&session, "d=2%3A4%E2%80%A8").await.is(200, "ok");
    let answer = app.get(&session.replace("j=7", "j=8")).await;
    answer.is(200, "___eio[8](\"2:4\\u2028\");");
    app.get(&session.replace("&j=7", ""))
        .await
        .is(400, BAD_REQUEST);
    app.get(&session.replace("j=7", "j=x"))
        .await
        .is(400, BAD_REQUEST);
    let other = open(&app, OPEN).await;
    app.get(&format!("{other}&j=1")).await.is(400, BAD_REQUEST);
    app.post(&session, "d=2%3A4x").await.is(200, "ok");
    let answer = app.get(&session).await;
    answer.is(200, "___eio[7](\"2:4x\");");

    app.post(&session, "6:4hello").await.is(400, BAD_REQUEST);
    eventually(|| app.server.open_sessions() == 1).await;
}

/// A40: what is no number never comes back in a script.
#[tokio::test]
async fn a_callback_is_a_short_number_and_nothing_for_revision_4() {
    let app = app().await;
    for callback in [
        "x",
        "",
        "-1",
        "01234567890",
        "1];alert(1)",
        "%31%5d",
        "1&j=1",
    ] {
        let answer = app.get(&format!("{OPEN}&j={callback}")).await;
        answer.is(400, BAD_REQUEST);
    }
    assert_eq!(app.server.sessions(), 0);
    let answer = app.get("/engine.io/?EIO=4&transport=polling&j=1").await;
    assert!(answer.body.starts_with("0{"), "{}", answer.body);
}

/// Browsers send no `Origin` with script tags, and every page may read them.
#[tokio::test]
async fn script_tags_of_foreign_pages_are_refused_unless_they_are_allowed() {
    let target = format!("{OPEN}&j=0");
    let mut listed = options();
    listed.cors = Some(Cors::origins(["https://good.example"]));
    let mut any = options();
    any.cors = Some(Cors::any());
    let same = "Referer: http://localhost/page\r\n";
    let good = "Referer: https://good.example/page?x=1\r\nSec-Fetch-Site: cross-site\r\n";
    let evil = "Referer: https://evil.example/http://localhost/\r\n";
    let hidden = "Sec-Fetch-Site: cross-site\r\n";
    for (options, headers, status) in [
        (options(), "", 200),
        (options(), same, 200),
        (options(), "Sec-Fetch-Site: same-origin\r\n", 200),
        (options(), good, 403),
        (options(), evil, 403),
        (options(), hidden, 403),
        (options(), "Origin: https://evil.example\r\n", 403),
        (listed.clone(), good, 200),
        (listed.clone(), evil, 403),
        (listed, hidden, 403),
        (any.clone(), evil, 200),
        (any, hidden, 200),
    ] {
        let app = App::with(options).await;
        let answer = app.ask("GET", &target, headers, "").await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
}

#[tokio::test]
async fn limits_hold_for_revision_3() {
    let mut options = options();
    (options.engine.max_payload, options.engine.max_packets) = (1000, 3);
    let mut app = App::with(options).await;
    let alive = Alive::before(&app).await;
    for (body, status, reason) in [
        ("1:6".repeat(400), 413, CloseReason::TransportError),
        ("1:6".repeat(4), 400, CloseReason::ParseError),
        ("999999999999:6".into(), 400, CloseReason::ParseError),
    ] {
        let session = open(&app, OPEN).await;
        let answer = app.post(&session, &body).await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(app.reason().await, reason);
    }
    let session = open(&app, OPEN).await;
    let answer = post_bytes(&app, &session, b"\0\x09\x09\x09\x09\x09\x09\x09\x09\xff4").await;
    assert_eq!(answer.status, 400);
    assert_eq!(app.reason().await, CloseReason::ParseError);
    let mut websocket = app.upgrade(OPEN_WEBSOCKET).await;
    websocket.text().await;
    websocket.http.send(frame(0x82, &[9, 1])).await;
    websocket.closed().await;
    assert_eq!(app.reason().await, CloseReason::ParseError);
    alive.check(&app).await;
}

/// A28: a client that pings and does not read costs no memory.
#[tokio::test]
async fn a_flood_of_pings_is_answered_in_the_end() {
    let app = app().await;
    let mut websocket = app.upgrade(OPEN_WEBSOCKET).await;
    websocket.text().await;
    let pings = frame(0x81, b"2").repeat(100_000);
    websocket.http.send(&pings).await;
    websocket.send("4end").await;
    let mut pongs = 0;
    loop {
        match websocket.text().await.as_str() {
            "3" => pongs += 1,
            end => break assert_eq!(end, "4end"),
        }
    }
    assert!((1..50_000).contains(&pongs), "{pongs}");
}

/// What is rewritten as it leaves still counts while it waits, and comes whole and in order.
#[tokio::test]
async fn a_client_that_does_not_read_is_a_slow_consumer_in_every_form() {
    let mut options = options();
    (options.soft_budget, options.hard_budget) = (100_000, 1_000_000);
    let mut app = App::with(options).await;
    let alive = Alive::before(&app).await;
    for target in [
        OPEN_WEBSOCKET,
        "/engine.io/?EIO=4&transport=websocket&b64=1",
    ] {
        let mut slow = app.upgrade(target).await;
        slow.text().await;
        // far more than the sockets' own buffers take
        slow.send("4flood 400 100000").await;
        assert_eq!(app.reason().await, CloseReason::SlowConsumer);
    }
    for (target, first, last) in [
        (OPEN_WEBSOCKET, vec![4; 300_001], vec![4; 2]),
        (
            "/engine.io/?EIO=4&transport=websocket&b64=1",
            [b"b".as_slice(), &b"BAQE".repeat(100_000)].concat(),
            b"bBA==".to_vec(),
        ),
    ] {
        let mut websocket = app.upgrade(target).await;
        websocket.text().await;
        let base64 = "BAQE".repeat(100_000);
        let prefix = if target == OPEN_WEBSOCKET { "b4" } else { "b" };
        websocket.send(&format!("{prefix}{base64}")).await;
        websocket.send("4between").await;
        websocket.send(&format!("{prefix}BA==")).await;
        assert!(websocket.frame().await.1 == first, "{target}");
        assert_eq!(websocket.text().await, "4between");
        assert_eq!(websocket.frame().await.1, last);
        websocket.send("1").await;
        websocket.closed().await;
        assert_eq!(app.reason().await, CloseReason::TransportClose);
    }
    alive.check(&app).await;
}

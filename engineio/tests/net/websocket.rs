//! WebSocket and the upgrade over real connections.

use engineio::CloseReason;
use engineio::net::server::Options;

use crate::support::{Alive, App, OPEN_WEBSOCKET, eventually, frame, header, upgrade_request};

const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;

#[tokio::test]
async fn text_binary_and_base64_come_back() {
    let app = App::start().await;
    let mut websocket = app.websocket().await;
    websocket.echoes("hello").await;
    websocket.echoes("").await;
    websocket.http.send(frame(0x82, &[1, 2, 3, 4])).await;
    assert_eq!(websocket.frame().await, (0x82, vec![1, 2, 3, 4]));
    websocket.send("bAQIDBA==").await;
    assert_eq!(websocket.frame().await, (0x82, vec![1, 2, 3, 4]));
}

/// CONFORMANCE 1.3, 20. A1. CVE-2016-10542, GHSA-55mf-67qm-4wpg.
#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_its_header_alone() {
    let mut app = App::start().await;
    let alive = Alive::before(&app).await;
    let mut websocket = app.websocket().await;
    websocket.echoes(&"x".repeat(999_999)).await;
    for (len, code) in [
        (1_000_001, 1009),
        (1 << 32, 1009),
        ((1 << 63) - 1, 1009),
        (1 << 63, 1002),
    ] {
        let mut websocket = app.websocket().await;
        websocket.http.send(header(0x82, len)).await;
        assert_eq!(websocket.closed().await, code, "{len}");
        assert_eq!(app.reason().await, CloseReason::TransportError);
    }
    drop(websocket);
    alive.check(&app).await;
}

/// CVE-2026-42786: the limit is one of the message, not of its frames.
#[tokio::test]
async fn fragments_are_summed() {
    let mut options = Options::default();
    options.engine.max_payload = 1000;
    let app = App::with(options).await;
    let alive = Alive::before(&app).await;
    let mut websocket = app.websocket().await;
    websocket.http.send(frame(0x02, &[0; 999])).await;
    websocket.http.send(header(0x00, 2)).await;
    assert_eq!(websocket.closed().await, 1009);
    alive.check(&app).await;
}

/// CONFORMANCE 1.3, 22. A34. CVE-2022-21676 (the first case).
#[tokio::test]
async fn broken_frames_close_with_the_code_that_rfc_6455_has_for_them() {
    let mut app = App::start().await;
    let alive = Alive::before(&app).await;
    for (bytes, code) in [
        (vec![0xb1, 0x80, 0, 0, 0, 0], 1002),
        (vec![0x81, 0x01, b'4'], 1002),
        (frame(0x83, b""), 1002),
        (frame(0x80, b"x"), 1002),
        (frame(0x09, b"x"), 1002),
        (header(0x89, 126), 1002),
        (frame(0x88, &[1]), 1002),
        (frame(0x81, b"4\xff"), 1007),
        (frame(0x88, b"\x03\xe8\xff"), 1007),
    ] {
        let mut websocket = app.websocket().await;
        websocket.http.send(&bytes).await;
        assert_eq!(websocket.closed().await, code, "{bytes:02x?}");
        assert_eq!(app.reason().await, CloseReason::TransportError);
    }
    alive.check(&app).await;
}

/// CVE-2022-21676: the frame came before anybody listened.
#[tokio::test]
async fn frames_in_the_segment_of_the_handshake_are_heard() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    let mut http = app.connect().await;
    let mut bytes = upgrade_request(OPEN_WEBSOCKET, "").into_bytes();
    bytes.extend(frame(0x81, b"4early"));
    http.send(bytes).await;
    let mut websocket = http.switched().await;
    assert!(websocket.text().await.starts_with("0{"));
    assert_eq!(websocket.text().await, "4early");
    websocket.send("1").await;
    websocket.closed().await;

    let mut http = app.connect().await;
    let mut bytes = upgrade_request(OPEN_WEBSOCKET, "").into_bytes();
    bytes.extend([0xb1, 0x80, 0, 0, 0, 0]);
    http.send(bytes).await;
    let mut websocket = http.switched().await;
    let (first, content) = websocket.frame().await;
    if first == 0x81 {
        assert_eq!(websocket.closed().await, 1002);
    } else {
        assert_eq!((first, content), (0x88, vec![0x03, 0xea]));
    }
    drop(websocket);
    alive.check(&app).await;
}

/// CONFORMANCE 1.3, 22. socketioxide #794.
#[tokio::test]
async fn text_that_is_no_packet_closes() {
    let mut app = App::start().await;
    let alive = Alive::before(&app).await;
    for text in ["abc", "", "\u{e9}aaaa", "2prob\u{e9}", "7", "0{}", "b!"] {
        let mut websocket = app.websocket().await;
        websocket.send(text).await;
        assert_eq!(websocket.closed().await, 0);
        assert_eq!(app.reason().await, CloseReason::ParseError, "{text}");
    }
    alive.check(&app).await;
}

#[tokio::test]
async fn a_ping_of_the_websocket_is_answered_with_its_content() {
    let app = App::start().await;
    let mut websocket = app.websocket().await;
    websocket.http.send(frame(0x89, b"are you there")).await;
    assert_eq!(websocket.frame().await, (0x8a, b"are you there".to_vec()));
}

#[tokio::test]
async fn a_close_frame_is_answered_and_ends_the_session() {
    let mut app = App::start().await;
    let mut websocket = app.websocket().await;
    websocket.http.send(frame(0x88, b"\x03\xe8bye")).await;
    let (first, _) = websocket.frame().await;
    assert_eq!(first, 0x88);
    assert_eq!(websocket.http.ended().await, [0_u8; 0]);
    assert_eq!(app.reason().await, CloseReason::TransportClose);
}

/// CONFORMANCE 1.4.
#[tokio::test]
async fn a_session_moves_to_websocket() {
    let app = App::start().await;
    let target = app.open().await;
    let mut poll = app.connect().await;
    poll.request("GET", &target, "", "").await;
    let mut websocket = app.upgrade(&target.replace("polling", "websocket")).await;
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    poll.answer().await.is(200, "6");
    app.post(&target, "4posted").await.is(200, "ok");
    websocket.send("5").await;
    assert_eq!(websocket.text().await, "4posted");
    websocket.echoes("here").await;
    app.get(&target).await.is(400, BAD_REQUEST);
    app.post(&target, "4late").await.is(400, BAD_REQUEST);
    websocket.echoes("still here").await;
    assert_eq!(app.server.sessions(), 1);
}

/// CONFORMANCE 1.4, 23. A19: other servers lose the session with the probe.
#[tokio::test]
async fn a_dying_probe_leaves_long_polling() {
    let app = App::start().await;
    let target = app.open().await;
    let upgrade = target.replace("polling", "websocket");
    for probe in [
        &b""[..],
        &frame(0x81, b"2probe"),
        &frame(0x81, b"garbage"),
        &[0xff, 0xff],
    ] {
        let mut websocket = app.upgrade(&upgrade).await;
        websocket.http.send(probe).await;
        drop(websocket);
        let server = &app.server;
        eventually(|| server.tasks() == 1 && server.connections() == 0).await;
    }
    app.post(&target, "4a").await.is(200, "ok");
    app.get(&target).await.is(200, "4a");
    let mut websocket = app.upgrade(&upgrade).await;
    websocket.send("2probe").await;
    websocket.send("5").await;
    assert_eq!(websocket.text().await, "3probe");
    websocket.echoes("moved").await;
}

/// CONFORMANCE 1.4, 27. A18.
#[tokio::test]
async fn a_second_websocket_is_closed_and_the_first_stays_usable() {
    let app = App::start().await;
    let upgrade = app.open().await.replace("polling", "websocket");
    let mut first = app.upgrade(&upgrade).await;
    first.send("2probe").await;
    assert_eq!(first.text().await, "3probe");
    assert_eq!(app.upgrade(&upgrade).await.closed().await, 0);
    first.send("5").await;
    first.echoes("mine").await;
    let mut second = app.upgrade(&upgrade).await;
    second.send("2probe").await;
    assert_eq!(second.closed().await, 0);
    first.echoes("still mine").await;
}

/// A18: Node lets it be taken over.
#[tokio::test]
async fn a_session_opened_on_a_websocket_cannot_be_taken_over() {
    let app = App::start().await;
    let mut first = app.upgrade(OPEN_WEBSOCKET).await;
    let open = first.text().await;
    let target = format!("{OPEN_WEBSOCKET}&sid={}", crate::support::sid(&open));
    let mut second = app.upgrade(&target).await;
    second.send("2probe").await;
    second.send("5").await;
    assert_eq!(second.closed().await, 0);
    first.echoes("mine").await;
    let polling = target.replace("websocket", "polling");
    app.get(&polling).await.is(400, BAD_REQUEST);
    app.post(&polling, "4forged").await.is(400, BAD_REQUEST);
    first.echoes("still mine").await;
}

/// The pong waited for the next event, 25 s later.
#[tokio::test]
async fn a_ping_beside_a_probe_is_answered_with_it() {
    let app = App::start().await;
    let target = app.open().await.replace("polling", "websocket");
    let mut websocket = app.upgrade(&target).await;
    let both = [frame(0x89, b"x"), frame(0x81, b"2probe")];
    websocket.http.send(both.concat()).await;
    assert_eq!(websocket.text().await, "3probe");
    assert_eq!(websocket.frame().await, (0x8a, b"x".to_vec()));
}

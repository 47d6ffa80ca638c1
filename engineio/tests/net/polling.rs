//! Long-polling over real connections.

use std::time::Duration;

use engineio::CloseReason;
use engineio::net::server::Options;

use crate::support::{Alive, App, eventually};

const UNKNOWN_SESSION: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;

fn max_payload(bytes: usize) -> Options {
    let mut options = Options::default();
    options.engine.max_payload = bytes;
    options
}

#[tokio::test]
async fn messages_go_there_and_back() {
    let app = App::start().await;
    let target = app.open().await;
    app.post(&target, "4test1\u{1e}4test2\u{1e}bAQIDBA==")
        .await
        .is(200, "ok");
    app.get(&target)
        .await
        .is(200, "4test1\u{1e}4test2\u{1e}bAQIDBA==");
}

/// CONFORMANCE 1.2, 11.
#[tokio::test]
async fn an_empty_post_is_ok() {
    let app = App::start().await;
    let target = app.open().await;
    let answer = app.post(&target, "").await;
    answer.is(200, "ok");
    assert_eq!(answer.header("content-type"), Some("text/html"));
}

/// CONFORMANCE 1.2, 10. A1. CVE-2020-36048.
#[tokio::test]
async fn a_body_of_the_limit_passes_and_one_more_byte_ends_the_session() {
    let mut app = App::with(max_payload(1000)).await;
    let alive = Alive::before(&app).await;
    let target = app.open().await;
    let body = format!("4{}", "x".repeat(999));
    app.post(&target, &body).await.is(200, "ok");
    app.get(&target).await.is(200, &body);
    app.post(&target, &format!("{body}x")).await.is(413, "");
    assert_eq!(app.reason().await, CloseReason::TransportError);
    app.get(&target).await.is(400, UNKNOWN_SESSION);
    alive.check(&app).await;
}

/// CVE-2020-36048: refused by the head, before a byte of the body is there.
#[tokio::test]
async fn an_announced_body_over_the_limit_is_refused_before_it_comes() {
    let app = App::start().await;
    let target = app.open().await;
    let mut http = app.connect().await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000001\r\n\r\n");
    http.send(head).await;
    http.answer().await.is(413, "");
    http.ended().await;
}

/// CONFORMANCE 1.2, 10 and 11; CVE-2020-36048 without a length.
#[tokio::test]
async fn a_chunked_body_has_the_same_limit() {
    let mut app = App::with(max_payload(1000)).await;
    let target = app.open().await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut http = app.connect().await;
    http.send(&head).await;
    http.send("1\r\n4\r\n").await;
    http.send(format!("3e7\r\n{}\r\n0\r\n\r\n", "x".repeat(999)))
        .await;
    http.answer().await.is(200, "ok");
    let mut http = app.connect().await;
    http.send(&head).await;
    http.send("1\r\n4\r\n").await;
    http.send(format!("3e8\r\n{}\r\n", "x".repeat(1000))).await;
    http.answer().await.is(413, "");
    assert_eq!(app.reason().await, CloseReason::TransportError);
    app.get(&target).await.is(400, UNKNOWN_SESSION);
}

/// CVE-2026-59725: it was never answered, and connections piled up.
#[tokio::test]
async fn a_binary_post_is_refused_at_once_and_ends_the_session() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    for _ in 0..100 {
        let target = app.open().await;
        let kind = "Content-Type: application/octet-stream\r\n";
        app.ask("POST", &target, kind, "4a")
            .await
            .is(400, BAD_REQUEST);
        app.get(&target).await.is(400, UNKNOWN_SESSION);
    }
    alive.check(&app).await;
}

/// CONFORMANCE 1.2, 13. A20.
#[tokio::test]
async fn a_second_get_closes_the_session() {
    let mut app = App::start().await;
    let target = app.open().await;
    let (mut first, mut second) = (app.connect().await, app.connect().await);
    first.request("GET", &target, "", "").await;
    second.request("GET", &target, "", "").await;
    let (first, second) = (first.answer().await, second.answer().await);
    let (first, second) = if first.status == 200 {
        (first, second)
    } else {
        (second, first)
    };
    first.is(200, "1");
    second.is(400, BAD_REQUEST);
    assert_eq!(app.reason().await, CloseReason::TransportError);
    app.get(&target).await.is(400, UNKNOWN_SESSION);
}

/// CONFORMANCE 1.2, 14. A22.
#[tokio::test]
async fn a_get_that_is_aborted_ends_the_session_before_the_next_one_is_answered() {
    let mut app = App::start().await;
    for _ in 0..20 {
        let target = app.open().await;
        let mut http = app.connect().await;
        http.request("GET", &target, "", "").await;
        let server = &app.server;
        eventually(|| server.connections() > 0).await;
        drop(http);
        assert_eq!(app.get(&target).await.status, 400);
        assert_eq!(app.reason().await, CloseReason::TransportError);
    }
}

/// CONFORMANCE 1.2, 15.
#[tokio::test]
async fn a_close_packet_frees_the_poll() {
    let mut app = App::start().await;
    let target = app.open().await;
    let mut poll = app.connect().await;
    poll.request("GET", &target, "", "").await;
    // the echo shows that the poll was there first
    app.post(&target, "4a").await.is(200, "ok");
    poll.answer().await.is(200, "4a");
    poll.request("GET", &target, "", "").await;
    app.post(&target, "1").await.is(200, "ok");
    let answer = poll.answer().await;
    assert!(
        ["6", UNKNOWN_SESSION].contains(&answer.body.as_str()),
        "{answer:?}"
    );
    assert_eq!(app.reason().await, CloseReason::TransportClose);
    app.get(&target).await.is(400, UNKNOWN_SESSION);
}

#[tokio::test]
async fn a_session_that_the_server_closes_tells_the_next_poll() {
    let mut app = App::start().await;
    let target = app.open().await;
    app.post(&target, "4last words\u{1e}4close")
        .await
        .is(200, "ok");
    assert_eq!(app.reason().await, CloseReason::ForcedClose);
    app.get(&target).await.is(200, "4last words\u{1e}6\u{1e}1");
    app.get(&target).await.is(400, UNKNOWN_SESSION);
}

/// A23.
#[tokio::test]
async fn a_body_that_does_not_come_is_a_timeout_and_ends_the_session() {
    let mut options = Options::default();
    options.body_timeout = Duration::from_millis(100);
    let mut app = App::with(options).await;
    let alive = Alive::before(&app).await;
    let target = app.open().await;
    let mut http = app.connect().await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4a");
    http.send(head).await;
    http.answer().await.is(408, "");
    assert_eq!(app.reason().await, CloseReason::TransportError);
    app.get(&target).await.is(400, UNKNOWN_SESSION);
    drop(http);
    alive.check(&app).await;
}

#[tokio::test]
async fn a_post_whose_client_goes_away_ends_the_session() {
    let mut app = App::start().await;
    let alive = Alive::before(&app).await;
    let target = app.open().await;
    let mut http = app.connect().await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4a");
    http.send(head).await;
    drop(http);
    assert_eq!(app.reason().await, CloseReason::TransportError);
    alive.check(&app).await;
}

/// A34, CONFORMANCE 1.2, 16.
#[tokio::test]
async fn a_body_that_is_no_payload_is_a_bad_request() {
    let mut app = App::start().await;
    for body in ["abc", "\u{1e}", "b!", "2prob\u{e9}", "\u{e9}aaaa"] {
        let target = app.open().await;
        app.post(&target, body).await.is(400, BAD_REQUEST);
        assert_eq!(app.reason().await, CloseReason::ParseError);
        app.get(&target).await.is(400, UNKNOWN_SESSION);
    }
    let target = app.open().await;
    let mut http = app.connect().await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n");
    http.send([head.as_bytes(), b"4\xff"].concat()).await;
    http.answer().await.is(400, BAD_REQUEST);
}

/// A33.
#[tokio::test]
async fn a_post_behind_a_waiting_get_is_served_after_it() {
    let app = App::start().await;
    let target = app.open().await;
    let mut http = app.connect().await;
    http.request("GET", &target, "", "").await;
    http.request("POST", &target, "", "4behind").await;
    app.post(&target, "4beside").await.is(200, "ok");
    http.answer().await.is(200, "4beside");
    http.answer().await.is(200, "ok");
    app.get(&target).await.is(200, "4behind");
}

/// CVE-2020-35863: the body of a GET is no request of its own.
#[tokio::test]
async fn a_get_with_a_body_is_a_get() {
    let app = App::start().await;
    let target = app.open().await;
    let mut http = app.connect().await;
    http.request("GET", &target, "", "4not a post").await;
    app.post(&target, "4a").await.is(200, "ok");
    http.answer().await.is(200, "4a");
}

/// A21: decided by the head.
#[tokio::test]
async fn a_second_post_is_refused_when_its_head_arrives() {
    let mut app = App::start().await;
    let target = app.open().await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n");
    let (mut first, mut second) = (app.connect().await, app.connect().await);
    first.send(&head).await;
    second.send(&head).await;
    // no body was sent at all
    first.answer().await.is(400, BAD_REQUEST);
    second.answer().await.is(400, BAD_REQUEST);
    assert_eq!(app.reason().await, CloseReason::TransportError);
}

//! Functions among the options, and files beside the protocol.

use std::future::pending;
use std::sync::{Arc, Mutex};

use engineio::net::server::{Options, Refusal, Refused, on_connection, serve};
use engineio::{CloseReason, Data, SendError, Sid};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::support::{App, OPEN_POLLING, OPEN_WEBSOCKET, eventually, sid, soon};

#[tokio::test]
async fn headers_are_those_of_every_answer_and_initial_ones_of_handshakes() {
    let options = Options::default()
        .initial_headers(|headers: &mut HeaderMap, request| {
            let query = request.uri.query().unwrap();
            let value = HeaderValue::from_str(query.split('&').next_back().unwrap());
            headers.insert("x-first", value.unwrap());
        })
        .headers(|headers: &mut HeaderMap, _| {
            headers.insert("x-all", HeaderValue::from_static("yes"));
        });
    let app = App::with(options).await;
    let opened = app.get(OPEN_POLLING).await;
    assert_eq!(opened.header("x-first"), Some("transport=polling"));
    assert_eq!(opened.header("x-all"), Some("yes"));
    let switched = app.ask_upgrade(OPEN_WEBSOCKET, "").await;
    assert_eq!(switched.status, 101);
    assert_eq!(switched.header("x-first"), Some("transport=websocket"));
    assert_eq!(switched.header("x-all"), Some("yes"));
    let target = format!("{OPEN_POLLING}&sid={}", sid(&opened.body));
    let posted = app.post(&target, "4a").await;
    assert_eq!(
        (posted.header("x-first"), posted.header("x-all")),
        (None, Some("yes"))
    );
    let refused = app.get("/engine.io/?EIO=4&transport=x").await;
    assert_eq!(
        (refused.header("x-first"), refused.header("x-all")),
        (None, Some("yes"))
    );
}

#[tokio::test]
async fn refused_requests_are_told_with_what_was_wrong() {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&log);
    let options = Options::default().on_connection_error(move |error| {
        let line = format!("{} {} {:?}", error.code(), error.message(), error.context());
        seen.lock().unwrap().push(line);
    });
    let app = App::with(options).await;
    app.get("/engine.io/?EIO=4&transport=tele%20pathy").await;
    app.get(&format!("{OPEN_POLLING}&sid=unknown")).await;
    app.post(OPEN_POLLING, "").await;
    app.get("/engine.io/?EIO=9&transport=polling").await;
    app.get("/engine.io/?EIO=4&transport=websocket").await;
    app.open().await;
    assert_eq!(
        *log.lock().unwrap(),
        [
            "0 Transport unknown Some(\"tele pathy\")",
            "1 Session ID unknown Some(\"unknown\")",
            "2 Bad handshake method Some(\"POST\")",
            "5 Unsupported protocol version Some(\"9\")",
            "3 Bad request None",
        ]
    );
}

#[tokio::test]
async fn ids_may_be_made_by_the_application_and_are_given_once() {
    let options = Options::default().generate_id(|request| {
        let id = request
            .headers
            .get("x-id")
            .map(|id| id.to_str().unwrap().to_owned());
        async move { id?.parse::<Sid>().ok() }
    });
    let app = App::with(options).await;
    let ask = async |id: &str| {
        let header = format!("X-Id: {id}\r\n");
        app.ask("GET", OPEN_POLLING, &header, "").await
    };
    let own = "node-1-abcdefghijklm";
    let opened = ask(own).await;
    assert_eq!((opened.status, sid(&opened.body)), (200, own));
    let forbidden = r#"{"code":4,"message":"Forbidden"}"#;
    ask(own).await.is(403, forbidden);
    ask("too short").await.is(403, forbidden);
    let target = format!("{OPEN_POLLING}&sid={own}");
    app.post(&target, "4a").await.is(200, "ok");
    app.get(&target).await.is(200, "4a");
}

#[tokio::test]
async fn an_initial_packet_comes_right_behind_the_handshake() {
    let mut options = Options::default();
    options.initial_packet = Some(Data::from("welcome"));
    let app = App::with(options).await;
    let mut websocket = app.websocket().await;
    assert_eq!(websocket.text().await, "4welcome");
    let target = app.open().await;
    app.post(&target, "4a").await.is(200, "ok");
    app.get(&target).await.is(200, "4welcome\u{1e}4a");
}

#[tokio::test]
async fn files_are_served_with_their_version_and_nothing_else_below_the_path_is() {
    let script = "application/javascript; charset=utf-8";
    let options = Options::default().file("client.js", script, "4.8.1", "let io;");
    let app = App::with(options).await;
    let answer = app.get("/engine.io/client.js").await;
    answer.is(200, "let io;");
    assert_eq!(answer.header("content-type"), Some(script));
    assert_eq!(answer.header("etag"), Some("\"4.8.1\""));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=0"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for (known, status) in [
        ("\"4.8.1\"", 304),
        ("\"1\", W/\"4.8.1\"", 304),
        ("\"4.8.0\"", 200),
        ("\"\"", 200),
    ] {
        let header = format!("If-None-Match: {known}\r\n");
        let answer = app.ask("GET", "/engine.io/client.js", &header, "").await;
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.header("etag"), Some("\"4.8.1\""));
    }
    assert_eq!(app.post("/engine.io/client.js", "").await.status, 405);
    for missing in [
        "client.mjs",
        "client.js/",
        "../client.js",
        "%63lient.js",
        "x/client.js",
    ] {
        assert_eq!(
            app.get(&format!("/engine.io/{missing}")).await.status,
            404,
            "{missing}"
        );
    }
    app.open().await;
}

#[tokio::test]
async fn what_is_refused_and_what_ends_is_counted_by_reason() {
    let mut options = Options::default();
    options.engine.max_payload = 100;
    options.max_sessions_per_address = Some(1);
    let options = options.allow_request(|request: &Parts| {
        let allowed = match request.headers.contains_key("x-no") {
            true => Err(Refusal::new("no")),
            false => Ok(()),
        };
        std::future::ready(allowed)
    });
    let app = App::with(options).await;
    let ask = async |target: &str, headers: &str| {
        app.ask("GET", target, headers, "").await;
    };
    ask("/engine.io/?EIO=4&transport=abc", "").await;
    ask("/engine.io/?EIO=4&transport=polling&sid=abc", "").await;
    ask("/engine.io/?EIO=2&transport=polling", "").await;
    ask(OPEN_POLLING, "Origin: https://evil.example\r\n").await;
    ask(OPEN_POLLING, "x-no: 1\r\n").await;
    app.ask("POST", OPEN_POLLING, "", "x").await;
    let first = app.ask("GET", OPEN_POLLING, "", "").await;
    ask(OPEN_POLLING, "").await;
    let target = format!("{OPEN_POLLING}&sid={}", sid(&first.body));
    app.post(&target, &"4".repeat(101)).await;
    let server = &app.server;
    eventually(|| server.sessions() == 0).await;
    let metrics = server.metrics();
    for why in [
        Refused::UnknownTransport,
        Refused::UnknownSession,
        Refused::UnsupportedVersion,
        Refused::Origin,
        Refused::Hook,
        Refused::BadMethod,
        Refused::TooManySessions,
        Refused::BodyTooLarge,
    ] {
        assert_eq!(metrics.refused(why), 1, "{why:?}");
    }
    assert_eq!((metrics.opened, metrics.upgraded), (1, 0));
    let all: u64 = metrics
        .iter()
        .filter(|(of, ..)| *of == "refused")
        .map(|(.., n)| n)
        .sum();
    let closed: u64 = metrics
        .iter()
        .filter(|(of, ..)| *of == "closed")
        .map(|(.., n)| n)
        .sum();
    assert_eq!((all, closed), (8, 1));
}

/// Whoever holds the connection elsewhere waits for nothing.
#[tokio::test]
async fn a_handler_that_panics_ends_its_session_for_all_who_hold_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, mut tells) = mpsc::unbounded_channel();
    let service = on_connection(Options::default(), move |mut connection| {
        let told = told.clone();
        async move {
            tokio::spawn(async move {
                let received = connection.recv().await;
                let sent = connection.send("late".into());
                told.send((received, connection.close_reason(), sent)).ok();
            });
            panic!("a handler that panics");
        }
    });
    let server = service.server();
    tokio::spawn(serve(listener, server.clone(), service, pending()));
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {OPEN_POLLING} HTTP/1.1\r\nhost: x\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let told = soon(tells.recv()).await.unwrap();
    let reason = Some(CloseReason::ServerError);
    assert_eq!(told, (None, reason, Err(SendError::Closed)));
    eventually(|| server.sessions() == 0).await;
}

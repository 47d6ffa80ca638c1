//! What a server sees of the options.

use std::sync::{Arc, Mutex};

use engineio::Transport::{Polling, WebSocket};
use engineio::client::{Detail, Event};
use engineio::net::client::{BuildError, Client, Options, TransportOptions};
use engineio::net::server::Options as ServerOptions;
use engineio::{CloseReason, Data};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::support::{
    App, at, closed, connect, echoes, header, message, next, open, options, over, request, send,
    soon, switching,
};

/// Handshakes that a server saw: URL, and the headers asked for.
type Seen = Arc<Mutex<Vec<(String, Vec<String>)>>>;

fn watching(names: &'static [&'static str]) -> (ServerOptions, Seen) {
    let seen = Seen::default();
    let told = Arc::clone(&seen);
    let options = ServerOptions::default().headers(move |_, request| {
        let value = |name: &&str| {
            let value = request.headers.get(*name);
            value
                .map_or("-", |value| value.to_str().unwrap())
                .to_owned()
        };
        let values = names.iter().map(value).collect();
        told.lock().unwrap().push((request.uri.to_string(), values));
    });
    (options, seen)
}

#[tokio::test]
async fn headers_and_query_are_in_every_request() {
    let (server, seen) = watching(&["authorization", "x-kind", "host"]);
    let app = App::with(server).await;
    let url = format!("http://{}/admin?token=a%26b", app.addr);
    let options = Options::new(&url)
        .unwrap()
        .query("q", "ü")
        .header("Authorization", "Bearer x")
        .header("X-Kind", "any")
        .transport_options(WebSocket, TransportOptions::new().header("x-kind", "ws"));
    let mut connection = open(options).await;
    while next(&mut connection).await != Event::Upgraded {}
    send(&mut connection, "moved");
    assert_eq!(message(&mut connection).await, Data::from("moved"));
    let seen = seen.lock().unwrap();
    assert!(seen.len() >= 3, "{seen:?}");
    for (url, headers) in &*seen {
        let websocket = url.contains("transport=websocket");
        assert!(url.starts_with("/engine.io/?EIO=4&transport="), "{url}");
        assert!(url.contains("&token=a%26b&q=%C3%BC"), "{url}");
        assert_eq!(url.contains("&t="), !websocket, "{url}");
        let kind = if websocket { "ws" } else { "any" };
        assert_eq!(headers[..], ["Bearer x", kind, &app.addr.to_string()]);
    }
}

#[tokio::test]
async fn cookies_go_back_when_asked_to_and_survive_a_reconnection() {
    let (server, seen) = watching(&["cookie"]);
    let server = server.initial_headers(|headers, _| {
        for cookie in [
            "a=1; Path=/",
            "gone=1; Max-Age=0",
            "b=2; Max-Age=60; HttpOnly",
        ] {
            headers.append("set-cookie", cookie.parse().unwrap());
        }
    });
    let app = App::with(server).await;
    for (keep, transport, first, later) in [
        (false, Polling, "own=0", "own=0"),
        (true, Polling, "own=0", "own=0; a=1; b=2"),
        (true, WebSocket, "own=0", "own=0; a=1; b=2"),
    ] {
        let options = over(&app, transport)
            .cookies(keep)
            .header("cookie", "own=0");
        let client = Client::new(options).unwrap();
        let mut expected = first;
        for _ in 0..2 {
            seen.lock().unwrap().clear();
            let mut connection = client.connect();
            assert_eq!(next(&mut connection).await, Event::Opened);
            echoes(&mut connection, "x").await;
            let seen = seen.lock().unwrap();
            assert_eq!(seen[0].1[0], expected);
            expected = later;
            for (_, cookies) in &seen[1..] {
                assert_eq!(cookies[0], later);
            }
        }
    }
}

#[tokio::test]
async fn an_upgrade_is_remembered_until_it_fails() {
    let app = App::start().await;
    let client = Client::new(options(&app).remember_upgrade(true)).unwrap();
    let mut connection = client.connect();
    assert_eq!(connection.transport(), Polling);
    while next(&mut connection).await != Event::Upgraded {}
    let mut connection = client.clone().connect();
    assert_eq!(connection.transport(), WebSocket);
    assert_eq!(next(&mut connection).await, Event::Opened);
    echoes(&mut connection, "directly").await;
    // now it fails
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = at(listener.local_addr().unwrap()).remember_upgrade(true);
    drop(listener);
    client.set_options(nowhere).unwrap();
    let mut connection = client.connect();
    assert_eq!(connection.transport(), WebSocket);
    closed(&mut connection).await;
    assert_eq!(client.connect().transport(), Polling);
    // others do not remember
    let client = Client::new(options(&app)).unwrap();
    let mut connection = client.connect();
    while next(&mut connection).await != Event::Upgraded {}
    assert_eq!(client.connect().transport(), Polling);
}

#[tokio::test]
async fn options_of_the_next_connection_can_change() {
    let (server, seen) = watching(&["x-token"]);
    let app = App::with(server).await;
    let client = Client::new(over(&app, WebSocket).header("x-token", "1")).unwrap();
    let mut first = client.connect();
    next(&mut first).await;
    client
        .set_options(client.options().header("x-token", "2"))
        .unwrap();
    let wrong = client.set_options(client.options().header("x-token", "\n"));
    assert_eq!(wrong, Err(BuildError::Header("x-token".to_owned())));
    let mut second = client.connect();
    next(&mut second).await;
    let seen = seen.lock().unwrap();
    let tokens: Vec<&str> = seen.iter().map(|(_, values)| &*values[0]).collect();
    assert_eq!(tokens, ["1", "2"]);
}

#[tokio::test]
async fn a_body_is_never_larger_than_the_server_wants() {
    let mut server = ServerOptions::default();
    server.engine.max_payload = 1000;
    let app = App::with(server).await;
    let mut connection = open(over(&app, Polling)).await;
    for n in 0..50 {
        send(&mut connection, &format!("{n} {}", "x".repeat(300)));
        let binary = Data::Binary(vec![n; 300].into());
        connection.send(binary.into()).unwrap();
    }
    for n in 0..50 {
        let text = format!("{n} {}", "x".repeat(300));
        assert_eq!(message(&mut connection).await, Data::from(&*text));
        let binary = Data::Binary(vec![n; 300].into());
        assert_eq!(message(&mut connection).await, binary);
    }
    // a single packet that is larger goes all the same, and the server judges it
    send(&mut connection, &"x".repeat(2000));
    assert_eq!(closed(&mut connection).await, CloseReason::TransportError);
    let detail = connection.detail();
    assert!(
        matches!(detail, Some(Detail::Http { status: 413, .. })),
        "{detail:?}"
    );
}

#[tokio::test]
async fn binary_travels_as_base64_when_asked_to() {
    let (server, seen) = watching(&[]);
    let app = App::with(server).await;
    for transport in [Polling, WebSocket] {
        let mut connection = open(over(&app, transport).force_base64(true)).await;
        let binary = Data::Binary(vec![1, 2, 3, 4].into());
        connection.send(binary.clone().into()).unwrap();
        assert_eq!(message(&mut connection).await, binary);
    }
    assert!(
        seen.lock()
            .unwrap()
            .iter()
            .all(|(url, _)| url.contains("&b64=1"))
    );
}

#[tokio::test]
async fn subprotocols_are_offered_and_the_answer_is_checked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (chosen, good) in [("b", true), ("c", false)] {
        let options = at(listener.local_addr().unwrap());
        let options = options.transports([WebSocket]).protocols(["a", "b"]);
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (head, _) = request(&mut stream).await.unwrap();
            assert_eq!(header(&head, "sec-websocket-protocol"), Some("a, b"));
            let answer = switching(&head, &format!("Sec-WebSocket-Protocol: {chosen}\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
            // the open packet of a server that is gone at once
            let open = crate::support::open_packet(1000, 1000);
            let frame = [&[0x81, open.len() as u8], open.as_bytes()].concat();
            stream.write_all(&frame).await.ok();
        };
        let client = async {
            let mut connection = connect(options);
            let first = next(&mut connection).await;
            (first, connection.detail().map(ToString::to_string))
        };
        let ((first, detail), ()) = soon(async { tokio::join!(client, server) }).await;
        if good {
            assert_eq!(first, Event::Opened);
        } else {
            assert_eq!(first, Event::Closed(CloseReason::TransportError));
            assert!(detail.unwrap().contains("subprotocol"));
        }
    }
}

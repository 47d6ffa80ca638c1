//! Requests that another HTTP server than hyper received.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use engineio::CloseReason;
use engineio::net::server::{Body, ForeignUpgrade, Options, on_connection};
use http::{Request, Response};
use hyper::service::Service;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::support::{App, OPEN_POLLING, OPEN_WEBSOCKET, echo, eventually, sid, upgrade_request};

/// What the other server does with the connection of a 101.
#[derive(Clone, Copy)]
enum After101 {
    HandOver,
    GiveUp,
}

/// An HTTP server of few words: a request a connection, without bodies.
async fn app(after: After101) -> App {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (told, reasons) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
    let service = on_connection(Options::default(), move |connection| {
        // what is kept of the request has no stream in it
        let kept = connection.handshake().extension::<ForeignUpgrade>();
        assert!(kept.is_none());
        echo(connection, told.clone(), Arc::clone(&gate))
    });
    let server = service.server();
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(translate(stream, service.clone(), after));
        }
    });
    App {
        addr,
        server,
        reasons,
        stop: None,
        serving,
    }
}

async fn translate<S>(mut stream: TcpStream, service: S, after: After101)
where
    S: Service<Request<String>, Response = Response<Body>, Error = Infallible>,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let mut request = Request::builder().method(words[0]).uri(words[1]);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    let mut request = request.body(String::new()).unwrap();
    let (hand_over, upgraded) = oneshot::channel::<TcpStream>();
    let upgrade = ForeignUpgrade::new(async { upgraded.await.map_err(io::Error::other) });
    request.extensions_mut().insert(upgrade);

    let Ok(response) = service.call(request).await;
    let (parts, body) = response.into_parts();
    let body = collect(body).await;
    let mut answer = format!("HTTP/1.1 {}\r\n", parts.status);
    for (name, value) in &parts.headers {
        answer += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    if parts.status != 101 {
        answer += &format!("content-length: {}\r\n", body.len());
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.write_all(b"\r\n").await.unwrap();
    stream.write_all(&body).await.unwrap();
    if parts.status == 101 && matches!(after, After101::HandOver) {
        hand_over.send(stream).unwrap();
    }
}

/// The bytes of an answer.
async fn collect(mut body: Body) -> Vec<u8> {
    use http_body::Body as _;
    let mut all = Vec::new();
    while let Some(Ok(frame)) =
        std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await
    {
        all.extend(frame.into_data().unwrap());
    }
    all
}

#[tokio::test]
async fn a_session_starts_on_a_stream_that_is_handed_over() {
    let mut app = app(After101::HandOver).await;
    let mut websocket = app.websocket().await;
    websocket.echoes("hello").await;
    websocket.echoes(&"x".repeat(200_000)).await;
    websocket.send("1").await;
    websocket.closed().await;
    assert_eq!(app.reason().await, CloseReason::TransportClose);
    let server = &app.server;
    eventually(|| (server.sessions(), server.tasks()) == (0, 0)).await;
}

#[tokio::test]
async fn a_session_is_upgraded_to_a_stream_that_is_handed_over() {
    let app = app(After101::HandOver).await;
    let opened = app.get(OPEN_POLLING).await;
    let mut websocket = app
        .upgrade(&format!("{OPEN_WEBSOCKET}&sid={}", sid(&opened.body)))
        .await;
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    websocket.send("5").await;
    websocket.echoes("upgraded").await;
}

/// The client went away before its server had written the answer.
#[tokio::test]
async fn a_session_ends_with_the_stream_that_never_came() {
    let panics = testkit::Panics::watch();
    let mut app = app(After101::GiveUp).await;
    let mut http = app.connect().await;
    http.send(upgrade_request(OPEN_WEBSOCKET, "")).await;
    assert_eq!(http.answer().await.status, 101);
    assert_eq!(app.reason().await, CloseReason::TransportError);
    let server = &app.server;
    eventually(|| (server.sessions(), server.tasks()) == (0, 0)).await;
    assert_eq!(panics.here(), 0, "what has failed is not asked again");
}

/// A refusal asks for no stream, and the extension does no harm to what is no WebSocket.
#[tokio::test]
async fn other_answers_leave_the_stream_alone() {
    let app = app(After101::HandOver).await;
    assert_eq!(app.get(OPEN_POLLING).await.status, 200);
    let refused = app
        .ask_upgrade(&format!("{OPEN_WEBSOCKET}&sid=nobody"), "")
        .await;
    refused.is(400, r#"{"code":1,"message":"Session ID unknown"}"#);
    assert_eq!(app.server.sessions(), 1);
}

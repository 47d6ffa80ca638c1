//! Servers that refuse, break, fall silent or say too much.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engineio::CloseReason;
use engineio::Transport::{Polling, WebSocket};
use engineio::client::Detail;
use engineio::net::client::{Options, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{
    App, answer, at, closed, echoes, failed, open, open_packet, request, scripted, send, soon,
    switched, text_frame,
};

#[tokio::test]
async fn nobody_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    for transport in [Polling, WebSocket] {
        let (reason, detail) = failed(at(addr).transports([transport])).await;
        assert_eq!(reason, CloseReason::TransportError);
        let Some(Detail::Io(words)) = detail else {
            panic!("{detail:?}")
        };
        assert!(words.contains("refused"), "{words}");
    }
    // a name that no resolver asks another for: its label is too long
    let nowhere = Options::new(&format!("http://{}.invalid", "x".repeat(64))).unwrap();
    let (_, detail) = failed(nowhere.proxy(Proxy::none())).await;
    assert!(matches!(detail, Some(Detail::Io(_))), "{detail:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_with_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for transport in [Polling, WebSocket] {
        let options = at(listener.local_addr().unwrap()).transports([transport]);
        let silent = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.ok();
        };
        let options = options.open_timeout(Duration::from_millis(100));
        let (failed, ()) = soon(async { tokio::join!(failed(options), silent) }).await;
        assert_eq!(failed.0, CloseReason::TransportError);
        assert_eq!(failed.1, Some(Detail::OpenTimeout));
    }
}

#[tokio::test]
async fn answers_that_are_none_of_a_server() {
    let html = "<html>Bad gateway</html>";
    for (status, body, expected) in [
        ("502 Bad Gateway", html, "status 502"),
        ("302 Found\r\nLocation: /elsewhere", "", "status 302"),
        (
            "400 Bad Request",
            r#"{"code":1,"message":"Session ID unknown"}"#,
            "status 400, code 1: Session ID unknown",
        ),
    ] {
        let addr = scripted(move |_, _| answer(status, body)).await;
        for transport in [Polling, WebSocket] {
            let (reason, detail) = failed(at(addr).transports([transport])).await;
            assert_eq!(reason, CloseReason::TransportError);
            assert_eq!(detail.unwrap().to_string(), expected);
        }
    }
    let addr = scripted(move |_, _| answer("200 OK", html)).await;
    assert_eq!(failed(at(addr)).await.0, CloseReason::ParseError);
    let (reason, _) = failed(at(addr).transports([WebSocket])).await;
    assert_eq!(reason, CloseReason::TransportError);
    let addr = scripted(|_, _| Some("what?\r\n\r\n".to_owned())).await;
    assert_eq!(failed(at(addr)).await.0, CloseReason::TransportError);
}

#[tokio::test]
async fn a_lost_heartbeat_ends_the_session_and_not_before() {
    let addr = scripted(|head, _| match head.contains("sid=") {
        false => answer("200 OK", &open_packet(100, 100)),
        true => None,
    });
    let mut connection = open(at(addr.await)).await;
    let start = Instant::now();
    assert!(!connection.is_expired());
    assert_eq!(closed(&mut connection).await, CloseReason::PingTimeout);
    assert!(start.elapsed() >= Duration::from_millis(190));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = at(listener.local_addr().unwrap()).transports([WebSocket]);
    let server = async {
        let mut stream = switched(&listener).await;
        let open = text_frame(&open_packet(10, 10));
        stream.write_all(&open).await.unwrap();
        // it does not answer the close frame either
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.ok();
    };
    let client = async {
        let mut connection = open(options).await;
        // as after a sleep of the machine
        std::thread::sleep(Duration::from_millis(30));
        assert!(connection.is_expired());
        assert_eq!(closed(&mut connection).await, CloseReason::PingTimeout);
    };
    soon(async { tokio::join!(client, server) }).await;
}

#[tokio::test]
async fn a_close_frame_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (frame, reason, expected, answered) in [
        (
            &b"\x88\x0b\x03\xf1too large"[..],
            CloseReason::TransportClose,
            Some("close code 1009: too large"),
            Some(1009),
        ),
        (b"\x88\x00", CloseReason::TransportClose, None, None),
        // a masked one
        (
            b"\x81\x82\x00\x00\x00\x004x",
            CloseReason::TransportError,
            Some("a frame breaks the WebSocket protocol (close code 1002)"),
            Some(1002),
        ),
    ] {
        let options = at(listener.local_addr().unwrap()).transports([WebSocket]);
        let server = async {
            let mut stream = switched(&listener).await;
            let mut bytes = text_frame(&open_packet(1000, 1000));
            bytes.extend_from_slice(b"\x89\x02hi");
            bytes.extend_from_slice(frame);
            stream.write_all(&bytes).await.unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            all
        };
        let client = async {
            let mut connection = open(options).await;
            let ended = closed(&mut connection).await;
            (ended, connection.detail().map(ToString::to_string))
        };
        let (sent, ended) = soon(async { tokio::join!(server, client) }).await;
        assert_eq!(ended, (reason, expected.map(str::to_owned)));
        // a pong may come first; the close frame is masked
        let close = sent.len() - if answered.is_some() { 8 } else { 6 };
        assert_eq!(sent[close], 0x88, "{sent:02x?}");
        if let Some(code) = answered {
            let (mask, content) = (&sent[close + 2..close + 6], &sent[close + 6..]);
            let code_sent = [content[0] ^ mask[0], content[1] ^ mask[1]];
            assert_eq!(u16::from_be_bytes(code_sent), code);
        }
    }
}

#[tokio::test]
async fn a_ping_of_the_websocket_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = at(listener.local_addr().unwrap()).transports([WebSocket]);
    let server = async {
        let mut stream = switched(&listener).await;
        let mut bytes = text_frame(&open_packet(1000, 1000));
        bytes.extend_from_slice(b"\x89\x02hi");
        stream.write_all(&bytes).await.unwrap();
        let mut pong = [0; 8];
        stream.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong[..2], [0x8a, 0x82]);
        assert_eq!([pong[6] ^ pong[2], pong[7] ^ pong[3]], *b"hi");
    };
    let client = async {
        let mut connection = open(options).await;
        connection.next().await
    };
    soon(async { tokio::join!(client, server) }).await;
}

#[tokio::test]
async fn the_next_transport_is_tried_only_when_asked_to() {
    let app = App::start().await;
    let (to, from) = (app.addr, scripted_gateway(app.addr).await);
    assert_ne!(to, from);
    let options = at(from).transports([WebSocket, Polling]).upgrade(false);
    let (_, detail) = failed(options.clone()).await;
    assert_eq!(detail.unwrap().to_string(), "status 403");
    let mut connection = open(options.try_all_transports(true)).await;
    assert_eq!(connection.transport(), Polling);
    echoes(&mut connection, "by polling").await;
}

/// Lets long-polling through and refuses WebSockets.
async fn scripted_gateway(to: std::net::SocketAddr) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut start = [0; 2000];
                let len = client.peek(&mut start).await.unwrap();
                let head = String::from_utf8_lossy(&start[..len]).into_owned();
                if head.contains("transport=websocket") {
                    request(&mut client).await;
                    let refusal = answer("403 Forbidden", "no").unwrap();
                    client.write_all(refusal.as_bytes()).await.unwrap();
                    return;
                }
                let mut server = TcpStream::connect(to).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut server)
                    .await
                    .ok();
            });
        }
    });
    addr
}

/// An answered connection that the server then closes is no reason to fail, and nothing is sent
/// twice.
#[tokio::test]
async fn connections_that_ended_between_requests_are_replaced() {
    static POSTS: AtomicUsize = AtomicUsize::new(0);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (told, mut bodies) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let told = told.clone();
            tokio::spawn(async move {
                let (head, body) = request(&mut stream).await.unwrap();
                let answer = match (head.contains("sid="), head.starts_with("POST")) {
                    (false, _) => answer("200 OK", &open_packet(60_000, 60_000)),
                    (true, true) => {
                        POSTS.fetch_add(1, Ordering::Relaxed);
                        told.send(body).unwrap();
                        answer("200 OK", "ok")
                    }
                    (true, false) => {
                        // waits
                        while stream.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {}
                        return;
                    }
                };
                // one answer, and the end without a word
                stream.write_all(answer.unwrap().as_bytes()).await.unwrap();
            });
        }
    });
    let mut connection = open(at(addr)).await;
    for n in 0..20 {
        send(&mut connection, &n.to_string());
        let body = soon(async {
            tokio::select! {
                event = connection.next() => panic!("{event:?}: {:?}", connection.detail()),
                body = bodies.recv() => body.unwrap(),
            }
        });
        assert_eq!(body.await, format!("4{n}"));
    }
    assert_eq!(POSTS.load(Ordering::Relaxed), 20);
}

//! What a server may send, leave unread or leave unanswered.

use std::time::Duration;

use engineio::Transport::{Polling, WebSocket};
use engineio::client::{Config, Detail, Event};
use engineio::{CloseReason, Data, SendError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{
    App, answer, at, closed, connect, failed, message, open, open_packet, over, scripted, send,
    soon, switched, text_frame,
};

#[tokio::test]
async fn an_endless_refusal_is_read_in_part() {
    let addr = scripted(|_, _| {
        let body = "x".repeat(1_000_000);
        Some(format!(
            "HTTP/1.1 500 No\r\nContent-Length: 99999999\r\n\r\n{body}"
        ))
    });
    let addr = addr.await;
    for transport in [Polling, WebSocket] {
        let (_, detail) = failed(at(addr).transports([transport])).await;
        assert_eq!(detail.unwrap().to_string(), "status 500");
    }
}

#[tokio::test]
async fn answers_and_messages_have_a_limit() {
    for transport in [Polling, WebSocket] {
        let mut app = App::start().await;
        let mut connection = open(over(&app, transport).max_message(10_000)).await;
        send(&mut connection, "flood 1 9000");
        assert_eq!(message(&mut connection).await.len(), 9000);
        send(&mut connection, "flood 1 10001");
        assert_eq!(closed(&mut connection).await, CloseReason::TransportError);
        let detail = connection.detail().unwrap().to_string();
        assert!(detail.contains("larger than"), "{detail}");
        if transport == WebSocket {
            assert_eq!(app.reason().await, CloseReason::TransportClose);
        }
    }
    // one that does not say how large it is
    let addr = scripted(|_, _| {
        let chunk = format!("2710\r\n{}\r\n", "x".repeat(10_000));
        let chunks = chunk.repeat(20);
        Some(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        ))
    });
    let (_, detail) = failed(at(addr.await).max_message(150_000)).await;
    let detail = detail.unwrap().to_string();
    assert!(detail.contains("larger than 150000 bytes"), "{detail}");
}

/// Whether all of it could be written or not.
#[tokio::test]
async fn a_server_says_that_a_message_is_too_large() {
    let app = App::start().await;
    for size in [1_000_001, 10_000_000].repeat(10) {
        let mut connection = open(over(&app, WebSocket)).await;
        let large = Data::Binary(vec![0; size].into());
        connection.send(large.into()).unwrap();
        assert_eq!(closed(&mut connection).await, CloseReason::TransportClose);
        let detail = connection.detail();
        assert!(
            matches!(detail, Some(Detail::Frame { code: 1009, .. })),
            "{detail:?}"
        );
    }
}

#[tokio::test]
async fn requests_have_a_timeout_when_asked_to() {
    // POSTs are never answered
    let addr = scripted(
        |head, _| match (head.contains("sid="), head.starts_with("POST")) {
            (false, _) => answer("200 OK", &open_packet(60_000, 60_000)),
            _ => None,
        },
    );
    let options = at(addr.await).request_timeout(Duration::from_millis(100));
    let mut connection = open(options).await;
    send(&mut connection, "never answered");
    assert_eq!(closed(&mut connection).await, CloseReason::TransportError);
    let detail = connection.detail().unwrap().to_string();
    assert_eq!(detail, "no answer in time");
}

/// Who does not read keeps what is sent to it from growing.
#[tokio::test]
async fn what_waits_for_the_websocket_is_bounded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = Config::default();
    config.max_buffered = 1_000_000;
    config.transports = vec![WebSocket];
    config.close_timeout = Duration::from_millis(50);
    let options = at(listener.local_addr().unwrap()).session(config);
    let mut connection = connect(options);
    let (mut stream, event) = soon(async {
        let server = async {
            let mut stream = switched(&listener).await;
            let open = text_frame(&open_packet(60_000, 60_000));
            stream.write_all(&open).await.unwrap();
            stream
        };
        tokio::join!(server, connection.next())
    })
    .await;
    assert_eq!(event, Some(Event::Opened));
    let message = Data::Binary(vec![0; 100_000].into());
    let mut taken = 0;
    let full = loop {
        match connection.send(message.clone().into()) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        let poll = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(connection.poll_event(cx).is_pending())
        });
        assert!(poll.await);
        assert!(connection.buffered() <= 1_100_000);
    };
    assert_eq!(full, SendError::Full);
    assert!(!connection.is_writable());
    let reading = async {
        let mut count = 0;
        let mut buffer = vec![0; 100_000];
        while count < taken * 100_014 {
            count += stream.read(&mut buffer).await.unwrap();
        }
        assert_eq!(count, taken * 100_014);
    };
    soon(async {
        tokio::select! {
            event = connection.next() => panic!("{event:?}"),
            () = reading => {}
        }
    })
    .await;
    assert_eq!(connection.buffered(), 0);
    assert!(connection.is_writable());
    // the server does not answer the close frame: that has its time, too
    connection.close(CloseReason::ForcedClose);
    assert_eq!(closed(&mut connection).await, CloseReason::ForcedClose);
}

//! Long-polling, WebSocket, and the move from one to the other.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::Poll;

use engineio::Transport::{Polling, WebSocket};
use engineio::client::Event;
use engineio::net::client::Client;
use engineio::net::server::{Options as ServerOptions, on_connection, serve};
use engineio::{CloseReason, Data, SendError};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{
    App, at, closed, echoes, eventually, message, next, nothing_left, open, options, over, send,
    soon,
};

#[tokio::test]
async fn each_transport_alone_echoes_and_closes() {
    for transport in [Polling, WebSocket] {
        let mut app = App::start().await;
        let mut connection = open(over(&app, transport)).await;
        assert_eq!(connection.transport(), transport);
        assert!(connection.handshake().is_some());
        for text in ["a", "é\u{1F600}", "", &"long ".repeat(50_000)] {
            echoes(&mut connection, text).await;
        }
        let binary = Data::Binary((0..=255).cycle().take(100_000).collect());
        connection.send(binary.clone().into()).unwrap();
        assert_eq!(message(&mut connection).await, binary);
        assert_eq!(connection.buffered(), 0);
        send(&mut connection, "last");
        connection.close(CloseReason::ForcedClose);
        assert_eq!(closed(&mut connection).await, CloseReason::ForcedClose);
        assert_eq!(app.reason().await, CloseReason::TransportClose);
        nothing_left(&app).await;
    }
}

/// Both ways at once, while the session moves.
#[tokio::test]
async fn an_upgrade_under_traffic_loses_doubles_and_reorders_nothing() {
    let app = App::start().await;
    for round in 0..10 {
        let mut connection = open(options(&app)).await;
        let (mut sent, mut received, mut upgraded) = (0, 0, false);
        while received < 1000 || !upgraded {
            for _ in 0..7 {
                if sent < 1000 {
                    send(&mut connection, &format!("{round}-{sent}"));
                    sent += 1;
                }
            }
            match next(&mut connection).await {
                Event::Message(data) => {
                    assert_eq!(data, Data::from(&*format!("{round}-{received}")));
                    received += 1;
                }
                Event::Upgraded => upgraded = true,
                event => panic!("{event:?}"),
            }
        }
        assert_eq!(connection.transport(), WebSocket);
        // the connections of long-polling are gone
        let server = &app.server;
        eventually(|| server.connections() == 0).await;
        connection.close(CloseReason::ForcedClose);
        assert_eq!(closed(&mut connection).await, CloseReason::ForcedClose);
    }
    nothing_left(&app).await;
}

#[tokio::test]
async fn a_server_that_closes_is_heard_on_each_transport() {
    for transport in [Polling, WebSocket] {
        let app = App::start().await;
        let mut connection = open(over(&app, transport)).await;
        send(&mut connection, "close");
        assert_eq!(closed(&mut connection).await, CloseReason::TransportClose);
        nothing_left(&app).await;
    }
}

#[tokio::test]
async fn dropping_a_connection_leaves_no_sockets() {
    let app = App::start().await;
    for transport in [Polling, WebSocket] {
        let client = Client::new(over(&app, transport)).unwrap();
        let mut connection = client.connect();
        assert_eq!(next(&mut connection).await, Event::Opened);
        echoes(&mut connection, "there").await;
        // the next poll is out: without one, a server cannot know
        assert!(poll_fn(|cx| Poll::Ready(connection.poll_event(cx).is_pending())).await);
        drop(connection);
        nothing_left(&app).await;
        let server = &app.server;
        eventually(|| server.tasks() == 0).await;
    }
}

#[tokio::test]
async fn a_flood_arrives_whole_and_in_turns() {
    for transport in [Polling, WebSocket] {
        let app = App::start().await;
        let mut connection = open(over(&app, transport)).await;
        send(&mut connection, "flood 5000 100");
        for _ in 0..5000 {
            let data = soon(message(&mut connection)).await;
            assert_eq!(data.len(), 100);
        }
        echoes(&mut connection, "after").await;
    }
}

/// A server that tells what it was sent.
async fn listening() -> (SocketAddr, mpsc::UnboundedReceiver<Option<Data>>) {
    let (told, heard) = mpsc::unbounded_channel();
    let service = on_connection(ServerOptions::default(), move |mut connection| {
        let told = told.clone();
        async move {
            while let Some(data) = connection.recv().await {
                // answered, so that the session has something to do while it moves
                connection.send(data.clone()).ok();
                told.send(Some(data)).unwrap();
            }
            told.send(None).unwrap();
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let forever = std::future::pending();
    tokio::spawn(serve(listener, service.server(), service, forever));
    (addr, heard)
}

/// Wherever the session is on its way to the WebSocket.
#[tokio::test]
async fn what_was_sent_before_a_close_arrives() {
    let (addr, mut heard) = listening().await;
    for events in 0..40 {
        let mut connection = open(at(addr)).await;
        for n in 0..100 {
            send(&mut connection, &n.to_string());
            if n < events {
                next(&mut connection).await;
            }
        }
        connection.close(CloseReason::ForcedClose);
        assert_eq!(closed(&mut connection).await, CloseReason::ForcedClose);
        for n in 0..100 {
            let data = soon(heard.recv()).await.unwrap();
            assert_eq!(data, Some(Data::from(&*n.to_string())), "after {events}");
        }
        assert_eq!(soon(heard.recv()).await.unwrap(), None);
        let late = connection.send(Data::from("late").into());
        assert_eq!(late, Err(SendError::Closed));
    }
}

/// Another task may own it from one moment to the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_moves_between_tasks() {
    let app = App::start().await;
    for transport in [Polling, WebSocket] {
        let mut connection = open(over(&app, transport)).await;
        for n in 0..50 {
            let task = tokio::spawn(async move {
                // pending here, ready there
                let pending = poll_fn(|cx| Poll::Ready(connection.poll_event(cx).is_pending()));
                assert!(pending.await);
                connection
            });
            connection = task.await.unwrap();
            echoes(&mut connection, &n.to_string()).await;
        }
    }
}

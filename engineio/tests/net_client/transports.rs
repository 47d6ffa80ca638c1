//! Long-polling, WebSocket, and the move from one to the other.

use std::future::poll_fn;
use std::task::Poll;

use engineio::Transport::{Polling, WebSocket};
use engineio::client::Event;
use engineio::net::client::Client;
use engineio::{CloseReason, Data};

use crate::support::{
    App, closed, echoes, eventually, message, next, nothing_left, open, options, over, send, soon,
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

//! Limits that are off unless they are set.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use socketio_server::{Ack, Namespace, Server, Socket};
use support::{Client, start};
use tokio::time::Instant;

#[tokio::test]
async fn a_client_that_sends_too_many_events_is_slowed_down_and_loses_nothing() {
    let server = Server::builder()
        .max_event_rate(50)
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(200))
        .build();
    server
        .mount(Namespace::new("/").on("n", async |_: Socket, n: u32| Ack(n)))
        .unwrap();
    let address = start(&server).await;
    let mut fast = Client::join(address, "/").await;
    let start = Instant::now();
    // what comes at once is taken at once, and paid for by the next one
    for n in 0..100 {
        fast.send(&format!("42{n}[\"n\",{n}]")).await;
    }
    let mut acked = 0;
    while acked < 101 {
        let text = fast.text().await;
        if text == "2" {
            fast.send("3").await;
            continue;
        }
        assert_eq!(text, format!("43{acked}[{acked}]"));
        acked += 1;
        if acked == 100 {
            fast.send("42100[\"n\",100]").await;
        }
    }
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(900), "{took:?}");
    // twice the time after which a client that is not heard of is given up
    assert_eq!(server.gauges().sockets, 1);
    // somebody else is not slowed down
    let mut other = Client::join(address, "/").await;
    other.send("420[\"n\",7]").await;
    other.expect("430[7]").await;
}

#[tokio::test]
async fn rooms_of_a_socket_may_be_limited() {
    let server = Server::builder().max_rooms(2).build();
    let io = server.mount(Namespace::new("/")).unwrap();
    let (_client, id) = Client::join_as(start(&server).await, "/", "").await;
    let socket = io.socket(&id.parse().unwrap()).unwrap();
    assert!(socket.try_join("a") && socket.try_join("b"));
    assert!(!socket.try_join("c"));
    assert!(
        socket.try_join("a") && socket.try_join(&id),
        "it is there already"
    );
    socket.join("c");
    assert_eq!(socket.rooms().len(), 3);
    socket.leave("a");
    assert!(socket.try_join("c"));
}

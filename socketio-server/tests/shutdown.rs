//! What clients get when the server is asked to stop.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod support;

use std::time::Duration;

use socketio_server::{AckError, Drain, Server};
use support::fixture::{fixture, http, open_polling};
use support::{Client, Frame, until, within};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

struct Stoppable {
    server: Server,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

async fn start() -> Stoppable {
    let server = Server::default();
    server.mount(fixture("/")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = server.clone();
    let serving = tokio::spawn(async move {
        let stopped = async { stopped.await.unwrap_or_default() };
        serving.serve(listener, stopped).await.unwrap();
    });
    Stoppable {
        server,
        address,
        stop,
        serving,
    }
}

#[tokio::test]
async fn a_client_between_two_polls_still_gets_what_was_sent() {
    let started = start().await;
    let sid = open_polling(started.address).await;
    http(started.address, "POST", &sid, "40").await;
    http(started.address, "GET", &sid, "").await;
    started.server.emit("news", &1).unwrap();
    started.stop.send(()).unwrap();
    while started.server.gauges().sockets > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let (status, payload) = http(started.address, "GET", &sid, "").await;
    assert_eq!(
        (status, payload.as_str()),
        (200, "42[\"news\",1]\u{1e}6\u{1e}1")
    );
    started.serving.await.unwrap();
    assert_eq!(started.server.gauges().sessions, 0);
}

#[tokio::test]
async fn a_client_that_does_not_poll_any_more_holds_it_up_for_a_second() {
    let started = start().await;
    let sid = open_polling(started.address).await;
    http(started.address, "POST", &sid, "40").await;
    http(started.address, "GET", &sid, "").await;
    started.stop.send(()).unwrap();
    let asked = Instant::now();
    started.serving.await.unwrap();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_websocket_gets_what_was_sent_and_a_close_frame() {
    let started = start().await;
    let mut raw = Client::connect(started.address).await;
    raw.text().await;
    raw.send("40").await;
    raw.text().await;
    raw.text().await;
    started.server.emit("news", &1).unwrap();
    started.stop.send(()).unwrap();
    assert_eq!(raw.text().await, r#"42["news",1]"#);
    raw.ends().await;
    drop(raw);
    started.serving.await.unwrap();
}

/// Refused, and with which status.
async fn refused(address: std::net::SocketAddr) -> u16 {
    http(address, "GET", "", "").await.0
}

#[tokio::test]
async fn a_drain_refuses_new_clients_waits_for_answers_and_says_going_away() {
    let started = start().await;
    let (mut client, _) = Client::join_as(started.address, "/", "").await;
    client.text().await; // the fixture's greeting
    let asked = started
        .server
        .broadcast()
        .emit_with_ack::<u8>("ready?", &());
    client.expect("420[\"ready?\",null]").await;
    let draining = started.server.clone();
    let drain = tokio::spawn(async move { draining.drain(Drain::default()).await });
    until("closed doors", || started.server.is_closing()).await;
    assert_eq!(refused(started.address).await, 403);
    assert_eq!(
        started.server.gauges().sockets,
        1,
        "an answer is outstanding"
    );
    client.send("430[1]").await;
    assert_eq!(asked.await.unwrap().complete(), Ok(vec![1]));
    assert_eq!(client.next().await, Frame::Close(Some(1001)));
    drop(client);
    within(drain).await.unwrap();
    assert_eq!(started.server.gauges().sessions, 0);
    started.stop.send(()).unwrap();
    started.serving.await.unwrap();
}

/// The connection's task has not heard of the question yet.
#[tokio::test]
async fn a_drain_waits_for_an_answer_that_was_asked_for_just_before() {
    let started = start().await;
    let (mut client, _) = Client::join_as(started.address, "/", "").await;
    client.text().await; // the fixture's greeting
    let server = &started.server;
    let asked = server.broadcast().emit_with_ack::<u8>("ready?", &());
    let answer = async {
        client.expect("420[\"ready?\",null]").await;
        client.send("430[1]").await;
        assert_eq!(client.next().await, Frame::Close(Some(1001)));
    };
    let drain = server.drain(Drain::default());
    let (_, answers, ()) = within(async { tokio::join!(drain, asked, answer) }).await;
    assert_eq!(answers.unwrap().complete(), Ok(vec![1]));
}

#[tokio::test]
async fn answers_that_do_not_come_hold_a_drain_up_no_longer_than_told() {
    let started = start().await;
    let (mut client, _) = Client::join_as(started.address, "/", "").await;
    client.text().await;
    let asked = started
        .server
        .broadcast()
        .emit_with_ack::<u8>("ready?", &());
    client.expect("420[\"ready?\",null]").await;
    let drain = Drain::default().wait_for_acks(Duration::from_millis(50));
    let (_, answers) = within(async { tokio::join!(started.server.drain(drain), asked) }).await;
    let missing = answers.unwrap().missing;
    assert_eq!(missing[0].1, AckError::Disconnected);
}

#[tokio::test]
async fn clients_are_put_out_evenly_over_the_time_that_was_given() {
    let started = start().await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(Client::join(started.address, "/").await);
    }
    let spread = Duration::from_millis(500);
    let asked = Instant::now();
    let mut ends = tokio::task::JoinSet::new();
    for mut client in clients {
        ends.spawn(async move {
            client.text().await;
            assert_eq!(client.next().await, Frame::Close(Some(1001)));
            asked.elapsed()
        });
    }
    started.server.drain(Drain::default().spread(spread)).await;
    let mut ends = within(ends.join_all()).await;
    ends.sort();
    for (index, end) in ends.iter().enumerate() {
        let due = spread / 5 * u32::try_from(index).unwrap();
        assert!(*end >= due, "{index}: {ends:?}");
    }
}

#[tokio::test]
async fn a_drain_that_is_given_up_leaves_the_rest_to_close() {
    let started = start().await;
    let (mut first, mut second) = (
        Client::join(started.address, "/").await,
        Client::join(started.address, "/").await,
    );
    let slow = started
        .server
        .drain(Drain::default().spread(Duration::from_secs(3600)));
    let one_left = until("one left", || started.server.gauges().sockets == 1);
    tokio::select! {
        () = slow => panic!("an hour has passed"),
        () = one_left => {}
    }
    within(started.server.close()).await;
    for client in [&mut first, &mut second] {
        client.text().await;
        assert_eq!(client.next().await, Frame::Close(Some(1001)));
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_a_drain_up_no_longer_than_the_flush() {
    let started = start().await;
    let client = Client::join(started.address, "/").await;
    let payload = "x".repeat(1_000_000);
    for _ in 0..12 {
        started.server.emit("big", &payload).unwrap();
    }
    let queued = || started.server.gauges().queued_bytes > 1_000_000;
    until("what the kernel does not take", queued).await;
    let asked = Instant::now();
    let drain = Drain::default().flush(Duration::from_millis(200));
    started.server.drain(drain).await;
    let took = asked.elapsed();
    let flush = Duration::from_millis(200)..Duration::from_secs(2);
    assert!(flush.contains(&took), "{took:?}");
    drop(client);
}

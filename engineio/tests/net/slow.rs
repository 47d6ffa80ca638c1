//! Peers that do not read, and the end of the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engineio::CloseReason;
use engineio::net::server::Options;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use crate::support::{Alive, App, eventually, frame, header};

fn budgets(soft: usize, hard: usize) -> Options {
    let mut options = Options::default();
    (options.soft_budget, options.hard_budget) = (soft, hard);
    options
}

/// A26, RELIABILITY 2.1.
#[tokio::test]
async fn a_reader_over_the_hard_budget_is_a_slow_consumer_and_nobody_else_notices() {
    let mut app = App::with(budgets(100_000, 1_000_000)).await;
    let alive = Alive::before(&app).await;
    let mut slow = app.websocket().await;
    // far more than the sockets' own buffers take
    slow.send("4flood 400 100000").await;
    assert_eq!(app.reason().await, CloseReason::SlowConsumer);
    drop(slow);
    alive.check(&app).await;
}

/// RELIABILITY 2.1, rule 3: 10 s over the soft budget without progress. Nothing tries on behind that.
#[tokio::test]
async fn a_reader_that_takes_nothing_for_ten_seconds_is_dropped_with_what_waits_for_it() {
    let mut app = App::with(budgets(100_000, 100_000_000)).await;
    let mut slow = app.websocket().await;
    // more than the sockets' own buffers take
    slow.send("4flood 200 100000").await;
    let server = &app.server;
    eventually(|| server.queued_bytes() > 1_000_000).await;
    let start = Instant::now();
    let reason = tokio::time::timeout(Duration::from_secs(14), app.reasons.recv()).await;
    assert_eq!(reason.unwrap(), Some(Some(CloseReason::SlowConsumer)));
    assert!(start.elapsed() > Duration::from_secs(8));
    let server = &app.server;
    eventually(|| server.tasks() == 0 && server.queued_bytes() == 0).await;
    drop(slow);
}

/// F22: all queues together, not each alone.
#[tokio::test]
async fn over_the_memory_budget_the_largest_stalled_queue_ends_and_the_others_lose_nothing() {
    const SIZE: usize = 100_000;
    let mut options = budgets(200_000_000, 200_000_000);
    options.memory_budget = Some(60_000_000);
    let mut app = App::with(options).await;
    let alive = Alive::before(&app).await;
    let mut largest = app.websocket().await;
    largest.send(&format!("4flood 500 {SIZE}")).await;
    let server = &app.server;
    eventually(|| server.queue_memory() > 30_000_000).await;
    let mut other = app.websocket().await;
    other.send(&format!("4flood 400 {SIZE}")).await;
    assert_eq!(app.reason().await, CloseReason::SlowConsumer);
    assert_eq!(app.server.evicted(), 1);
    for _ in 0..400 {
        assert_eq!(other.frame().await.1.len(), 1 + SIZE);
    }
    let server = &app.server;
    // of the evicted, the frame that left in part is still to be finished
    eventually(|| server.queue_memory() < 2 * SIZE).await;
    drop((largest, other));
    eventually(|| server.queue_memory() == 0).await;
    alive.check(&app).await;
}

/// F22: what is unfinished takes memory as well, and many clients that each keep below their limits are too many.
#[tokio::test]
async fn over_the_memory_budget_whoever_sends_more_ends_and_honest_clients_are_served() {
    let mut options = Options::default();
    options.memory_budget = Some(200_000);
    let mut app = App::with(options).await;
    let alive = Alive::before(&app).await;
    let mut first = app.websocket().await;
    first.http.send(header(0x02, 600_000)).await;
    first.http.send(&[0; 50_000]).await;
    let server = &app.server;
    eventually(|| server.input_memory() > 40_000).await;
    let mut second = app.websocket().await;
    second.http.send(header(0x02, 600_000)).await;
    // it may be refused before all of it was written
    second.http.stream.write_all(&[0; 200_000]).await.ok();
    assert_eq!(app.reason().await, CloseReason::ServerError);
    let target = app.open().await;
    let body = "4".repeat(900_000);
    assert_eq!(app.post(&target, &body).await.status, 503);
    assert_eq!(app.reason().await, CloseReason::TransportError);
    drop((first, second));
    let server = &app.server;
    eventually(|| server.input_memory() == 0).await;
    alive.check(&app).await;
}

/// A27: engineioxide waits for the writer, for as long as the peer likes.
#[tokio::test]
async fn closing_never_waits_for_a_peer_that_does_not_read() {
    let mut app = App::with(budgets(50_000_000, 100_000_000)).await;
    let mut slow = app.websocket().await;
    slow.send("4flood 300 100000").await;
    let server = &app.server;
    // the socket is full and something still waits
    eventually(|| server.queued_bytes() > 1_000_000).await;
    let start = Instant::now();
    app.server.close();
    assert_eq!(app.reason().await, CloseReason::ForcedClose);
    assert!(start.elapsed() < Duration::from_secs(1));
    let server = &app.server;
    eventually(|| server.sessions() == 0).await;
    assert_eq!(app.server.tasks(), 1, "the writer goes on, for ten seconds");
    drop(slow);
    let server = &app.server;
    eventually(|| server.tasks() == 0).await;
}

/// ws 8.23: pongs for a peer that does not read piled up.
#[tokio::test]
async fn pings_of_a_peer_that_does_not_read_leave_few_pongs() {
    let app = App::start().await;
    let alive = Alive::before(&app).await;
    let mut websocket = app.websocket().await;
    let flood = frame(0x89, &[7; 125]).repeat(2000);
    for _ in 0..20 {
        websocket.http.send(&flood).await;
    }
    websocket.http.send(frame(0x81, b"4done")).await;
    let mut pongs = 0;
    loop {
        let (first, content) = websocket.frame().await;
        if first == 0x81 {
            break;
        }
        assert_eq!((first, content.len()), (0x8a, 125));
        pongs += 1;
    }
    assert!((1..2000).contains(&pongs), "{pongs}");
    websocket.send("1").await;
    drop(websocket);
    alive.check(&app).await;
}

#[tokio::test]
async fn a_server_that_stops_tells_its_sessions_and_ends() {
    let mut app = App::start().await;
    let target = app.open().await;
    let mut poll = app.connect().await;
    poll.request("GET", &target, "", "").await;
    // the answered POST shows that the poll was there first, or that it is next
    app.post(&target, "4a").await.is(200, "ok");
    poll.answer().await.is(200, "4a");
    poll.request("GET", &target, "", "").await;
    let mut websocket = app.websocket().await;
    websocket.echoes("before").await;
    let stopped = app.stop();
    let told = async {
        assert_eq!(websocket.closed().await, 1001);
        let answer = poll.answer().await;
        assert!(answer.body.ends_with('1'), "{answer:?}");
        poll.ended().await;
    };
    tokio::join!(stopped, told);
    assert_eq!(app.reason().await, CloseReason::ForcedClose);
    assert_eq!(app.reason().await, CloseReason::ForcedClose);
    assert_eq!(
        (
            app.server.sessions(),
            app.server.tasks(),
            app.server.connections()
        ),
        (0, 0, 0)
    );
    assert!(tokio::net::TcpStream::connect(app.addr).await.is_err());
}

#[tokio::test]
async fn a_closing_server_takes_no_new_sessions() {
    let app = App::start().await;
    app.server.close();
    let answer = app.get(crate::support::OPEN_POLLING).await;
    assert_eq!(answer.status, 403);
    let answer = app.ask_upgrade(crate::support::OPEN_WEBSOCKET, "").await;
    assert_eq!(answer.status, 403);
}

/// What does not fit a poll's budget ends the session: it vanished (#172, #262).
#[tokio::test]
async fn a_message_that_the_machine_cannot_take_ends_the_session() {
    let mut options = Options::default();
    options.engine.max_buffered = 1000;
    let mut app = App::with(options).await;
    let target = app.open().await;
    let mut poll = app.connect().await;
    poll.request("GET", &target, "", "").await;
    app.post(&target, "4flood 1 2000\u{1e}4after")
        .await
        .is(200, "ok");
    assert_eq!(app.reason().await, CloseReason::SlowConsumer);
    poll.answer().await.is(200, "1");
}

/// Messages of a session that ends on long-polling went to its probe.
#[tokio::test]
async fn a_probe_gets_no_messages_when_the_session_ends() {
    let mut app = App::with(budgets(1000, 10_000)).await;
    let target = app.open().await;
    let mut probe = app.upgrade(&target.replace("polling", "websocket")).await;
    probe.send("2probe").await;
    assert_eq!(probe.text().await, "3probe");
    assert_eq!(app.post(&target, "4flood 3 9000").await.status, 200);
    assert_eq!(app.reason().await, CloseReason::SlowConsumer);
    assert_eq!(probe.closed().await, 0);
}

/// A25: hyper would wait for as long as the peer likes.
#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_dropped() {
    let mut options = budgets(100_000_000, 100_000_000);
    options.engine.max_buffered = 100_000_000;
    options.write_timeout = Duration::from_millis(100);
    let app = App::with(options).await;
    let alive = Alive::before(&app).await;
    let target = app.open().await;
    // more than the sockets' own buffers take
    app.post(&target, "4flood 1 30000000").await.is(200, "ok");
    let mut slow = app.connect().await;
    slow.request("GET", &target, "", "").await;
    let server = &app.server;
    eventually(|| server.connections() == 1).await;
    let server = &app.server;
    eventually(|| server.connections() == 0).await;
    // the session's own end is the heartbeat's; here the client comes back and closes it
    app.post(&target, "1").await.is(200, "ok");
    alive.check(&app).await;
    drop(slow);
}

/// A24: without a timer of the server's own, hyper's deadline does nothing.
#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let mut options = Options::default();
    options.head_timeout = Duration::from_millis(100);
    let app = App::with(options).await;
    let alive = Alive::before(&app).await;
    for head in [
        "",
        "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nA: ",
    ] {
        let mut http = app.connect().await;
        http.send(head).await;
        let answer = String::from_utf8(http.ended().await).unwrap();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{answer}"
        );
    }
    // a poll that waits is no head
    let target = app.open().await;
    let mut poll = app.connect().await;
    poll.request("GET", &target, "", "").await;
    let mut idle = app.connect().await;
    assert!(idle.ended().await.is_empty());
    app.post(&target, "4a").await.is(200, "ok");
    poll.answer().await.is(200, "4a");
    app.post(&target, "1").await.is(200, "ok");
    drop((poll, idle));
    alive.check(&app).await;
}

/// DESIGN 13, 6: a handler that lags stops the client, not the session.
#[tokio::test]
async fn a_handler_that_does_not_read_stops_the_client_and_keeps_the_session() {
    let mut options = Options::default();
    options.engine.ping_interval = Duration::from_millis(100);
    options.engine.ping_timeout = Duration::from_millis(300);
    let gate = Arc::new(Semaphore::new(0));
    let app = App::gated(options, Arc::clone(&gate)).await;
    let mut websocket = app.websocket().await;
    let message = frame(0x81, &[b"4", &[b'x'; 65_000][..]].concat());
    let mut written = 0;
    loop {
        let rest = &message[written % message.len()..];
        let write = websocket.http.stream.write(rest);
        // longer than interval and timeout of the heartbeat
        let Ok(count) = tokio::time::timeout(Duration::from_millis(700), write).await else {
            break;
        };
        written += count.unwrap();
        assert!(written < 100_000_000, "nobody reads all that");
    }
    assert_eq!(app.server.sessions(), 1);
    gate.add_permits(1);
    let rest = &message[written % message.len()..];
    websocket.http.send(rest).await;
    let sent = (written + rest.len()) / message.len();
    let mut echoes = 0;
    while echoes < sent {
        match websocket.text().await.as_str() {
            "2" => websocket.send("3").await,
            text => echoes += usize::from(text.len() == 65_001),
        }
    }
    assert_eq!(app.server.sessions(), 1);
}

#[tokio::test]
async fn a_handler_that_does_not_read_delays_the_answer_to_a_post() {
    let gate = Arc::new(Semaphore::new(0));
    let app = App::gated(Options::default(), Arc::clone(&gate)).await;
    let target = app.open().await;
    let mut post = app.connect().await;
    let body = format!("4{}", "x".repeat(400_000));
    post.request("POST", &target, "", &body).await;
    let answer = tokio::time::timeout(Duration::from_millis(200), post.answer()).await;
    assert!(answer.is_err(), "{answer:?}");
    gate.add_permits(1);
    post.answer().await.is(200, "ok");
    app.get(&target).await.is(200, &body);
}

//! Handlers: order, answers, errors, and that every connect is followed by one disconnect.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use socketio_server::{
    Ack, Args, DisconnectReason, EventErrorKind, Events, Incoming, Namespace, NoAck, Server, Socket,
};
use support::{Client, start, until, until_idle, within};
use tokio::sync::{Notify, Semaphore};

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    async fn reaches(&self, expected: &[&str]) {
        until(&format!("{expected:?}"), || {
            self.entries().len() >= expected.len()
        })
        .await;
        assert_eq!(self.entries(), expected);
    }
}

#[tokio::test]
async fn events_of_one_socket_are_handled_and_answered_in_order() {
    let server = Server::default();
    let gate = Arc::new(Semaphore::new(0));
    let namespace = Namespace::new("/").on("work", {
        let gate = Arc::clone(&gate);
        async move |_: Socket, n: u32| {
            // every other one waits, the ones behind it could overtake it
            if n.is_multiple_of(2) {
                gate.acquire().await.unwrap().forget();
            }
            Ack(n)
        }
    });
    server.mount(namespace).unwrap();
    let echo = async |_: Socket, n: u32| Ack(n);
    server
        .mount(Namespace::new("/other").on("echo", echo))
        .unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("40/other,").await;
    assert!(client.text().await.starts_with("40/other,"));
    for n in 0..20 {
        client.send(&format!("42{n}[\"work\",{n}]")).await;
    }
    // all of them are there, and the first one waits
    client.send("42/other,0[\"echo\",7]").await;
    client.expect("43/other,0[7]").await;
    gate.add_permits(10);
    for n in 0..20 {
        client.expect(&format!("43{n}[{n}]")).await;
    }
}

#[tokio::test]
async fn max_in_flight_lets_events_overtake() {
    let server = Server::default();
    let gate = Arc::new(Notify::new());
    let namespace = Namespace::new("/").max_in_flight(2).on("work", {
        let gate = Arc::clone(&gate);
        async move |_: Socket, wait: bool| {
            if wait {
                gate.notified().await;
            }
            Ack(wait)
        }
    });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("420[\"work\",true]").await;
    client.send("421[\"work\",false]").await;
    client.expect("431[false]").await;
    gate.notify_one();
    client.expect("430[true]").await;
}

#[tokio::test]
async fn the_answer_is_the_ack() {
    let server = Server::default();
    let namespace = Namespace::new("/")
        .on("nothing", async |_: Socket, ()| {})
        .on("value", async |_: Socket, text: String| {
            Ack(text.to_uppercase())
        })
        .on(
            "several",
            async |_: Socket, Args((a, b)): Args<(u8, u8)>| Ack(Args((b, a))),
        )
        .on("never", async |_: Socket, ()| NoAck)
        .on("either", async |_: Socket, good: bool| {
            if good {
                Ok(Ack("good"))
            } else {
                Err(Ack(Args(("bad", 400))))
            }
        });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    for (event, answer) in [
        ("420[\"nothing\"]", "430[]"),
        ("421[\"value\",\"é\"]", "431[\"É\"]"),
        ("422[\"several\",1,2]", "432[2,1]"),
        ("423[\"never\"]", ""),
        ("42[\"nothing\"]", ""),
        ("42[\"value\",\"not asked for\"]", ""),
        ("424[\"either\",true]", "434[\"good\"]"),
        ("425[\"either\",false]", "435[\"bad\",400]"),
    ] {
        client.send(event).await;
        if !answer.is_empty() {
            client.expect(answer).await;
        }
    }
}

#[tokio::test]
async fn several_listeners_run_one_after_another_and_the_first_answer_counts() {
    let server = Server::default();
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    let namespace = Namespace::new("/")
        .on("x", async move |_: Socket, n: u8| {
            first.add(format!("first {n}"))
        })
        .on("x", async move |_: Socket, n: u8| {
            second.add(format!("second {n}"));
            Ack("second")
        })
        .on("x", async |_: Socket, _: u8| Ack("third"));
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("420[\"x\",1]").await;
    client.expect("430[\"second\"]").await;
    log.reaches(&["first 1", "second 1"]).await;
}

#[tokio::test]
async fn a_payload_that_does_not_decode_reaches_on_error_which_may_answer() {
    let server = Server::default();
    let log = Log::default();
    let seen = log.clone();
    let namespace = Namespace::new("/")
        .on("number", async |_: Socket, n: u8| Ack(n))
        .on_error(move |_, error| {
            assert!(matches!(error.kind, EventErrorKind::Payload(_)));
            seen.add(error.to_string());
            Ack("bad payload")
        });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("420[\"number\",\"seven\"]").await;
    client.expect("430[\"bad payload\"]").await;
    client.send("421[\"number\",7]").await;
    client.expect("431[7]").await;
    assert!(log.entries()[0].starts_with("event \"number\": the payload does not decode"));
}

#[tokio::test]
async fn a_panic_costs_one_event_and_no_connection() {
    let server = Server::default();
    let log = Log::default();
    let (errors, ends) = (log.clone(), log.clone());
    let namespace = Namespace::new("/")
        .on_connect(async |_: Socket| panic!("in connect"))
        .on("at-once", |_: Socket, (): ()| -> std::future::Ready<()> {
            panic!("at once")
        })
        .on("later", async |_: Socket, (): ()| {
            tokio::task::yield_now().await;
            let go_on = false;
            assert!(go_on, "later");
        })
        .on("fine", async |_: Socket, (): ()| Ack("fine"))
        .on_disconnect(async move |_: Socket, reason: DisconnectReason| {
            ends.add(reason.to_string())
        })
        .on_error(move |_, error| errors.add(error.to_string()));
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("420[\"at-once\"]").await;
    client.send("421[\"later\"]").await;
    client.send("422[\"fine\"]").await;
    client.expect("432[\"fine\"]").await;
    client.send("41").await;
    log.reaches(&[
        "event \"connect\": the handler panicked: in connect",
        "event \"at-once\": the handler panicked: at once",
        "event \"later\": the handler panicked: later",
        "client namespace disconnect",
    ])
    .await;
    drop(client);
    until_idle(&server).await;
}

#[tokio::test]
async fn a_handler_that_never_returns_stalls_its_socket_alone_and_the_disconnect_still_comes() {
    let server = Server::builder()
        .disconnect_timeout(Duration::from_millis(20))
        .build();
    let log = Log::default();
    let ends = log.clone();
    let namespace = Namespace::new("/")
        .on("stuck", async |_: Socket, (): ()| {
            std::future::pending::<()>().await
        })
        .on("fine", async |_: Socket, (): ()| Ack("fine"))
        .on_disconnect(async move |_: Socket, reason: DisconnectReason| {
            ends.add(reason.to_string())
        });
    server.mount(namespace).unwrap();
    let address = start(&server).await;
    let mut stuck = Client::join(address, "/").await;
    let mut other = Client::join(address, "/").await;
    stuck.send("42[\"stuck\"]").await;
    stuck.send("421[\"fine\"]").await;
    other.send("420[\"fine\"]").await;
    other.expect("430[\"fine\"]").await;
    drop(stuck);
    log.reaches(&["transport close"]).await;
    until("one socket", || server.gauges().sockets == 1).await;
}

#[tokio::test]
async fn a_running_handler_finishes_before_on_disconnect() {
    let server = Server::default();
    let (log, gate) = (Log::default(), Arc::new(Notify::new()));
    let (works, ends, wait) = (log.clone(), log.clone(), Arc::clone(&gate));
    let namespace = Namespace::new("/")
        .on("work", async move |_: Socket, n: u8| {
            works.add(format!("started {n}"));
            wait.notified().await;
            works.add(format!("finished {n}"));
        })
        .on_disconnect(async move |socket: Socket, _: DisconnectReason| {
            ends.add(format!("disconnected, rooms {:?}", socket.rooms()));
        });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("42[\"work\",1]").await;
    client.send("42[\"work\",2]").await;
    log.reaches(&["started 1"]).await;
    drop(client);
    until("no socket", || server.gauges().sockets == 0).await;
    gate.notify_one();
    // the event that had not started is dropped
    log.reaches(&["started 1", "finished 1", "disconnected, rooms []"])
        .await;
    until_idle(&server).await;
}

#[tokio::test]
async fn a_slow_handler_stops_the_reading_but_not_the_heartbeat() {
    let server = Server::builder()
        .ping_interval(Duration::from_millis(50))
        .ping_timeout(Duration::from_millis(50))
        .inbox_bytes(1000)
        .build();
    let gate = Arc::new(Notify::new());
    let wait = Arc::clone(&gate);
    let namespace = Namespace::new("/")
        .on("slow", async move |_: Socket, (): ()| wait.notified().await)
        .on("fast", async |_: Socket, n: usize| Ack(n));
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("42[\"slow\"]").await;
    for n in 0..1000 {
        client.send(&format!("42{n}[\"fast\",{n}]")).await;
    }
    // several heartbeats pass, whose pongs wait behind what is not read
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.gauges().sessions, 1);
    gate.notify_one();
    for n in 0..1000 {
        client.expect(&format!("43{n}[{n}]")).await;
    }
}

#[tokio::test]
async fn fallback_and_raw_listeners_get_events_as_they_came() {
    let server = Server::default();
    let namespace = Namespace::new("/")
        .on_raw("relay", async |socket: Socket, event: Incoming| {
            socket.emit("relayed", event.args()).ok();
            if event.wants_ack() {
                Ok(Ack(event.args().len()))
            } else {
                Err(NoAck)
            }
        })
        .fallback(async |_: Socket, event: Incoming| Ack(format!("no {}", event.name())));
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("420[\"relay\",1.50,{\"b\":1,\"a\":2}]").await;
    client
        .expect("42[\"relayed\",1.50,{\"b\":1,\"a\":2}]")
        .await;
    client.expect("430[2]").await;
    client.send("421[\"other\"]").await;
    client.expect("431[\"no other\"]").await;
}

#[tokio::test]
async fn serve_gives_the_events_to_a_loop_with_state_of_its_own() {
    let server = Server::default();
    let log = Log::default();
    let ends = log.clone();
    let namespace = Namespace::new("/").serve(async move |mut events: Events| {
        let mut count = 0;
        events.socket().emit("hello", "there").ok();
        while let Some(mut event) = events.recv().await {
            count += event.read::<u32>().unwrap_or(0);
            events.answer(&mut event, &count).ok();
        }
        ends.add(format!("{count} at {}", events.reason().unwrap()));
    });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.expect("42[\"hello\",\"there\"]").await;
    client.send("420[\"add\",2]").await;
    client.send("421[\"add\",3]").await;
    client.expect("430[2]").await;
    client.expect("431[5]").await;
    client.send("41").await;
    log.reaches(&["5 at client namespace disconnect"]).await;
    drop(client);
    until_idle(&server).await;
}

#[tokio::test]
async fn handlers_may_wait_for_an_ack_of_their_own_socket() {
    let server = Server::default();
    let namespace = Namespace::new("/").on("ask", async |socket: Socket, (): ()| {
        let answer: String = socket.emit_with_ack("question", &()).await.unwrap();
        Ack(answer)
    });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("420[\"ask\"]").await;
    client.expect("420[\"question\",null]").await;
    client.send("430[\"yes\"]").await;
    client.expect("430[\"yes\"]").await;
}

#[tokio::test]
async fn closed_is_ready_when_the_socket_was_disconnected() {
    let server = Server::default();
    let handle = server.mount(Namespace::new("/")).unwrap();
    let (mut client, id) = Client::join_as(start(&server).await, "/", "").await;
    let socket = handle.socket(&id.parse().unwrap()).unwrap();
    let closed = tokio::spawn(socket.closed());
    socket.disconnect();
    client.expect("41").await;
    let reason = within(closed).await.unwrap();
    assert_eq!(reason, DisconnectReason::ServerNamespaceDisconnect);
    assert!(!socket.is_connected() && handle.sockets().is_empty());
    assert!(socket.emit("x", &()).is_err());
}

/// What the closure of a handler does before its future runs comes after the answer too.
#[tokio::test]
async fn nothing_overtakes_the_answer_to_a_connect() {
    let server = Server::default();
    let namespace = Namespace::new("/").on_connect(|socket: Socket| {
        socket.emit("early", &1).unwrap();
        async {}
    });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.expect("42[\"early\",1]").await;
}

//! What sees events without being their listener: catch-all in and out, judges, disconnecting,
//! upgrades.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use socketio_server::{
    Ack, CloseReason, Incoming, Namespace, NamespaceHandle, Outgoing, Refused, RoomEvent, Server,
    Socket, SocketId, Transport,
};
use support::fixture::{http, open_polling};
use support::{Client, start, until};

type Log = Arc<Mutex<Vec<String>>>;

fn take(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

#[tokio::test]
async fn catch_all_sees_events_before_judges_and_listeners() {
    let server = Server::default();
    let log = Log::default();
    let note = |name: &'static str| {
        let log = Arc::clone(&log);
        move |event: &str| log.lock().unwrap().push(format!("{name} {event}"))
    };
    let (any, judge, listener) = (note("any"), note("judge"), note("listener"));
    let namespace = Namespace::new("/")
        .on_any(move |_: &Socket, event: &Incoming| any(event.name()))
        .on_any(|_: &Socket, event: &Incoming| assert_ne!(event.name(), "bad", "a panic"))
        .before_event(move |_: Socket, event: Incoming| {
            judge(event.name());
            async { Ok(()) }
        })
        .on("known", move |_: Socket, n: u32| {
            listener("known");
            async move { Ack(n) }
        });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("42[\"unknown\"]").await;
    client.send("42[\"bad\"]").await;
    client.send("421[\"known\",5]").await;
    client.expect("431[5]").await;
    assert_eq!(
        take(&log),
        [
            "any unknown",
            "judge unknown",
            "any bad",
            "judge bad",
            "any known",
            "judge known",
            "listener known"
        ]
    );
}

#[tokio::test]
async fn a_refused_event_reaches_on_error_alone_which_may_answer() {
    let server = Server::default();
    let log = Log::default();
    let told = Arc::clone(&log);
    let namespace = Namespace::new("/")
        .before_event(async |_: Socket, event: Incoming| {
            if event.name() == "admin" {
                return Err(Refused::new("not you"));
            }
            Ok(())
        })
        .before_event(async |_: Socket, event: Incoming| {
            assert_ne!(event.name(), "admin", "judged already");
            Ok(())
        })
        .on_error(move |_: &Socket, error| {
            told.lock().unwrap().push(error.to_string());
            Ack("no")
        })
        .on("admin", async |_: Socket, ()| Ack("a listener"))
        .on("user", async |_: Socket, ()| Ack("yes"));
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("420[\"admin\"]").await;
    client.expect("430[\"no\"]").await;
    client.send("421[\"user\"]").await;
    client.expect("431[\"yes\"]").await;
    assert_eq!(take(&log), ["event \"admin\": refused: not you"]);
}

#[tokio::test]
async fn outgoing_events_are_seen_once_for_each_client_broadcasts_too() {
    let server = Server::default();
    let log: Arc<Mutex<Vec<(SocketId, String)>>> = Arc::default();
    let seen = Arc::clone(&log);
    let namespace =
        Namespace::new("/").on_any_outgoing(move |socket: &Socket, event: &Outgoing<'_>| {
            let text = format!("{} {}", event.name(), event.read::<u32>().unwrap());
            seen.lock().unwrap().push((socket.id().clone(), text));
        });
    let io = server.mount(namespace).unwrap();
    let address = start(&server).await;
    let (mut a, a_id) = Client::join_as(address, "/", "").await;
    let (mut b, b_id) = Client::join_as(address, "/", "").await;
    let (a_id, b_id): (SocketId, SocketId) = (a_id.parse().unwrap(), b_id.parse().unwrap());
    io.socket(&a_id).unwrap().emit("one", &1).unwrap();
    io.emit("both", &2).unwrap();
    a.expect("42[\"one\",1]").await;
    a.expect("42[\"both\",2]").await;
    b.expect("42[\"both\",2]").await;
    let mut seen = log.lock().unwrap().clone();
    assert_eq!(seen.remove(0), (a_id.clone(), "one 1".to_owned()));
    seen.sort();
    let mut expected = vec![(a_id, "both 2".to_owned()), (b_id, "both 2".to_owned())];
    expected.sort();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn disconnecting_comes_while_the_socket_is_in_its_rooms() {
    let server = Server::default();
    let log = Log::default();
    let (early, late) = (Arc::clone(&log), Arc::clone(&log));
    let namespace = Namespace::new("/")
        .on_connect(async |socket: Socket| socket.join("lobby"))
        .on_disconnecting(move |socket: &Socket, reason| {
            let rooms = socket.rooms().len();
            early
                .lock()
                .unwrap()
                .push(format!("disconnecting {reason} {rooms}"));
        })
        .on_disconnect(async move |socket: Socket, reason| {
            let rooms = socket.rooms().len();
            late.lock()
                .unwrap()
                .push(format!("disconnect {reason} {rooms}"));
        });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("41").await;
    until("the end", || log.lock().unwrap().len() == 2).await;
    assert_eq!(
        take(&log),
        [
            "disconnecting client namespace disconnect 2",
            "disconnect client namespace disconnect 0"
        ]
    );
}

#[tokio::test]
async fn the_detail_of_a_disconnect_says_what_the_client_did() {
    let server = Server::default();
    let log = Log::default();
    let told = Arc::clone(&log);
    let namespace = Namespace::new("/").on_disconnect(async move |socket: Socket, reason| {
        let detail = socket.disconnect_detail();
        told.lock().unwrap().push(format!("{reason}: {detail:?}"));
    });
    let io = server.mount(namespace).unwrap();
    let address = start(&server).await;
    let mut client = Client::join(address, "/").await;
    assert_eq!(io.sockets()[0].conn().transport(), Transport::WebSocket);
    // a frame whose header announces too much
    client
        .raw(&[0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4])
        .await;
    until("the end", || log.lock().unwrap().len() == 1).await;
    let mut client = Client::join(address, "/").await;
    client.send("41").await;
    until("the end", || log.lock().unwrap().len() == 2).await;
    assert_eq!(
        take(&log),
        [
            "transport error: Some(\"a message is larger than allowed (close code 1009)\")",
            "client namespace disconnect: None"
        ]
    );
}

#[tokio::test]
async fn an_upgrade_is_told_to_each_socket_of_the_connection() {
    let server = Server::default();
    let log = Log::default();
    let seen = Arc::clone(&log);
    let namespace = Namespace::new("/").on_upgrade(move |socket: &Socket| {
        let carried = socket.conn().transport().name();
        seen.lock().unwrap().push(carried.to_owned());
    });
    let io = server.mount(namespace).unwrap();
    let address = start(&server).await;
    let session = open_polling(address).await;
    assert_eq!(http(address, "POST", &session, "40").await.1, "ok");
    let (_, connected) = http(address, "GET", &session, "").await;
    assert!(connected.starts_with("40{"), "{connected}");
    assert_eq!(io.sockets()[0].conn().transport(), Transport::Polling);
    let mut client = Client::dial(address, &session).await;
    client.send("2probe").await;
    client.expect("3probe").await;
    assert!(take(&log).is_empty());
    client.send("5").await;
    until("the upgrade", || log.lock().unwrap().len() == 1).await;
    assert_eq!(take(&log), ["websocket"]);
    io.emit("there", &1).unwrap();
    client.expect("42[\"there\",1]").await;
}

/// An observer of rooms may look at the socket that it hears of.
#[tokio::test]
async fn no_lock_is_held_while_an_observer_of_rooms_runs() {
    let server = Server::default();
    let io: Arc<Mutex<Option<NamespaceHandle>>> = Arc::default();
    let log = Log::default();
    let (own, told) = (Arc::clone(&io), Arc::clone(&log));
    let namespace = Namespace::new("/").on_room_event(move |event| {
        let (RoomEvent::Joined { room, .. } | RoomEvent::Left { room, .. }) = event else {
            return;
        };
        let io = own.lock().unwrap().clone().unwrap();
        if room.as_str() == "red" {
            let rooms: Vec<_> = io.sockets().iter().map(|s| s.rooms().len()).collect();
            let found = io.to("red").fetch_sockets().len();
            told.lock().unwrap().push(format!("{rooms:?} {found}"));
        }
    });
    *io.lock().unwrap() = Some(server.mount(namespace).unwrap());
    let io = io.lock().unwrap().clone().unwrap();
    let _client = Client::join(start(&server).await, "/").await;
    let socket = io.sockets().remove(0);
    let (done, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        socket.join("red");
        socket.leave("red");
        done.send(()).ok();
    });
    let patience = Duration::from_secs(5);
    if told.recv_timeout(patience).is_err() {
        // the locks are held for ever: nothing could be dropped any more
        eprintln!("a deadlock");
        std::process::exit(1);
    }
    assert_eq!(take(&log), ["[2] 1", "[1] 0"]);
}

/// Its place is free, and may be another's, before the last observer has heard that it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_socket_that_goes_does_not_take_its_successor_out_of_the_namespace() {
    let server = Server::default();
    let (gone, hears) = std::sync::mpsc::channel::<String>();
    let (go_on, waits) = std::sync::mpsc::channel::<()>();
    let waits = Mutex::new(waits);
    let first: Arc<Mutex<Option<String>>> = Arc::default();
    let own = Arc::clone(&first);
    let namespace = Namespace::new("/").on_room_event(move |event| {
        if let RoomEvent::Deleted { room } = event
            && own.lock().unwrap().as_deref() == Some(room.as_str())
        {
            gone.send(room.to_string()).unwrap();
            let patience = Duration::from_secs(5);
            let wait = || waits.lock().unwrap().recv_timeout(patience).unwrap();
            tokio::task::block_in_place(wait);
        }
    });
    let io = server.mount(namespace).unwrap();
    let address = start(&server).await;
    let (client, sid) = Client::join_as(address, "/", "").await;
    *first.lock().unwrap() = Some(sid.clone());
    drop(client);
    let left = tokio::task::spawn_blocking(move || hears.recv().unwrap());
    assert_eq!(left.await.unwrap(), sid);
    let (_client, sid) = Client::join_as(address, "/", "").await;
    let sid: SocketId = sid.parse().unwrap();
    until("the second socket", || io.socket(&sid).is_some()).await;
    go_on.send(()).unwrap();
    until("the end of the first", || server.gauges().sessions == 1).await;
    assert!(io.socket(&sid).is_some());
}

#[tokio::test]
async fn what_happens_is_counted_by_reason() {
    let server = Server::builder()
        .ack_timeout(Duration::from_millis(20))
        .build();
    let namespace = Namespace::new("/")
        .before_event(async |_: Socket, event: Incoming| match event.name() {
            "no" => Err(Refused::new("no")),
            _ => Ok(()),
        })
        .on("number", async |_: Socket, n: u8| {
            assert!(n != 13, "unlucky")
        })
        .on("no", async |_: Socket, (): ()| {})
        .on("ask", async |socket: Socket, (): ()| {
            let answer = socket.emit_with_ack::<u8>("question", &()).await;
            Ack(answer.is_err())
        });
    server.mount(namespace).unwrap();
    let mut client = Client::join(start(&server).await, "/").await;
    client.send("40/nowhere,").await;
    client
        .expect(r#"44/nowhere,{"message":"Invalid namespace"}"#)
        .await;
    for event in [r#"42["number","x"]"#, r#"42["number",13]"#, r#"42["no"]"#] {
        client.send(event).await;
    }
    client.send(r#"420["ask"]"#).await;
    client.expect(r#"420["question",null]"#).await;
    client.expect("430[true]").await;
    let metrics = server.metrics();
    assert_eq!(
        (metrics.connected, metrics.refused, metrics.acks_expired),
        (1, 1, 1)
    );
    assert_eq!(
        (metrics.bad_payloads, metrics.panics, metrics.refused_events),
        (1, 1, 1)
    );
    assert_eq!((metrics.engine.opened, metrics.bad_answers), (1, 0));
    drop(client);
    until("the end of the session", || {
        server.metrics().engine.closed(CloseReason::TransportClose) == 1
    })
    .await;
    let all: u64 = metrics.iter().map(|(.., count)| count).sum();
    assert_eq!(all, 7, "{:?}", metrics.iter().collect::<Vec<_>>());
}

//! Events both ways, and who hears of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use socketio_client::{Args, Binary, RawArgs, SendError, Socket, Value, event};
use socketio_server::{Namespace, Server};
use tokio::sync::Semaphore;

use super::support::{HOW, How, Log, Running, next, until, within};
use std::sync::Arc;

async fn connected(running: &Running, how: How) -> Socket {
    let socket = running.socket(how);
    within("connect", socket.connect()).await.unwrap();
    socket
}

#[tokio::test]
async fn values_come_back_as_they_went_over_every_transport() {
    let running = Running::contract().await;
    let bytes = Binary((0..=255).collect::<Vec<u8>>().into());
    for how in HOW {
        let socket = connected(&running, how).await;
        let mut events = socket.events();
        let nested = serde_json::json!({"a": [1, "ü\u{1e}😀", null, {"b": false}]});
        socket
            .emit("message", &Args((1, "two", nested.clone(), ())))
            .unwrap();
        socket.emit("message", &Args(())).unwrap();
        socket
            .emit("message", &Args((bytes.clone(), "x", vec![bytes.clone()])))
            .unwrap();
        socket.send(&"last").unwrap();
        let mut back = Vec::new();
        while back.len() < 4 {
            let event = within("an echo", events.recv()).await;
            if event.name() == "message-back" {
                back.push(event);
            }
        }
        let [one, two, three, four] = back.try_into().unwrap();
        let Args((number, text, value, null)) = one
            .read::<Args<(u8, String, serde_json::Value, Option<u8>)>>()
            .unwrap();
        assert_eq!(
            (number, text.as_str(), value, null),
            (1, "two", nested, None)
        );
        assert_eq!(two.args().len(), 0);
        let Args((first, x, list)) = three.read::<Args<(Binary, String, Vec<Binary>)>>().unwrap();
        assert_eq!(
            (&first, x.as_str(), &list[0]),
            (&bytes, "x", &bytes),
            "{how:?}"
        );
        assert_eq!(four.read::<String>().unwrap(), "last");
    }
    running.is_empty().await;
}

#[tokio::test]
async fn ten_thousand_events_each_way_arrive_once_and_in_order() {
    const COUNT: u32 = 10_000;
    let running = Running::contract().await;
    for how in HOW {
        let socket = connected(&running, how).await;
        let mut events = socket.events();
        for n in 0..COUNT {
            socket.emit("message", &n).unwrap();
        }
        let mut expected = 0;
        while expected < COUNT {
            let event = within("an echo", events.recv()).await;
            if event.name() == "message-back" {
                assert_eq!(event.read::<u32>(), Ok(expected), "{how:?}");
                expected += 1;
            }
        }
    }
}

#[tokio::test]
async fn what_is_emitted_before_the_connect_waits_for_it_and_volatile_is_dropped() {
    let running = Running::contract().await;
    let socket = running.socket(How::Upgrade);
    let mut events = socket.events();
    for n in 0..3 {
        socket.emit("message", &n).unwrap();
        socket.volatile().emit("message", &"dropped").unwrap();
    }
    assert!(socket.buffered() > 0);
    socket.connect();
    for expected in [
        "connect",
        "auth({})",
        "message-back(0)",
        "message-back(1)",
        "message-back(2)",
    ] {
        assert_eq!(next(&mut events).await, expected);
    }
    until("an idle connection", || socket.buffered() == 0).await;
    socket.volatile().emit("message", &"sent").unwrap();
    assert_eq!(next(&mut events).await, r#"message-back("sent")"#);
}

#[tokio::test]
async fn what_may_wait_is_bounded_and_producers_can_wait_for_room() {
    let running = Running::contract().await;
    let manager = running.manager().max_buffered(10_000).build().unwrap();
    let socket = manager.socket("/").unwrap();
    let payload = "x".repeat(1000);
    // a thread of its own: one that blocked would keep this one from noticing
    let (told, emitted) = tokio::sync::oneshot::channel();
    std::thread::spawn({
        let (socket, payload) = (socket.clone(), payload.clone());
        move || {
            let emit = |_: &u8| socket.emit("message", &payload).is_ok();
            let taken = (0..20).take_while(emit).count();
            told.send((taken, socket.emit("message", &payload))).ok();
        }
    });
    let (taken, refused) = within("emits that do not block", emitted).await.unwrap();
    assert!((5..10).contains(&taken), "{taken}");
    assert_eq!(refused, Err(SendError::Full));
    let mut events = socket.events();
    socket.connect();
    within("room", async {
        for _ in 0..50 {
            socket.emit_ready().await;
            socket.emit("message", &payload).unwrap();
        }
    })
    .await;
    let mut back = 0;
    while back < taken + 50 {
        let event = within("an echo", events.recv()).await;
        back += usize::from(event.name() == "message-back");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_at_once() {
    let running = Running::contract().await;
    let socket = running.socket(How::WebSocket);
    for name in ["connect", "disconnect", "connect_error"] {
        assert!(matches!(socket.emit(name, &1), Err(SendError::Encode(_))));
    }
    let many = vec![Binary::default(); 11];
    assert!(matches!(socket.emit("x", &many), Err(SendError::Encode(_))));
    assert_eq!(socket.buffered(), 0);
}

#[tokio::test]
async fn listeners_come_and_go() {
    let running = Running::contract().await;
    let socket = connected(&running, How::WebSocket).await;
    let log = Log::default();
    let on = |name: &'static str| {
        let log = log.clone();
        async move |_: Socket, n: u32| log.add(format!("{name} {n}"))
    };
    let first = socket.on("message-back", on("first"));
    socket.on("message-back", on("second"));
    socket.once("message-back", on("once"));
    assert_eq!(socket.listeners("message-back"), 3);
    let ask = async |n: u32| {
        socket.emit("message", &n).unwrap();
        // answered behind the event
        let echo = socket.emit_with_ack::<u32>("message-with-ack", &n);
        within("ack", echo).await.unwrap();
    };
    ask(1).await;
    log.reaches(&["first 1", "second 1", "once 1"]).await;
    assert!(socket.off_listener(first) && !socket.off_listener(first));
    ask(2).await;
    log.reaches(&["first 1", "second 1", "once 1", "second 2"])
        .await;
    socket.off("message-back");
    assert_eq!(socket.listeners("message-back"), 0);
    ask(3).await;
    assert_eq!(log.entries().len(), 4);
}

#[tokio::test]
async fn catch_all_listeners_see_everything_that_comes_and_leaves() {
    let running = Running::contract().await;
    let socket = running.socket(How::Upgrade);
    let log = Log::default();
    let (incoming, outgoing) = (log.clone(), log.clone());
    socket.on_any(move |_, event| incoming.add(format!("in {} {:?}", event.name(), event.args())));
    let first = log.clone();
    let prepended = socket.prepend_any(move |_, _| first.add("before"));
    socket.on_any_outgoing(move |_, event| {
        outgoing.add(format!("out {} {:?}", event.name(), event.args()));
    });
    socket.emit("message", &1).unwrap();
    assert!(log.entries().is_empty(), "it has not left");
    within("connect", socket.connect()).await.unwrap();
    log.reaches(&[
        "out message [1]",
        "before",
        "in auth [{}]",
        "before",
        "in message-back [1]",
    ])
    .await;
    assert!(socket.off_listener(prepended));
    socket.off_any_outgoing();
    socket.emit("message", &2).unwrap();
    log.has("in message-back [2]").await;
    assert_eq!(log.entries().len(), 6);
}

#[tokio::test]
async fn events_of_one_socket_are_handled_in_order_and_others_do_not_wait() {
    let running = Running::contract().await;
    let manager = running.manager().build().unwrap();
    let (root, custom) = (
        manager.socket("/").unwrap(),
        manager.socket("/custom").unwrap(),
    );
    let (log, gate) = (Log::default(), Arc::new(Semaphore::new(0)));
    root.on("message-back", {
        let (log, gate) = (log.clone(), gate.clone());
        async move |_: Socket, n: u32| {
            log.add(format!("begin {n}"));
            gate.acquire().await.unwrap().forget();
            log.add(format!("end {n}"));
        }
    });
    within("root", root.connect()).await.unwrap();
    within("custom", custom.connect()).await.unwrap();
    for n in 0..2 {
        root.emit("message", &n).unwrap();
    }
    log.has("begin 0").await;
    // acks pass the events, and other namespaces do
    let ack = root.emit_with_ack::<u32>("message-with-ack", &1);
    assert_eq!(within("ack", ack).await, Ok(1));
    let ack = custom.emit_with_ack::<u32>("message-with-ack", &2);
    assert_eq!(within("ack", ack).await, Ok(2));
    assert_eq!(log.entries(), ["begin 0"]);
    gate.add_permits(2);
    log.reaches(&["begin 0", "end 0", "begin 1", "end 1"]).await;
}

#[tokio::test]
async fn a_full_inbox_stops_the_reading_and_loses_nothing() {
    const COUNT: u32 = 2000;
    let running = Running::contract().await;
    let manager = running.manager().max_inbox(20_000).build().unwrap();
    let socket = manager.socket("/").unwrap();
    let mut events = socket.events();
    within("connect", socket.connect()).await.unwrap();
    let payload = "x".repeat(1000);
    for n in 0..COUNT {
        socket.emit("message", &Args((n, &payload))).unwrap();
    }
    let mut expected = 0;
    while expected < COUNT {
        let event = within("an echo", events.recv()).await;
        if event.name() == "message-back" {
            assert_eq!(event.read::<u32>(), Ok(expected));
            expected += 1;
        }
    }
}

#[tokio::test]
async fn a_stream_that_goes_while_it_is_full_does_not_stop_the_reading() {
    let running = Running::contract().await;
    let manager = running.manager().max_inbox(20_000).build().unwrap();
    let socket = manager.socket("/").unwrap();
    within("connect", socket.connect()).await.unwrap();
    let events = socket.events();
    let log = Log::default();
    let heard = log.clone();
    socket.on_any(move |_, event| heard.add(event.name()));
    let payload = "x".repeat(1000);
    for _ in 0..300 {
        socket.emit("message", &payload).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(log.entries().len() < 300, "it was never full");
    drop(events);
    let all = until("all echoes", || log.entries().len() == 300);
    let in_time = tokio::time::timeout(Duration::from_secs(3), all);
    assert!(in_time.await.is_ok(), "nobody woke the connection's task");
}

#[tokio::test]
async fn a_stream_that_is_read_makes_room_behind_a_handler_that_waits() {
    let running = Running::contract().await;
    let manager = running.manager().max_inbox(20_000).build().unwrap();
    let (socket, gate) = (manager.socket("/").unwrap(), Arc::new(Semaphore::new(9)));
    within("connect", socket.connect()).await.unwrap();
    let mut events = socket.events();
    let open = Arc::clone(&gate);
    socket.on("message-back", async move |_: Socket, _: RawArgs| {
        open.acquire().await.unwrap().forget();
    });
    let payload = "x".repeat(1000);
    for _ in 0..25 {
        socket.emit("message", &payload).unwrap();
    }
    // half of what there is room for waits in the stream, half for the handler
    tokio::time::sleep(Duration::from_millis(300)).await;
    let custom = manager.socket("/custom").unwrap();
    let connecting = custom.connect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..10 {
        within("an echo", events.recv()).await;
    }
    let connected = tokio::time::timeout(Duration::from_secs(3), connecting);
    assert_eq!(connected.await, Ok(Ok(())));
    gate.add_permits(100);
    for _ in 10..25 {
        within("an echo", events.recv()).await;
    }
}

#[tokio::test]
async fn what_handlers_send_leaves_while_the_inbox_is_full() {
    const COUNT: usize = 100;
    let (server, log) = (Server::default(), Log::default());
    let heard = log.clone();
    let namespace = Namespace::new("/")
        .on("flood", async |socket: socketio_server::Socket, (): ()| {
            for _ in 0..COUNT {
                socket.emit("data", &"x".repeat(1000)).unwrap();
            }
        })
        .on(
            "back",
            async move |_: socketio_server::Socket, _: String| {
                heard.add("back");
            },
        );
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    for how in HOW {
        let manager = running.manager().transports(how.transports());
        let manager = manager.max_inbox(20_000).max_buffered(30_000);
        let socket = manager.build().unwrap().socket("/").unwrap();
        socket.on("data", async |socket: Socket, _: RawArgs| {
            socket.emit_ready().await;
            socket.emit("back", &"y".repeat(10_000)).unwrap();
        });
        within("connect", socket.connect()).await.unwrap();
        let before = log.count("back");
        socket.emit("flood", &()).unwrap();
        until("all that came back", || log.count("back") == before + COUNT).await;
    }
}

/// It asks the socket for something when it goes.
struct Curious(Arc<std::sync::OnceLock<Socket>>);

impl Drop for Curious {
    fn drop(&mut self) {
        if let Some(socket) = self.0.get() {
            socket.off_any();
            socket.auth(&serde_json::json!({})).unwrap();
        }
    }
}

#[test]
fn listeners_are_dropped_without_a_lock() {
    let (done, all) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let socket = socketio_client::io("http://127.0.0.1:9").unwrap();
        let own = Arc::new(std::sync::OnceLock::new());
        let curious = || Curious(Arc::clone(&own));
        own.set(socket.clone()).unwrap();
        let (one, two, three, four) = (curious(), curious(), curious(), curious());
        socket.on_any(move |_, _| _ = &one);
        socket.off_any();
        let id = socket.on_any_outgoing(move |_, _| _ = &two);
        assert!(socket.off_listener(id) && !socket.off_listener(id));
        socket.on_error(move |_, _| _ = &three);
        socket.on_error(|_, _| {});
        let four = Arc::new(four);
        socket.on("e", async move |_: Socket, (): ()| drop(four));
        socket.off("e");
        let five = curious();
        socket.auth_with(move || {
            let _ = &five;
            async { Ok(1) }
        });
        socket.auth(&serde_json::json!({})).unwrap();
        done.send(()).unwrap();
    });
    assert_eq!(all.recv_timeout(Duration::from_secs(5)), Ok(()));
}

#[test]
fn who_waits_for_room_does_not_outlive_the_runtime_of_the_connection() {
    let manager = socketio_client::Manager::builder("http://127.0.0.1:9").unwrap();
    let manager = manager.max_buffered(10_000).build().unwrap();
    let socket = manager.socket("/").unwrap();
    // without a runtime it panics, and nothing else
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| socket.connect()));
    assert!(panicked.is_err());
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let own = runtime();
    own.block_on(async {
        drop(socket.connect());
        tokio::task::yield_now().await;
        socket.emit("e", &"x".repeat(5000)).unwrap();
        tokio::task::yield_now().await;
        socket.emit("e", &"x".repeat(4000)).unwrap();
    });
    assert!(socket.buffered() > 9000);
    drop(own);
    runtime().block_on(within("room", socket.emit_ready()));
    socket.emit("e", &"for nobody").unwrap();
    assert_eq!(socket.buffered(), 0);
}

#[tokio::test]
async fn a_bad_payload_and_a_panic_reach_on_error_and_nothing_else() {
    let running = Running::contract().await;
    let socket = connected(&running, How::WebSocket).await;
    let log = Log::default();
    let errors = log.clone();
    socket.on_error(move |_, error| errors.add(error.to_string()));
    socket.on("message-back", async |_: Socket, n: u32| {
        assert!(n != 13, "unlucky")
    });
    socket.emit("message", &"text").unwrap();
    socket.emit("message", &13).unwrap();
    until("both errors", || log.entries().len() == 2).await;
    let [payload, panic] = log.entries().try_into().unwrap();
    assert!(payload.contains("payload does not decode"), "{payload}");
    assert!(panic.contains("unlucky"), "{panic}");
    let ack = socket.emit_with_ack::<u32>("message-with-ack", &1);
    assert_eq!(within("ack", ack).await, Ok(1));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Add(i32, i32);
event!(Add => "add" -> i32);

#[tokio::test]
async fn a_contract_of_types_holds_on_both_ends() {
    let server = Server::default();
    let namespace = Namespace::new("/")
        .handle(async |_: socketio_server::Socket, Add(a, b): Add| a + b)
        .on("turn", async |socket: socketio_server::Socket, (): ()| {
            socketio_server::Ack(socket.call(&Add(20, 22)).await.unwrap())
        });
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    let socket = connected(&running, How::WebSocket).await;
    assert_eq!(within("call", socket.call(&Add(1, 2))).await, Ok(3));
    socket.handle(async |_: Socket, Add(a, b): Add| a * b);
    let turned = socket.emit_with_ack::<i32>("turn", &());
    assert_eq!(within("turn", turned).await, Ok(440));
}

#[tokio::test]
async fn a_server_s_early_events_come_before_what_it_is_told_later() {
    let server = Server::default();
    let namespace = Namespace::new("/").on_connect(async |socket: socketio_server::Socket| {
        for n in 0..100 {
            socket.emit("early", &n).ok();
        }
    });
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    for how in HOW {
        let socket = running.socket(how);
        let mut events = socket.events();
        socket.connect();
        assert_eq!(next(&mut events).await, "connect");
        for n in 0..100 {
            assert_eq!(next(&mut events).await, format!("early({n})"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_waits_does_not_stop_the_heartbeat() {
    let builder = Server::builder()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(200));
    let running = Running::start(super::support::contract_server(builder)).await;
    let socket = connected(&running, How::WebSocket).await;
    let log = Log::default();
    let done = log.clone();
    socket.on("message-back", async move |socket: Socket, _: RawArgs| {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let own: Value = socket
            .emit_with_ack("message-with-ack", &"mine")
            .await
            .unwrap();
        done.add(format!("{own:?}"));
    });
    socket.emit("message", &1).unwrap();
    until("the end of the handler", || !log.entries().is_empty()).await;
    assert!(socket.is_connected());
}

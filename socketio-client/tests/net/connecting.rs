//! Coming and going, namespaces, credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use socketio_client::{ConnectError, ConnectFailed, Multiplexer, Reconnect, io};

use super::support::{HOW, How, Log, Running, next, until, within};

#[tokio::test]
async fn it_connects_over_every_transport_and_leaves_nothing_behind() {
    let running = Running::contract().await;
    for how in HOW {
        let socket = running.socket(how);
        assert!(!socket.is_active() && !socket.is_connected() && socket.id().is_none());
        let connecting = socket.connect();
        assert!(socket.is_active() && !socket.is_connected());
        within("connect", connecting).await.unwrap();
        assert!(socket.is_connected() && !socket.is_recovered());
        within("a second connect", socket.connect()).await.unwrap();
        let id = socket.id().unwrap();
        socket.disconnect();
        assert!(!socket.is_active() && socket.id().is_none(), "{how:?}");
        within("connect again", socket.connect()).await.unwrap();
        assert_ne!(socket.id(), Some(id));
        drop(socket);
        running.is_empty().await;
    }
    running.stop().await;
}

#[tokio::test]
async fn several_namespaces_share_a_connection_and_leave_it_one_by_one() {
    let running = Running::contract().await;
    let manager = running.manager().build().unwrap();
    let log = Log::default();
    log.watch(&manager);
    let root = manager.socket("/").unwrap();
    let custom = manager.socket("custom").unwrap();
    let (one, two) = (root.connect(), custom.connect());
    within("both", async { (one.await.unwrap(), two.await.unwrap()) }).await;
    assert_eq!(running.server.gauges().sessions, 1);
    assert_ne!(root.id(), custom.id());
    log.has("upgrade").await;
    let mut events = custom.events();
    root.disconnect();
    let back: i32 = within("ack", custom.emit_with_ack("message-with-ack", &7))
        .await
        .unwrap();
    assert_eq!(back, 7);
    within("the first again", root.connect()).await.unwrap();
    assert_eq!(log.count("open"), 1);
    manager.close();
    assert_eq!(next(&mut events).await, "disconnect io client disconnect");
    log.has("close forced close").await;
    running.is_empty().await;
}

#[tokio::test]
async fn a_refusal_is_told_with_its_data_and_not_tried_again() {
    let running = Running::contract().await;
    let manager = running.manager().build().unwrap();
    let guarded = manager.socket("/guarded").unwrap();
    let mut events = guarded.events();
    let refused = within("the refusal", guarded.connect()).await;
    let Err(ConnectFailed::Refused(error)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (error.message(), error.data_json()),
        ("unauthorized", Some("401"))
    );
    assert_eq!(next(&mut events).await, "connect_error unauthorized");
    assert!(!guarded.is_active());
    running.is_empty().await;

    guarded.auth(&json!({"token": "secret"})).unwrap();
    within("with the token", guarded.connect()).await.unwrap();
    let nowhere = manager.socket("/nowhere").unwrap();
    let refused = within("an unknown namespace", nowhere.connect()).await;
    assert_eq!(refused.unwrap_err().message(), "Invalid namespace");
    assert!(guarded.is_connected());
}

#[tokio::test]
async fn credentials_are_a_value_or_are_asked_for_at_every_connect() {
    let running = Running::contract().await;
    let socket = running.socket(How::WebSocket);
    assert!(socket.auth(&"no object").is_err());
    let mut events = socket.events();
    socket.auth(&json!({"a": 1})).unwrap();
    socket.connect();
    assert_eq!(next(&mut events).await, "connect");
    assert_eq!(next(&mut events).await, r#"auth({"a":1})"#);
    socket.disconnect();
    assert_eq!(next(&mut events).await, "disconnect io client disconnect");

    let asked = Arc::new(AtomicU32::new(0));
    socket.auth_with(move || {
        let nth = asked.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::task::yield_now().await;
            match nth {
                0 | 1 => Ok(json!({ "nth": nth })),
                2 => Err(ConnectError::new("no token today")),
                _ => panic!("broken"),
            }
        }
    });
    for nth in 0..2 {
        socket.connect();
        assert_eq!(next(&mut events).await, "connect");
        assert_eq!(next(&mut events).await, format!(r#"auth({{"nth":{nth}}})"#));
        socket.disconnect();
        assert_eq!(next(&mut events).await, "disconnect io client disconnect");
    }
    socket.connect();
    assert_eq!(next(&mut events).await, "connect_error no token today");
    socket.connect();
    assert!(next(&mut events).await.contains("broken"));
}

#[tokio::test]
async fn disconnect_and_connect_in_one_breath_are_one_of_each() {
    let running = Running::contract().await;
    let socket = running.socket(How::Upgrade);
    let mut events = socket.events();
    within("connect", socket.connect()).await.unwrap();
    let id = socket.id();
    socket.disconnect();
    within("connect again", socket.connect()).await.unwrap();
    for expected in [
        "connect",
        "auth({})",
        "disconnect io client disconnect",
        "connect",
    ] {
        assert_eq!(next(&mut events).await, expected);
    }
    assert_ne!(socket.id(), id);
    assert_eq!(running.server.gauges().sockets, 1);
}

#[tokio::test]
async fn who_disconnects_while_connecting_learns_it_and_is_not_there() {
    let running = Running::contract().await;
    let socket = running.socket(How::Upgrade);
    let connecting = socket.connect();
    socket.disconnect();
    let result = within("the end of the attempt", connecting).await;
    assert_eq!(result, Err(ConnectFailed::Disconnected));
    running.is_empty().await;
    assert!(!socket.is_active());
}

#[tokio::test]
async fn a_server_that_puts_us_out_is_not_bothered_again() {
    let running = Running::contract().await;
    let manager = running.manager().build().unwrap();
    let (root, custom) = (
        manager.socket("/").unwrap(),
        manager.socket("/custom").unwrap(),
    );
    let (mut at_root, mut at_custom) = (root.events(), custom.events());
    within("root", root.connect()).await.unwrap();
    within("custom", custom.connect()).await.unwrap();
    custom.emit("bye", &()).unwrap();
    let mut told = Vec::new();
    while told
        .last()
        .is_none_or(|last: &String| !last.starts_with("disconnect"))
    {
        told.push(next(&mut at_custom).await);
    }
    assert_eq!(told.last().unwrap(), "disconnect io server disconnect");
    assert!(!custom.is_active() && root.is_connected());

    within("custom again", custom.connect()).await.unwrap();
    root.emit("bye-all", &()).unwrap();
    for (events, name) in [(&mut at_root, "/"), (&mut at_custom, "/custom")] {
        loop {
            let event = next(events).await;
            if let Some(reason) = event.strip_prefix("disconnect ") {
                assert!(
                    matches!(reason, "io server disconnect" | "transport close"),
                    "{name}: {reason}"
                );
                break;
            }
        }
    }
}

#[tokio::test]
async fn urls_name_namespaces_and_share_connections_where_they_can() {
    let running = Running::contract().await;
    let url = running.url();
    let custom = io(&format!("{url}/custom?x=1")).unwrap();
    assert_eq!(custom.namespace(), &"/custom");
    assert!(io("ftp://127.0.0.1").is_err() && io(&format!("{url}/a,b")).is_err());

    let io = Multiplexer::default();
    let quick = |builder: socketio_client::Builder| builder.reconnect(Reconnect::never());
    let root = io.socket_with(&url, quick).unwrap();
    let custom = io.socket_with(&format!("{url}/custom"), quick).unwrap();
    let again = io.socket_with(&format!("{url}/custom"), quick).unwrap();
    for socket in [&root, &custom, &again] {
        within("connect", socket.connect()).await.unwrap();
    }
    assert_eq!(running.server.gauges().sessions, 2);
    let elsewhere = io.socket_with(&url, |builder| quick(builder).path("/elsewhere"));
    let failed = within("another path", elsewhere.unwrap().connect()).await;
    assert!(matches!(failed, Err(ConnectFailed::Transport { .. })));
}

#[tokio::test]
async fn closed_waits_for_what_was_sent_to_leave() {
    let heard = Log::default();
    let server = socketio_server::Server::default();
    let namespace = socketio_server::Namespace::new("/").on("word", {
        let heard = heard.clone();
        async move |_: socketio_server::Socket, word: String| heard.add(word)
    });
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    for how in HOW {
        let socket = running.socket(how);
        let manager = socket.manager();
        within("nothing to wait for", manager.closed()).await;
        within("connect", socket.connect()).await.unwrap();
        let before = heard.count("long");
        for _ in 0..100 {
            socket.emit("word", &"long").unwrap();
        }
        manager.close();
        within("the end", manager.closed()).await;
        until("all of it", || heard.count("long") == before + 100).await;
        running.is_empty().await;
    }
}

#[tokio::test]
async fn dropping_the_last_handle_sends_what_was_emitted_and_ends() {
    let server = socketio_server::Server::default();
    let log = Log::default();
    let namespace = socketio_server::Namespace::new("/").on("last", {
        let log = log.clone();
        async move |_: socketio_server::Socket, word: String| log.add(word)
    });
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    for how in HOW {
        let socket = running.socket(how);
        within("connect", socket.connect()).await.unwrap();
        socket.emit("last", &format!("{how:?}")).unwrap();
        drop(socket);
        log.has(&format!("{how:?}")).await;
        running.is_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
#[expect(
    clippy::disallowed_methods,
    reason = "the connection's task shall miss something"
)]
async fn a_connect_that_crosses_the_server_s_disconnect_connects_again() {
    let server = socketio_server::Server::default();
    let leave = async |socket: socketio_server::Socket, (): ()| {
        socket.emit("bye", &()).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        socket.disconnect();
    };
    let namespace = socketio_server::Namespace::new("/").on("leave", leave);
    server.mount(namespace).unwrap();
    // on a thread of its own: it goes on while a task here sleeps
    let (started, running) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            started.send(Running::start(server).await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let running = running.recv().unwrap();
    // a worker that is busy asks the system what came, which one that sleeps does not
    tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let socket = running.socket(How::WebSocket);
    let mut events = socket.events();
    within("connect", socket.connect()).await.unwrap();
    assert_eq!(next(&mut events).await, "connect");
    socket.on("bye", async |socket: socketio_client::Socket, (): ()| {
        // the connection's task, and the server says more before it looks again
        std::thread::sleep(Duration::from_millis(300));
        drop(socket.connect());
    });
    socket.emit("leave", &()).unwrap();
    assert_eq!(next(&mut events).await, "bye(null)");
    assert_eq!(next(&mut events).await, "disconnect io server disconnect");
    // on a busy machine the connect may have come first, and was for nothing
    let again = tokio::time::timeout(Duration::from_secs(2), next(&mut events)).await;
    if again.is_ok() {
        assert!(socket.is_connected() && socket.is_active());
    }
}

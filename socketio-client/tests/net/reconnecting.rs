//! Connections that end without being asked to.

use std::time::Duration;

use socketio_client::{
    Args, ConnectError, ConnectFailed, Manager, ManagerEvent, Options, RawArgs, Reconnect,
    SocketEvent,
};
use socketio_server::{Handshake, Recovery, Server};
use testkit::{Mode, Proxy, ms};
use tokio::net::TcpListener;

use super::support::{HOW, How, Log, Running, contract_server, next, quick, until, within};

#[tokio::test]
async fn it_comes_back_to_a_server_that_was_away_and_sends_what_waited() {
    let running = Running::contract().await;
    let port = running.port;
    let socket = running.socket(How::Upgrade);
    let log = Log::default();
    log.watch(&socket.manager());
    let mut events = socket.events();
    within("connect", socket.connect()).await.unwrap();
    assert_eq!(next(&mut events).await, "connect");
    assert_eq!(next(&mut events).await, "auth({})");
    let id = socket.id();
    running.stop().await;
    let gone = next(&mut events).await;
    assert!(gone.starts_with("disconnect transport"), "{gone}");
    assert!(socket.is_active() && !socket.is_connected());
    socket.emit("message", &"kept").unwrap();
    log.has("reconnect_attempt 2").await;
    let running = Running::start_on(contract_server(Server::builder()), port).await;
    loop {
        match next(&mut events).await.as_str() {
            "connect" => break,
            failed => assert!(failed.starts_with("connect_error"), "{failed}"),
        }
    }
    assert_eq!(next(&mut events).await, "auth({})");
    assert_eq!(next(&mut events).await, r#"message-back("kept")"#);
    assert_ne!(socket.id(), id);
    let entries = log.entries();
    let attempts = log.count("reconnect_error");
    assert!(
        entries.contains(&format!("reconnect {}", attempts + 1)),
        "{entries:?}"
    );
    drop(running);
}

/// A port that nobody listens on.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn attempts_are_counted_and_given_up() {
    let reconnect = quick().attempts(3);
    let manager = Manager::builder(&nowhere().await)
        .unwrap()
        .reconnect(reconnect);
    let manager = manager.build().unwrap();
    let log = Log::default();
    log.watch(&manager);
    let socket = manager.socket("/").unwrap();
    for _ in 0..2 {
        let failed = within("the end of the attempts", socket.connect()).await;
        assert!(
            matches!(failed, Err(ConnectFailed::Transport { .. })),
            "{failed:?}"
        );
    }
    let round = [
        "error",
        "reconnect_attempt 1",
        "error",
        "reconnect_error",
        "reconnect_attempt 2",
        "error",
        "reconnect_error",
        "reconnect_attempt 3",
        "error",
        "reconnect_error",
        "reconnect_failed",
    ];
    log.reaches(&[round, round].concat()).await;
}

#[tokio::test]
async fn without_reconnection_the_first_failure_is_the_last() {
    let manager = Manager::builder(&nowhere().await).unwrap();
    let manager = manager.reconnect(Reconnect::never()).build().unwrap();
    let log = Log::default();
    log.watch(&manager);
    let failed = within("the failure", manager.socket("/").unwrap().connect()).await;
    assert!(failed.unwrap_err().to_string().contains("refused"));
    assert_eq!(log.entries(), ["error"]);
}

#[tokio::test]
async fn a_disconnect_or_a_change_of_mind_ends_the_attempts() {
    let slow = Reconnect::default()
        .delay(Duration::from_secs(600))
        .delay_max(Duration::from_secs(600));
    let manager = Manager::builder(&nowhere().await).unwrap().reconnect(slow);
    let manager = manager.build().unwrap();
    let log = Log::default();
    log.watch(&manager);
    let socket = manager.socket("/").unwrap();
    let connecting = socket.connect();
    log.has("error").await;
    socket.disconnect();
    let ended = within("the disconnect", connecting).await;
    assert_eq!(ended, Err(ConnectFailed::Disconnected));
    let connecting = socket.connect();
    until("a second failure", || log.count("error") == 2).await;
    manager.set_reconnect(Reconnect::never());
    assert!(within("the switch", connecting).await.is_err());
    assert_eq!(log.count("reconnect_attempt 1"), 0);
}

#[tokio::test]
async fn one_namespace_stops_while_another_goes_on_coming_back() {
    let running = Running::contract().await;
    let port = running.port;
    let manager = running.manager().build().unwrap();
    let (root, custom) = (
        manager.socket("/").unwrap(),
        manager.socket("/custom").unwrap(),
    );
    within("root", root.connect()).await.unwrap();
    within("custom", custom.connect()).await.unwrap();
    running.stop().await;
    until("the loss", || !root.is_connected()).await;
    root.disconnect();
    let running = Running::start_on(contract_server(Server::builder()), port).await;
    until("custom again", || custom.is_connected()).await;
    assert!(!root.is_connected() && running.server.gauges().sockets == 1);
}

#[tokio::test]
async fn a_recovered_session_has_its_id_and_misses_nothing() {
    let builder = Server::builder().recovery(Recovery::default());
    let running = Running::start(contract_server(builder)).await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    for how in HOW {
        let manager = Manager::builder(&proxy.url()).unwrap();
        let manager = manager.transports(how.transports()).reconnect(quick());
        let socket = manager.build().unwrap().socket("/").unwrap();
        let mut events = socket.events();
        within("connect", socket.connect()).await.unwrap();
        let id = socket.id();
        let broadcast = |n: u32| running.server.broadcast().emit("n", &n).unwrap();
        broadcast(0);
        let (mut expected, mut recoveries) = (0u32, 0);
        while expected < 30 {
            match within("an event", events.next()).await {
                SocketEvent::Event(event) if event.name() == "n" => {
                    assert_eq!(event.read::<u32>(), Ok(expected), "{how:?}");
                    expected += 1;
                    if expected.is_multiple_of(10) {
                        proxy.cut();
                    }
                    broadcast(expected);
                }
                SocketEvent::Connected { recovered: true } => recoveries += 1,
                _ => {}
            }
        }
        until("the last recovery", || socket.is_connected()).await;
        assert!(
            recoveries >= 2 && socket.is_recovered(),
            "{how:?}: {recoveries}"
        );
        assert_eq!(socket.id(), id);
    }
}

#[tokio::test]
async fn gateways_that_answer_nonsense_are_tried_again_without_a_spin() {
    let running = Running::contract().await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    for how in HOW {
        for mode in [
            Mode::html("502 Bad Gateway"),
            Mode::html("200 OK"),
            Mode::Close,
        ] {
            proxy.set(mode.clone());
            let manager = Manager::builder(&proxy.url()).unwrap();
            let manager = manager.transports(how.transports()).reconnect(quick());
            let manager = manager.build().unwrap();
            let log = Log::default();
            log.watch(&manager);
            let socket = manager.socket("/").unwrap();
            let before = proxy.accepted();
            let connecting = socket.connect();
            log.has("reconnect_attempt 5").await;
            let attempts = 1 + log
                .entries()
                .iter()
                .filter(|e| e.starts_with("reconnect_attempt"))
                .count();
            assert!(proxy.accepted() - before <= attempts, "{how:?} {mode:?}");
            proxy.set(Mode::Forward);
            within("the server behind it", connecting).await.unwrap();
            drop((socket, manager));
            until("no connection left", || proxy.open() == 0).await;
        }
    }
    running.is_empty().await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let running = Running::contract().await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    proxy.set(Mode::Silence);
    for how in HOW {
        let manager = Manager::builder(&proxy.url()).unwrap().timeout(ms(50));
        let manager = manager
            .transports(how.transports())
            .reconnect(Reconnect::never());
        let socket = manager.build().unwrap().socket("/").unwrap();
        let failed = within("the timeout", socket.connect()).await.unwrap_err();
        assert_eq!(failed.message(), "timeout", "{how:?}");
        until("no connection left", || proxy.open() == 0).await;
    }
}

#[tokio::test]
async fn a_link_that_goes_silent_is_noticed_by_its_heartbeat() {
    let builder = Server::builder()
        .ping_interval(ms(100))
        .ping_timeout(ms(100));
    let running = Running::start(contract_server(builder)).await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    for how in HOW {
        let manager = Manager::builder(&proxy.url()).unwrap().timeout(ms(500));
        let manager = manager.transports(how.transports()).reconnect(quick());
        let socket = manager.build().unwrap().socket("/").unwrap();
        let mut events = socket.events();
        within("connect", socket.connect()).await.unwrap();
        proxy.stall();
        loop {
            let event = next(&mut events).await;
            if event.starts_with("disconnect") {
                assert_eq!(event, "disconnect ping timeout", "{how:?}");
                break;
            }
        }
        proxy.cut();
        until("it is back", || socket.is_connected()).await;
    }
}

/// python-engineio #414: its queue outlived the connection.
#[tokio::test]
async fn what_waited_for_a_connection_that_died_is_not_sent_by_the_next() {
    let (log, server) = (
        Log::default(),
        Server::builder()
            .ping_interval(ms(500))
            .ping_timeout(ms(500))
            .build(),
    );
    let namespace = socketio_server::Namespace::new("/").on("n", {
        let log = log.clone();
        async move |_: socketio_server::Socket, Args((n, _)): Args<(u32, String)>| {
            log.add(n.to_string());
        }
    });
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    for (how, last) in HOW.into_iter().zip(1000..) {
        let manager = Manager::builder(&proxy.url()).unwrap().timeout(ms(2000));
        let manager = manager.transports(how.transports()).reconnect(quick());
        let socket = manager.build().unwrap().socket("/").unwrap();
        let mut events = socket.events();
        within("connect", socket.connect()).await.unwrap();
        proxy.stall();
        // more than the sockets on the way take
        for n in 0..800 {
            socket.emit("n", &Args((n, "x".repeat(10_000)))).unwrap();
        }
        while !next(&mut events).await.starts_with("disconnect") {}
        proxy.cut();
        until("it is back", || socket.is_connected()).await;
        socket.emit("n", &Args((last, "x"))).unwrap();
        let heard = || log.entries().last() == Some(&last.to_string());
        until("the last one", heard).await;
    }
    let lasts = HOW.iter().zip(1000..).map(|(_, last)| last.to_string());
    assert_eq!(log.entries(), lasts.collect::<Vec<_>>());
}

#[tokio::test]
async fn retries_bring_every_event_through_cuts_once_or_more_and_in_order() {
    const COUNT: u32 = 60;
    let (log, server) = (Log::default(), Server::default());
    let namespace = socketio_server::Namespace::new("/").on("n", {
        let log = log.clone();
        async move |_: socketio_server::Socket, n: u32| log.add(n.to_string())
    });
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    let manager = Manager::builder(&proxy.url()).unwrap().reconnect(quick());
    let socket = manager.build().unwrap().socket("/").unwrap();
    socket.retries(100);
    socket.ack_timeout(ms(2000));
    within("connect", socket.connect()).await.unwrap();
    let acks: Vec<_> = (0..COUNT)
        .map(|n| socket.emit_with_ack::<RawArgs>("n", &n))
        .collect();
    for (n, ack) in (0..COUNT).zip(acks) {
        within("an answer", ack).await.unwrap();
        if n.is_multiple_of(6) {
            proxy.cut();
        }
    }
    let mut expected = 0;
    for entry in log.entries() {
        let n: u32 = entry.parse().unwrap();
        assert!(n == expected || n + 1 == expected, "{n} after {expected}");
        expected = expected.max(n + 1);
    }
    assert_eq!(expected, COUNT);
}

#[tokio::test]
async fn headers_and_query_can_change_before_an_attempt() {
    let running = Running::contract().await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    proxy.set(Mode::Close);
    let manager = Manager::builder(&proxy.url()).unwrap().reconnect(quick());
    let manager = manager.query("try", "0").build().unwrap();
    let weak = manager.clone();
    let socket = manager.socket("/").unwrap();
    let (seen, log) = (Log::default(), Log::default());
    log.watch(&manager);
    let asked = seen.clone();
    let custom = socketio_server::Namespace::with_auth("/seen", move |handshake: Handshake| {
        asked.add(query_of(&handshake, "try"));
        std::future::ready(Ok::<_, ConnectError>(()))
    });
    running.server.mount(custom).unwrap();
    manager.on_event(move |event| {
        if let ManagerEvent::ReconnectAttempt(n) = event {
            weak.change_options(|options| options.query("try", n.to_string()));
        }
    });
    let own = manager.socket("/seen").unwrap();
    let connecting = own.connect();
    log.has("reconnect_attempt 2").await;
    proxy.set(Mode::Forward);
    within("connect", connecting).await.unwrap();
    let last = log
        .entries()
        .into_iter()
        .rfind(|e| e.starts_with("reconnect_attempt "));
    assert_eq!(
        Some(format!("reconnect_attempt {}", seen.entries()[0])),
        last
    );
    drop(socket);
    manager.close();
}

#[tokio::test]
async fn a_reconnection_may_go_to_another_server() {
    let manager = Manager::builder(&nowhere().await).unwrap();
    let manager = manager.reconnect(quick()).build().unwrap();
    let running = Running::contract().await;
    let (url, other) = (running.url(), manager.clone());
    manager.on_event(move |event| {
        if let ManagerEvent::ReconnectAttempt(2) = event {
            other.change_options(|_| Options::new(&url).unwrap().path("/socket.io/"));
        }
    });
    let socket = manager.socket("/").unwrap();
    within("the other server", socket.connect()).await.unwrap();
    manager.close();
}

fn query_of(handshake: &Handshake, name: &str) -> String {
    let mut query = handshake.request().query();
    let found = query.find(|(own, _)| own == name);
    found.map_or_else(String::new, |(_, value)| value.into_owned())
}

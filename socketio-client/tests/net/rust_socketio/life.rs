//! Coming, going, and what must end neither the client nor its patience.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use socketio_client::{Manager, ManagerEvent, Reconnect, Socket, Transport};
use testkit::{Mode, Proxy, ms};
use tokio::time::Instant;

use crate::raw::{self, Raw};
use crate::support::{HOW, How, Log, Running, next, quick, until, within};

#[tokio::test]
async fn r15_acks_nest() {
    let running = Running::contract().await;
    let socket = running.socket(How::WebSocket);
    within("connect", socket.connect()).await.unwrap();
    socket.on("message-back", async |socket: Socket, depth: u32| {
        for n in 0..depth {
            let inner = socket.emit_with_ack::<u32>("message-with-ack", &n).await;
            assert_eq!(inner, Ok(n));
        }
        let done = socket.emit_with_ack::<String>("message-with-ack", &"done");
        assert_eq!(done.await.unwrap(), "done");
        socket.emit("bye", &()).unwrap();
    });
    let mut events = socket.events();
    socket.emit("message", &5).unwrap();
    while next(&mut events).await != "disconnect io server disconnect" {}
}

/// An hour, at once.
async fn an_hour_passes() {
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

#[tokio::test(start_paused = true)]
async fn r16_the_last_attempt_is_the_last() {
    let running = Running::contract().await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    proxy.set(Mode::Close);
    let manager = Manager::builder(&proxy.url()).unwrap();
    let manager = manager.reconnect(quick().attempts(3)).build().unwrap();
    let log = Log::default();
    log.watch(&manager);
    let socket = manager.socket("/").unwrap();
    assert!(socket.connect().await.is_err());
    let accepted = proxy.accepted();
    an_hour_passes().await;
    assert_eq!(proxy.accepted(), accepted);
    assert_eq!(log.count("reconnect_failed"), 1);
    assert!(!socket.is_connected());
}

#[tokio::test(start_paused = true)]
async fn r16_an_outage_of_an_hour_is_neither_a_spin_nor_the_end() {
    let running = Running::contract().await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    proxy.set(Mode::Close);
    let manager = Manager::builder(&proxy.url()).unwrap().build().unwrap();
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    manager.on_event(move |event| {
        if let ManagerEvent::ReconnectAttempt(_) = event {
            seen.lock().unwrap().push(Instant::now());
        }
    });
    let socket = manager.socket("/").unwrap();
    let connecting = socket.connect();
    for seconds in 1..=3600 {
        tokio::time::sleep(ms(1000)).await;
        let attempts = times.lock().unwrap().len();
        assert!(attempts <= seconds, "{attempts} in {seconds} s");
    }
    let times = times.lock().unwrap().clone();
    assert!(times.len() > 100, "{}", times.len());
    let pauses = times.windows(2).map(|pair| pair[1] - pair[0]);
    // half of the longest one is random
    assert!(pauses.skip(4).min().unwrap() >= Duration::from_millis(2_500));
    tokio::time::resume();
    proxy.set(Mode::Forward);
    within("the server that came back", connecting)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn r17_a_disconnect_is_told_once_and_final() {
    let running = Running::contract().await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    for how in HOW {
        tokio::time::resume();
        let manager = Manager::builder(&proxy.url()).unwrap().reconnect(quick());
        let manager = manager.transports(how.transports()).build().unwrap();
        let socket = manager.socket("/").unwrap();
        let log = Log::default();
        let told = log.clone();
        socket.on_disconnect(async move |_: Socket, reason| told.add(reason.to_string()));
        within("connect", socket.connect()).await.unwrap();
        socket.disconnect();
        log.has("io client disconnect").await;
        until("no connection left", || proxy.open() == 0).await;
        let accepted = proxy.accepted();
        tokio::time::pause();
        an_hour_passes().await;
        assert_eq!(proxy.accepted(), accepted, "{how:?}");
        assert_eq!(log.entries(), ["io client disconnect"]);
        assert!(!socket.is_active());
    }
}

#[tokio::test]
async fn r19_packets_at_the_wrong_time_end_a_connection_at_most() {
    let odd = [
        &*raw::open_packet(9),
        "0",
        "0{}",
        "1",
        "3",
        "3probe",
        "2probe",
        "5",
        "6",
        "7",
        "",
        "é",
        "bnot base64!",
        "40",
        r#"40{"sid":"s2"}"#,
        "40{}",
        r#"44{"message":"late"}"#,
        "4",
        "49",
        "42",
        "42[",
        "42[]",
        r#"42["connect"]"#,
        "43[]",
        "4399[1]",
        "4399999999999999999999999[1]",
        r#"451-["x",{"_placeholder":true,"num":7}]"#,
        r#"459999-["x"]"#,
        r#"42/nowhere,["x"]"#,
    ];
    for odd in odd {
        let raw = Raw::start().await;
        let socket = raw.manager().build().unwrap().socket("/").unwrap();
        let mut events = socket.events();
        let connecting = socket.connect();
        let mut wire = raw.connected().await;
        within("connect", connecting).await.unwrap();
        wire.say(odd).await;
        // a connection that it ended, or an excuse that was refused, is made again
        wire.say(r#"42["after"]"#).await;
        loop {
            let event = next(&mut events).await;
            if event == "after()" {
                break;
            }
            if event.starts_with("disconnect") || event.starts_with("connect_error") {
                if !socket.is_active() {
                    drop(socket.connect());
                    if wire.next().await.as_deref() == Some("40") {
                        wire.say(r#"40{"sid":"s3"}"#).await;
                        wire.say(r#"42["after"]"#).await;
                        continue;
                    }
                }
                wire = raw.connected().await;
                wire.say(r#"42["after"]"#).await;
            }
        }
    }
}

#[tokio::test]
async fn issue_166_frames_that_none_expects_end_a_connection_at_most() {
    let odd: [&[u8]; 10] = [
        // a ping, a pong and a close frame in pieces
        &[0x09, 0x01, b'x'],
        &[0x0a, 0x00],
        &[0x08, 0x00],
        // more of what was not begun, and a beginning in the middle
        &[0x80, 0x01, b'x'],
        &[0x01, 0x01, b'4', 0x81, 0x01, b'2'],
        // opcodes and bits that nobody has given a meaning
        &[0x83, 0x00],
        &[0x8b, 0x00],
        &[0xf1, 0x01, b'2'],
        // text that is none, and a mask that servers must not use
        &[0x81, 0x02, 0xc3, 0x28],
        &[0x81, 0x81, 1, 2, 3, 4, b'2' ^ 1],
    ];
    for odd in odd {
        let raw = Raw::start().await;
        let socket = raw.manager().build().unwrap().socket("/").unwrap();
        let mut events = socket.events();
        let connecting = socket.connect();
        let mut wire = raw.connected().await;
        within("connect", connecting).await.unwrap();
        assert_eq!(next(&mut events).await, "connect");
        wire.write(odd).await;
        let reason = next(&mut events).await;
        assert!(reason.starts_with("disconnect "), "{odd:x?}: {reason}");
        assert!(socket.is_active());
        let mut wire = raw.connected().await;
        while next(&mut events).await != "connect" {}
        // in the middle of a message control frames are fine
        wire.write(&[0x01, 0x05, b'4', b'2', b'[', b'"', b'a'])
            .await;
        wire.write(&[0x89, 0x01, b'x', 0x8a, 0x00]).await;
        wire.write(&[0x80, 0x02, b'"', b']']).await;
        assert_eq!(next(&mut events).await, "a()");
    }
}

#[tokio::test]
async fn issue_311_a_hundred_heartbeats_are_answered() {
    let raw = Raw::start().await;
    let socket = raw.manager().build().unwrap().socket("/").unwrap();
    let connecting = socket.connect();
    let mut wire = raw.connected().await;
    within("connect", connecting).await.unwrap();
    for _ in 0..100 {
        wire.say("2").await;
        assert_eq!(wire.hear().await, "3");
    }
    assert!(socket.is_connected());
}

#[tokio::test]
async fn r20_cookies_go_back_when_asked_to() {
    for keep in [false, true] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::clone(&seen);
        let polls = Mutex::new(0);
        let manager = raw::polling(move |request| {
            let cookie = request.header("cookie").map(str::to_owned);
            own.lock().unwrap().push((request.is_handshake(), cookie));
            if request.is_post() {
                return Some(raw::ok("", "ok"));
            }
            if request.is_handshake() {
                let cookies =
                    "set-cookie: node=7; Path=/; HttpOnly\r\nset-cookie: old=1; Max-Age=0\r\n";
                *polls.lock().unwrap() = 0;
                return Some(raw::ok(cookies, &raw::open_packet(1_000_000)));
            }
            let mut polls = polls.lock().unwrap();
            *polls += 1;
            // the second poll of a session ends it
            let answer = ["", r#"40{"sid":"s1"}"#, "1"][*polls];
            Some(raw::ok("", answer))
        });
        let manager = manager.await.engine(|options| options.cookies(keep));
        let socket = manager.build().unwrap().socket("/").unwrap();
        let mut events = socket.events();
        drop(socket.connect());
        for expected in ["connect", "disconnect transport close", "connect"] {
            assert_eq!(next(&mut events).await, expected);
        }
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen[0], (true, None));
        let expected = keep.then(|| "node=7".to_owned());
        assert!(seen.len() >= 6 && seen[1..].iter().any(|(first, _)| *first));
        assert!(
            seen[1..].iter().all(|(_, cookie)| *cookie == expected),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn r21_a_fallback_leaves_no_second_session() {
    let running = Running::contract().await;
    let url = raw::without_websockets(running.address()).await;
    let manager = Manager::builder(&url)
        .unwrap()
        .reconnect(Reconnect::never());
    let manager = manager.transports([Transport::WebSocket, Transport::Polling]);
    let refused = manager.clone().build().unwrap().socket("/").unwrap();
    assert!(
        within("the refusal", refused.connect()).await.is_err(),
        "not unless asked to"
    );
    let manager = manager.engine(|options| options.try_all_transports(true));
    let socket = manager.build().unwrap().socket("/").unwrap();
    within("connect", socket.connect()).await.unwrap();
    assert_eq!(running.server.gauges().sessions, 1);
    assert_eq!(running.server.gauges().sockets, 1);
    drop((socket, refused));
    running.is_empty().await;
}

#[tokio::test(start_paused = true)]
async fn r22_an_attempt_ends_after_twenty_seconds_without_being_told_so() {
    let running = Running::contract().await;
    let proxy = Proxy::start(running.address()).await.unwrap();
    proxy.set(Mode::Silence);
    for how in HOW {
        let manager = Manager::builder(&proxy.url()).unwrap();
        let manager = manager.transports(how.transports());
        let manager = manager.reconnect(Reconnect::never()).build().unwrap();
        let started = Instant::now();
        let failed = manager.socket("/").unwrap().connect().await.unwrap_err();
        assert_eq!(failed.message(), "timeout", "{how:?}");
        let took = started.elapsed();
        assert!(
            (ms(20_000)..ms(21_000)).contains(&took),
            "{how:?}: {took:?}"
        );
    }
}

//! Opening a session (engine.io-protocol v4, "Handshake").

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use engineio::server::{First, Input, LinkId, Session};
use engineio::{Config, Sid, Spare};
use testkit::{Scripted, ms};

const OPEN: &str = "0{\"sid\":\"AAAAAAAAAAAAAAAAAAAA\",\"upgrades\":[\"websocket\"],\
    \"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}";

#[test]
fn a_get_is_answered_with_the_open_packet() {
    let mut s = Scripted::opening_by_polling(Config::default());
    s.expect(&[&format!("reply 0: {OPEN}"), "opened"]);
}

#[test]
fn a_websocket_gets_the_open_packet_as_its_first_frame_without_upgrades() {
    let mut s = Scripted::opening_by_link(Config::default());
    let open = OPEN.replace("\"websocket\"", "");
    s.expect(&[&format!("frame 0: {open}"), "opened"]);
}

#[test]
fn upgrades_are_offered_only_when_they_are_possible() {
    let mut no_upgrades = Config::default();
    no_upgrades.allow_upgrades = false;
    let mut no_websocket = Config::default();
    no_websocket.websocket = false;
    for config in [no_upgrades, no_websocket] {
        let mut s = Scripted::opening_by_polling(config);
        let open = OPEN.replace("\"websocket\"", "");
        s.expect(&[&format!("reply 0: {open}"), "opened"]);
        s.open_link(1).expect(&["close link 1"]);
        s.poll(1)
            .send("still here")
            .expect(&["reply 1: 4still here"]);
    }
}

#[test]
fn the_handshake_tells_the_settings_in_milliseconds() {
    let mut config = Config::default();
    config.ping_interval = ms(300);
    config.ping_timeout = ms(200);
    config.max_payload = 5;
    let mut s = Scripted::opening_by_polling(config);
    let opened = s.outputs().concat();
    assert!(
        opened.contains("\"pingInterval\":300,\"pingTimeout\":200,\"maxPayload\":5}"),
        "{opened}"
    );
}

/// CONFORMANCE 1.1, 1: the official suites compare the next message with an exact text.
#[test]
fn nothing_follows_the_handshake_before_the_first_ping() {
    let mut s = Scripted::websocket();
    s.advance(ms(24_999)).expect(&[]);
    let mut s = Scripted::polling();
    s.poll(1).advance(ms(24_999)).expect(&[]);
}

#[test]
fn messages_may_be_sent_before_the_handshake_is_drained_and_come_after_it() {
    let mut s = Scripted::opening_by_link(Config::default());
    s.send("a");
    let outputs = s.outputs();
    assert!(outputs[0].starts_with("frame 0: 0{"));
    assert_eq!(outputs[1..], ["opened", "frame 0: 4a"]);
}

/// Nobody knows the id of such a session: it would only wait for its heartbeat.
#[test]
fn a_session_whose_handshake_was_never_received_ends_at_once() {
    let mut s = Scripted::polling();
    s.drop_poll(0).expect(&["closed: transport error"]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a point to count from")]
fn outputs_stand_in_the_memory_that_was_lent_and_drained_it_comes_back() {
    let (now, link) = (Instant::now(), LinkId::new(0));
    let sid = Sid::from_entropy([0; 15]);
    let mut session = Session::new(sid, Arc::default(), First::Link(link), now);
    let mut spare = Spare::new();
    spare.take_back(&mut VecDeque::with_capacity(50));
    session.borrow_memory(&mut spare);
    assert_eq!(spare.capacity(), 50, "the handshake waits");
    while session.poll_output(now).is_some() {}
    session.return_memory(&mut spare);
    session.borrow_memory(&mut spare);
    assert_eq!(spare.capacity(), 0);
    let data = "4hello".into();
    session.handle_input(now, Input::Link { link, data });
    session.return_memory(&mut spare);
    assert_eq!(spare.capacity(), 0, "it is in use");
    assert!(session.poll_output(now).is_some());
    session.return_memory(&mut spare);
    assert_eq!(spare.capacity(), 50);
}

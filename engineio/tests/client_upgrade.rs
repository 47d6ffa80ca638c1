//! The client's way from long-polling to a link (engine.io-protocol v4, "Upgrade"; the contract
//! is in `engineio::client`).

use engineio::client::Config;
use engineio::{CloseReason, Transport};
use testkit::{ClientScript, HANDSHAKE, ms, secs};

#[test]
fn an_upgrade_from_first_to_last() {
    let mut s = ClientScript::probing(Config::default());
    assert!(s.session().is_probing());
    s.open_link(2).expect(&["frame 2: 2probe"]);
    assert!(s.session().is_writable());
    s.text(2, "3probe").expect(&[]);
    assert!(!s.session().is_writable(), "it waits for the link");
    assert_eq!(s.session().transport(), Transport::Polling);
    s.answer(3, "6").expect(&["frame 2: 5", "upgraded"]);
    assert_eq!(s.session().transport(), Transport::WebSocket);
    s.send("a")
        .text(2, "4b")
        .expect(&["frame 2: 4a", "message b"]);
}

/// Contract 5.
#[test]
fn messages_flow_until_the_pause_and_go_on_after_it() {
    let mut s = ClientScript::probing(Config::default());
    s.send("a").open_link(2);
    s.expect(&["frame 2: 2probe", "post 4: 4a"]);
    s.answer(3, "4x").expect(&["message x", "get 5"]);
    s.answer(4, "ok").send("b").expect(&["post 6: 4b"]);
    s.text(2, "3probe").send("c").expect(&[]);
    assert!(!s.session().is_writable());
    // both have to end, and nothing new is asked for
    s.answer(5, "4y|2").expect(&["message y", "ping"]);
    s.send("d").answer(6, "ok");
    s.expect(&[
        "frame 2: 5",
        "frame 2: 3",
        "frame 2: 4c",
        "frame 2: 4d",
        "upgraded",
    ]);
    assert_eq!(s.session().buffered(), 0);
}

/// Contract 5.
#[test]
fn a_probe_that_fails_leaves_polling_in_use() {
    type Fault = fn(&mut ClientScript);
    let cut: Fault = |s| {
        s.cut(2, CloseReason::TransportError, None);
    };
    let answer: Fault = |s| {
        s.text(2, "4no");
    };
    let garbage: Fault = |s| {
        s.text(2, "what");
    };
    let silence: Fault = |s| {
        s.advance(secs(10));
    };
    for (fault, closes) in [
        (cut, false),
        (answer, true),
        (garbage, true),
        (silence, true),
    ] {
        for step in 0..3 {
            let mut s = ClientScript::probing(Config::default());
            if step > 0 {
                s.open_link(2).expect(&["frame 2: 2probe"]);
            }
            if step > 1 {
                s.text(2, "3probe").expect(&[]);
            }
            s.send("a");
            fault(&mut s);
            let lines = s.outputs();
            assert_eq!(
                lines.contains(&"close link 2".to_owned()),
                closes,
                "{lines:?}"
            );
            assert_eq!(lines.last().map(String::as_str), Some("post 4: 4a"));
            assert!(!s.session().is_probing());
            assert_eq!(s.timeout(), Some(secs(45)), "only the heartbeat");
            s.answer(4, "ok")
                .answer(3, "4b")
                .expect(&["message b", "get 5"]);
            // it is not tried again, and nothing that comes from there counts
            s.text(2, "3probe").advance(secs(20)).expect(&[]);
        }
    }
}

#[test]
fn a_pause_that_does_not_end_is_given_up() {
    let mut s = ClientScript::probing(Config::default());
    s.open_link(2)
        .text(2, "3probe")
        .expect(&["frame 2: 2probe"]);
    s.send("a").advance(ms(9999)).expect(&[]);
    s.advance(ms(1)).expect(&["close link 2", "post 4: 4a"]);
}

#[test]
fn nothing_is_probed_where_one_side_does_not_want_to() {
    let mut config = Config::default();
    config.upgrade = false;
    let mut s = ClientScript::new(config);
    s.expect(&["get 1"])
        .answer(1, HANDSHAKE)
        .expect(&["opened", "get 2"]);
    let mut config = Config::default();
    config.transports = vec![Transport::Polling];
    let mut s = ClientScript::new(config);
    s.expect(&["get 1"])
        .answer(1, HANDSHAKE)
        .expect(&["opened", "get 2"]);
    let mut s = ClientScript::new(Config::default());
    s.expect(&["get 1"])
        .answer(1, &HANDSHAKE.replace("\"websocket\"", ""));
    s.expect(&["opened", "get 2"]);
}

/// A fault of what carries the session ends it during the upgrade as well.
#[test]
fn a_get_that_fails_during_the_upgrade_closes_everything() {
    let mut s = ClientScript::probing(Config::default());
    s.open_link(2).expect(&["frame 2: 2probe"]);
    s.fail(3)
        .expect(&["close link 2", "closed: transport error"]);
}

/// Contract 7: the server begins to count again, too.
#[test]
fn the_upgrade_restarts_the_heartbeat() {
    let mut s = ClientScript::probing(Config::default());
    s.advance(secs(5))
        .open_link(2)
        .text(2, "3probe")
        .answer(3, "6");
    s.expect(&["frame 2: 2probe", "frame 2: 5", "upgraded"]);
    assert_eq!(s.timeout(), Some(secs(50)));
}

// Contract 11

#[test]
fn a_close_waits_for_the_upgrade_and_what_is_buffered_leaves() {
    let mut s = ClientScript::probing(Config::default());
    s.send("a")
        .open_link(2)
        .expect(&["frame 2: 2probe", "post 4: 4a"]);
    s.send("b").close().expect(&["closed: forced close"]);
    s.text(2, "3probe").answer(3, "4late").expect(&[]);
    s.answer(4, "ok")
        .expect(&["frame 2: 5", "frame 2: 4b", "close link 2"]);
    assert!(s.session().is_closed());
}

#[test]
fn a_close_before_the_pause_posts_meanwhile() {
    let mut s = ClientScript::probing(Config::default());
    s.open_link(2).send("a").close();
    s.expect(&["frame 2: 2probe", "closed: forced close", "post 4: 4a"]);
    s.answer(4, "ok").answer(3, "6").expect(&[]);
    s.text(2, "3probe").expect(&["frame 2: 5", "close link 2"]);
}

#[test]
fn a_close_during_an_upgrade_that_fails_posts_the_rest() {
    let mut s = ClientScript::probing(Config::default());
    s.open_link(2)
        .text(2, "3probe")
        .expect(&["frame 2: 2probe"]);
    s.send("a").close().expect(&["closed: forced close"]);
    s.cut(2, CloseReason::TransportError, None)
        .expect(&["post 4: 4a"]);
    s.answer(4, "ok").expect(&["post 5: 1"]);
    s.answer(5, "ok").expect(&["abandon 3"]);
}

#[test]
fn a_close_during_a_silent_probe_ends_at_the_deadline() {
    let mut s = ClientScript::probing(Config::default());
    s.open_link(2).expect(&["frame 2: 2probe"]);
    s.advance(secs(3)).close().expect(&["closed: forced close"]);
    s.advance(secs(7)).expect(&["close link 2", "post 4: 1"]);
    s.advance(secs(3)).expect(&["abandon 3", "abandon 4"]);
}

//! The client's machine: opening, heartbeat, close (engine.io-protocol v4; the contract is in
//! `engineio::client`). Long-polling and the upgrade have files of their own.

use bytes::Bytes;
use engineio::client::{Config, Detail, Input, RequestId};
use engineio::{CloseReason, Data, SendError, Transport};
use testkit::{ClientScript, HANDSHAKE, ms, secs};

fn transports(list: &[Transport], try_all: bool) -> Config {
    let mut config = Config::default();
    config.transports = list.to_vec();
    config.try_all_transports = try_all;
    config
}

const BOTH: [Transport; 2] = [Transport::WebSocket, Transport::Polling];

// Opening

#[test]
fn a_session_opens_by_a_get() {
    let mut s = ClientScript::new(transports(&[Transport::Polling], false));
    let query = |s: &ClientScript| s.session().query(Transport::Polling);
    assert_eq!(
        query(&s),
        "EIO=4&transport=polling",
        "no sid before the handshake"
    );
    assert_eq!(s.timeout(), Some(secs(20)));
    s.expect(&["get 1"]).answer(1, HANDSHAKE);
    // only long-polling is in the list
    s.expect(&["opened", "get 2"]);
    assert_eq!(query(&s), "EIO=4&transport=polling&sid=abc");
    let open = s.session().handshake().unwrap();
    assert_eq!(
        (open.sid().as_str(), open.max_payload()),
        ("abc", Some(1_000_000))
    );
    assert_eq!(s.timeout(), Some(secs(45)));
}

#[test]
fn a_session_opens_by_a_link() {
    let mut s = ClientScript::new(transports(&[Transport::WebSocket], false));
    assert_eq!(s.session().transport(), Transport::WebSocket);
    s.expect(&["open 1: websocket"]);
    s.open_link(1).expect(&[]);
    s.text(1, HANDSHAKE)
        .text(1, "4a")
        .expect(&["opened", "message a"]);
    s.send("b").expect(&["frame 1: 4b"]);
    assert!(s.session().is_writable() && s.session().link().is_some());
}

#[test]
fn packets_behind_the_handshake_are_handled() {
    let mut s = ClientScript::new(transports(&[Transport::Polling], false));
    s.expect(&["get 1"]).answer(1, &format!("{HANDSHAKE}|4a|2"));
    s.expect(&["opened", "message a", "ping", "get 2", "post 3: 3"]);
}

#[test]
fn what_is_sent_before_the_handshake_leaves_after_it() {
    let mut s = ClientScript::new(transports(&BOTH, false));
    s.expect(&["open 1: websocket"]).send("a").expect(&[]);
    s.open_link(1)
        .text(1, HANDSHAKE)
        .expect(&["opened", "frame 1: 4a"]);
}

#[test]
fn what_is_no_handshake_closes() {
    for body in ["4a", "0{}", "", "1", "6", "\u{1e}", "abc"] {
        let mut s = ClientScript::new(transports(&[Transport::Polling], false));
        s.expect(&["get 1"])
            .answer(1, body)
            .expect(&["closed: parse error"]);
        let mut s = ClientScript::new(transports(&[Transport::WebSocket], false));
        s.expect(&["open 1: websocket"]).open_link(1).text(1, body);
        s.expect(&["close link 1", "closed: parse error"]);
    }
}

#[test]
fn an_answer_that_nobody_waits_for_opens_nothing() {
    let mut s = ClientScript::new(transports(&[Transport::Polling], false));
    s.expect(&["get 1"]).input(Input::Answered {
        request: RequestId::new(7),
        status: 200,
        body: HANDSHAKE.into(),
    });
    s.expect(&[])
        .answer(1, HANDSHAKE)
        .expect(&["opened", "get 2"]);
}

#[test]
fn a_second_handshake_closes() {
    let mut s = ClientScript::polling(Config::default());
    s.answer(2, HANDSHAKE).expect(&["closed: parse error"]);
}

/// Contract 10.
#[test]
fn a_silent_server_is_given_up_at_the_deadline() {
    let mut s = ClientScript::new(Config::default());
    s.expect(&["get 1"]).advance(ms(19_999)).expect(&[]);
    s.advance(ms(1))
        .expect(&["abandon 1", "closed: transport error"]);
    assert_eq!(s.session().detail(), Some(&Detail::OpenTimeout));
    // the answer comes late
    s.answer(1, HANDSHAKE).expect(&[]);
    let mut s = ClientScript::new(transports(&BOTH, false));
    s.expect(&["open 1: websocket"])
        .open_link(1)
        .advance(secs(20));
    s.expect(&["close link 1", "closed: transport error"]);
}

/// Contract 10.
#[test]
fn the_next_transport_is_tried_only_when_asked_for() {
    let refused = Some(Detail::http(
        400,
        b"{\"code\":0,\"message\":\"Transport unknown\"}",
    ));
    let mut s = ClientScript::new(transports(&BOTH, false));
    s.expect(&["open 1: websocket"]);
    s.cut(1, CloseReason::TransportError, refused.clone())
        .expect(&["closed: transport error"]);
    assert_eq!(s.session().detail(), refused.as_ref());

    let mut s = ClientScript::new(transports(&BOTH, true));
    s.expect(&["open 1: websocket"]).advance(secs(15));
    s.cut(1, CloseReason::TransportError, refused)
        .expect(&["get 2"]);
    // a deadline of its own
    s.advance(ms(19_999)).answer(2, HANDSHAKE);
    // and the list still says where to go
    s.expect(&["opened", "open 3: websocket", "get 4"]);
}

/// Contract 10.
#[test]
fn the_last_transport_gives_the_reason() {
    let mut s = ClientScript::new(transports(
        &[Transport::Polling, Transport::WebSocket],
        true,
    ));
    s.expect(&["get 1"])
        .answer(1, "what")
        .expect(&["open 2: websocket"]);
    s.advance(secs(20))
        .expect(&["close link 2", "closed: transport error"]);
    assert_eq!(s.session().detail(), Some(&Detail::OpenTimeout));
}

#[test]
fn no_transport_is_a_transport_error() {
    let mut s = ClientScript::new(transports(&[], true));
    s.expect(&["closed: transport error"]);
}

#[test]
fn a_session_that_was_upgraded_before_starts_on_a_link() {
    let mut config = Config::default();
    config.upgraded_before = true;
    config.try_all_transports = true;
    let mut s = ClientScript::new(config);
    s.expect(&["open 1: websocket"]);
    s.cut(1, CloseReason::TransportError, None)
        .expect(&["get 2"]);
    s.fail(2).expect(&["closed: transport error"]);
}

// Heartbeat

/// Contract 7.
#[test]
fn a_lost_heartbeat_closes_at_interval_plus_timeout_and_not_before() {
    let mut s = ClientScript::linked(Config::default());
    s.advance(secs(40))
        .text(1, "2")
        .expect(&["ping", "frame 1: 3"]);
    // other packets prove nothing
    s.advance(secs(40)).text(1, "4x").expect(&["message x"]);
    s.advance(ms(4999)).expect(&[]);
    assert!(!s.session().is_expired(s.now()));
    s.advance(ms(1))
        .expect(&["close link 1", "closed: ping timeout"]);
    let mut s = ClientScript::polling(Config::default());
    s.advance(secs(45))
        .expect(&["abandon 2", "closed: ping timeout"]);
}

#[test]
fn an_expired_heartbeat_is_seen_before_the_timer_fires() {
    let mut s = ClientScript::linked(Config::default());
    s.oversleep(secs(3600));
    assert!(s.session().is_expired(s.now()) && !s.session().is_closed());
    // contract 4: the timer fires before what happened is handled
    s.text(1, "4late")
        .expect(&["close link 1", "closed: ping timeout"]);
    assert!(!s.session().is_expired(s.now()));
}

/// Contract 7.
#[test]
fn a_ping_is_answered_ahead_of_what_is_queued() {
    let mut s = ClientScript::polling(Config::default());
    s.send("a").expect(&["post 3: 4a"]);
    s.send("b").answer(2, "2").expect(&["ping", "get 4"]);
    s.answer(3, "ok").expect(&["post 5: 3|4b"]);
}

/// Contract 4.
#[test]
fn an_early_timeout_does_nothing() {
    let mut s = ClientScript::linked(Config::default());
    s.oversleep(secs(44)).fire().expect(&[]);
    assert_eq!(s.timeout(), Some(secs(45)));
}

// The end

/// Contract 3.
#[test]
fn nothing_is_taken_after_a_close() {
    for mut s in [
        ClientScript::linked(Config::default()),
        ClientScript::polling(Config::default()),
        ClientScript::probing(Config::default()),
        ClientScript::new(Config::default()),
    ] {
        s.close();
        assert_eq!(s.try_send(Data::from("late")), Err(SendError::Closed));
        let lines = s.advance(secs(60)).outputs();
        assert!(!lines.join(" ").contains("late"));
        assert!(s.session().is_closed());
        s.close().advance(secs(60)).expect(&[]);
    }
}

#[test]
fn a_link_writes_what_was_sent_and_closes() {
    let mut s = ClientScript::linked(Config::default());
    s.send("a").close();
    s.expect(&["frame 1: 4a", "close link 1", "closed: forced close"]);
}

#[test]
fn a_close_while_opening_gives_up() {
    let mut s = ClientScript::new(Config::default());
    s.expect(&["get 1"])
        .close()
        .expect(&["abandon 1", "closed: forced close"]);
}

/// Contract 3.
#[test]
fn long_polling_posts_what_was_sent_and_the_close_packet() {
    let mut s = ClientScript::polling(Config::default());
    s.send("a").expect(&["post 3: 4a"]);
    s.send("b").close().expect(&["closed: forced close"]);
    // what still comes is nobody's business
    s.answer(2, "4x|2").expect(&[]);
    s.answer(3, "ok").expect(&["post 4: 3|4b"]);
    // Node's server ends a session before it has handled what came in the same body
    s.answer(4, "ok").expect(&["post 5: 1"]);
    s.answer(5, "ok").expect(&[]);
    assert!(s.session().is_closed());
}

#[test]
fn a_close_that_nobody_answers_ends_at_its_deadline() {
    let mut s = ClientScript::polling(Config::default());
    s.close().expect(&["closed: forced close", "post 3: 1"]);
    s.advance(ms(9999)).expect(&[]);
    s.advance(ms(1)).expect(&["abandon 2", "abandon 3"]);
    assert!(s.session().is_closed());
}

/// The heartbeat is over; what was sent still has its time.
#[test]
fn a_close_shortly_before_the_heartbeat_is_due_has_its_time() {
    let mut s = ClientScript::polling(Config::default());
    s.advance(secs(44)).send("a").close();
    s.expect(&["closed: forced close", "post 3: 4a"]);
    s.advance(secs(9)).expect(&[]);
    s.answer(3, "ok").expect(&["post 4: 1"]);
    s.answer(4, "ok").expect(&["abandon 2"]);
}

#[test]
fn the_servers_close_packet_closes() {
    let mut s = ClientScript::polling(Config::default());
    s.send("a").expect(&["post 3: 4a"]);
    s.answer(2, "4x|1|4y");
    s.expect(&["message x", "abandon 3", "closed: transport close"]);
    let mut s = ClientScript::linked(Config::default());
    s.text(1, "1")
        .expect(&["close link 1", "closed: transport close"]);
}

/// Contract 12.
#[test]
fn a_refusal_says_code_and_message() {
    let body = "{\"code\":1,\"message\":\"Session ID unknown\"}";
    let mut s = ClientScript::polling(Config::default());
    s.answer_with(2, 400, body)
        .expect(&["closed: transport error"]);
    let detail = s.session().detail().unwrap();
    assert_eq!(
        *detail,
        Detail::Http {
            status: 400,
            code: Some(1),
            message: "Session ID unknown".to_owned()
        }
    );
    assert_eq!(detail.to_string(), "status 400, code 1: Session ID unknown");

    let mut s = ClientScript::polling(Config::default());
    s.send("large").expect(&["post 3: 4large"]);
    s.answer_with(3, 413, "")
        .expect(&["abandon 2", "closed: transport error"]);
    assert_eq!(s.session().detail().unwrap().to_string(), "status 413");

    let mut s = ClientScript::linked(Config::default());
    let detail = Detail::Frame {
        code: 1009,
        message: String::new(),
    };
    s.cut(1, CloseReason::TransportClose, Some(detail))
        .expect(&["closed: transport close"]);
    assert_eq!(s.session().detail().unwrap().to_string(), "close code 1009");
}

#[test]
fn what_a_server_never_sends_closes() {
    for text in ["3", "3probe", "5", "2probe", "7", "", "0{}", "b!"] {
        let mut s = ClientScript::linked(Config::default());
        s.text(1, text)
            .expect(&["close link 1", "closed: parse error"]);
        let mut s = ClientScript::polling(Config::default());
        s.answer(2, text).expect(&["closed: parse error"]);
    }
    let mut s = ClientScript::polling(Config::default());
    s.answer_with(2, 200, Bytes::from_static(b"4\xff"))
        .expect(&["closed: parse error"]);
    let mut s = ClientScript::linked(Config::default());
    s.text(1, "6").expect(&[]);
}

// Base64

#[test]
fn base64_is_forced_on_a_link() {
    let mut config = Config::default();
    config.force_base64 = true;
    let mut s = ClientScript::linked(config);
    let query = s.session().query(Transport::WebSocket);
    assert_eq!(query, "EIO=4&transport=websocket&b64=1&sid=abc");
    let binary = || Data::Binary(Bytes::from_static(&[1, 2, 3]));
    s.try_send(binary()).unwrap();
    s.expect(&["frame 1: bAQID"]);
    s.text(1, "bAQID").link(1, binary());
    s.expect(&["message <010203>", "message <010203>"]);
    let mut s = ClientScript::linked(Config::default());
    s.try_send(binary()).unwrap();
    s.expect(&["frame 1: <010203>"]);
}

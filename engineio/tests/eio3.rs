//! Sessions of clients that speak revision 3: the machine.

use engineio::server::PostFailure;
use engineio::{Batch, Config, Data, Dialect, Frame, Protocol};
use testkit::{Scripted, ms, secs};

fn polling() -> Scripted {
    Scripted::speaking(Dialect::V3, Config::default(), false)
}

fn websocket() -> Scripted {
    Scripted::speaking(Dialect::V3, Config::default(), true)
}

fn binary(bytes: &'static [u8]) -> Batch {
    Data::Binary(bytes.into()).into()
}

#[test]
fn the_handshake_has_a_length_and_the_same_json() {
    let mut s = polling();
    assert_eq!(s.session().protocol(), Protocol::V3);
    s.poll(1).send("x").expect(&["reply 1: 2:4x"]);
    let mut v4 = Scripted::polling();
    v4.poll(1).send("x").expect(&["reply 1: 4x"]);
    assert_eq!(v4.session().protocol(), Protocol::V4);
}

/// CONFORMANCE 1.1, 4.
#[test]
fn the_client_pings_and_is_answered() {
    let mut s = websocket();
    s.advance(secs(44)).expect(&[]);
    s.text(0, "2").expect(&["frame 0: 3"]);
    assert_eq!(s.timeout(), Some(secs(44 + 45)));
    s.advance(ms(44_999)).expect(&[]);
    s.advance(ms(1))
        .expect(&["close link 0", "closed: ping timeout"]);
}

#[test]
fn only_pings_prove_life() {
    let mut s = websocket();
    s.advance(secs(40)).text(0, "4x").expect(&["message x"]);
    s.advance(secs(5))
        .expect(&["close link 0", "closed: ping timeout"]);
}

#[test]
fn a_ping_over_polling_is_answered_by_the_next_poll_and_a_late_one_refused() {
    let mut config = Config::default();
    (config.ping_interval, config.ping_timeout) = (ms(300), ms(200));
    let mut s = Scripted::speaking(Dialect::V3, config, false);
    s.post(1, "1:2").expect(&["reply 1: ok"]);
    s.poll(2).expect(&["reply 2: 1:3"]);
    // nobody looked at timers meanwhile: the request itself finds the session dead
    s.oversleep(ms(500)).post(3, "1:2");
    s.expect(&["closed: ping timeout", "reply 3: refused 1"]);
}

#[test]
fn the_wait_for_a_ping_stands_still_while_nothing_is_read() {
    let mut s = websocket();
    s.hold_heartbeat(true).advance(secs(200)).expect(&[]);
    s.hold_heartbeat(false).advance(secs(20));
    s.expect(&["close link 0", "closed: ping timeout"]);
}

/// A28: many pings that come together are answered once, and none is kept.
#[test]
fn pings_that_come_together_have_one_answer() {
    let mut s = websocket();
    for _ in 0..1000 {
        s.text(0, "2");
    }
    s.expect(&["frame 0: 3"]);
    let mut s = polling();
    s.post(1, &"1:2".repeat(1000)).poll(2);
    s.expect(&["reply 1: ok", "reply 2: 1:3"]);
}

#[test]
fn a_pong_of_the_client_closes() {
    let mut s = websocket();
    s.text(0, "3")
        .expect(&["close link 0", "closed: transport error"]);
    let mut s = polling();
    s.post(1, "1:3")
        .expect(&["reply 1: refused 3", "closed: transport error"]);
}

#[test]
fn messages_of_one_post_leave_together_and_bytes_choose_the_form() {
    let mut s = polling();
    s.post(1, "6:4hello2:4€")
        .expect(&["message hello", "message €", "reply 1: ok"]);
    s.send("hello").send("€").poll(2);
    s.expect(&["reply 2: 6:4hello2:4€"]);
    s.post(3, "10:b4AQIDBA==")
        .expect(&["message <01020304>", "reply 3: ok"]);
    s.send("a").try_send_batch(binary(&[1, 2])).unwrap();
    s.poll(4).expect(&["reply 4: <0002ff34610103ff040102>"]);
    s.post_head(5)
        .post_bytes(5, &b"\0\x02\xff4a\x01\x03\xff\x04\x01\x02"[..]);
    s.expect(&["message a", "message <0102>", "reply 5: ok"]);
}

#[test]
fn who_cannot_take_bytes_gets_base64_everywhere() {
    let mut s = Scripted::speaking(Dialect::V3.base64(true), Config::default(), false);
    s.try_send_batch(binary(&[1, 2, 3])).unwrap();
    s.poll(1).expect(&["reply 1: 6:b4AQID"]);
    s.upgrade(0).try_send_batch(binary(&[1, 2, 3])).unwrap();
    s.expect(&["frame 0: 3probe", "upgraded", "frame 0: b4AQID"]);
    let mut s = Scripted::speaking(Dialect::V4.base64(true), Config::default(), true);
    s.try_send_batch(binary(&[1, 2, 3])).unwrap();
    s.text(0, "bAQID")
        .expect(&["frame 0: bAQID", "message <010203>"]);
}

#[test]
fn bytes_on_a_websocket_have_their_type_before_them() {
    let mut s = websocket();
    s.link(0, Data::Binary(vec![4, 1, 2].into()));
    s.text(0, "b4AQID");
    s.expect(&["message <0102>", "message <010203>"]);
    let batch = Batch::new(
        Frame::message(&"a".into()),
        vec![Frame::message(&Data::Binary(vec![9].into()))],
    );
    s.try_send_batch(batch).unwrap();
    s.expect(&["frame 0: 4a", "frame 0: <0409>"]);
    s.link(0, Data::Binary(vec![1, 2].into()));
    s.expect(&["close link 0", "closed: parse error"]);
}

/// CONFORMANCE 1.2, 13 to 17.
#[test]
fn control_packets_have_lengths_too() {
    let mut s = polling();
    s.poll(1).poll(2);
    s.expect(&[
        "reply 2: refused 3",
        "reply 1: 1:1",
        "closed: transport error",
    ]);
    let mut s = polling();
    s.poll(1).post(2, "1:1");
    s.expect(&["reply 1: 1:6", "reply 2: ok", "closed: transport close"]);
    let mut s = polling();
    s.close(engineio::CloseReason::ForcedClose).poll(1);
    s.expect(&["closed: forced close", "reply 1: 1:61:1"]);
    let mut s = polling();
    s.post(1, "abc")
        .expect(&["reply 1: refused 3", "closed: parse error"]);
    let mut s = polling();
    s.post_head(1).fail_post(1, PostFailure::WrongType);
    s.expect(&["reply 1: refused 3", "closed: transport error"]);
}

#[test]
fn an_upgrade_goes_as_ever_and_starts_the_wait_again() {
    let mut s = polling();
    s.send("before");
    s.open_link(1)
        .text(1, "2probe")
        .expect(&["frame 1: 3probe"]);
    s.advance(secs(4)).poll(1).expect(&["reply 1: 7:4before"]);
    s.poll(2).advance(ms(100)).expect(&["reply 2: 1:6"]);
    s.send("after").try_send_batch(binary(&[1])).unwrap();
    s.text(1, "5")
        .expect(&["frame 1: 4after", "frame 1: <0401>", "upgraded"]);
    assert_eq!(s.timeout(), Some(ms(4100) + secs(45)));
    s.text(1, "2").expect(&["frame 1: 3"]);
}

#[test]
fn a_payload_takes_what_fits() {
    let mut config = Config::default();
    config.max_payload = 20;
    let mut s = Scripted::speaking(Dialect::V3, config, false);
    for _ in 0..5 {
        s.send("1234567");
    }
    s.poll(1).expect(&["reply 1: 8:412345678:41234567"]);
    s.poll(2).expect(&["reply 2: 8:412345678:41234567"]);
    s.poll(3).expect(&["reply 3: 8:41234567"]);
}

/// An answer is bytes when there is binary among what it has room for.
#[test]
fn text_that_fills_an_answer_travels_as_text_whatever_is_behind_it() {
    let mut config = Config::default();
    config.max_payload = 100;
    let long = "x".repeat(60);
    let mut s = Scripted::speaking(Dialect::V3, config.clone(), false);
    s.send(&long)
        .send(&long)
        .try_send_batch(binary(&[7]))
        .unwrap();
    s.poll(1).expect(&[&format!("reply 1: 61:4{long}")]);
    let mut s = Scripted::speaking(Dialect::V3, config, false);
    s.send(&long).send(&"x".repeat(38));
    s.try_send_batch(binary(&[7])).unwrap();
    let bytes = [&b"\0\x06\x01\xff4"[..], long.as_bytes()].concat();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    s.poll(1).expect(&[&format!("reply 1: <{hex}>")]);
}

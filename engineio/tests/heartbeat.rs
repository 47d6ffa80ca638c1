//! Pings, pongs and what happens without them (engine.io-protocol v4, "Heartbeat").

use engineio::Config;
use engineio::Data;
use testkit::{Scripted, ms, secs};

/// Contract 7.
#[test]
fn a_ping_leaves_an_interval_after_the_handshake_and_after_each_pong() {
    let mut s = Scripted::websocket();
    s.advance(secs(25)).expect(&["frame 0: 2"]);
    s.advance(secs(3)).text(0, "3").expect(&[]);
    s.advance(ms(24_999)).expect(&[]);
    s.advance(ms(1)).expect(&["frame 0: 2"]);
}

/// Contract 7, contract 3.
#[test]
fn a_missed_pong_closes_with_ping_timeout() {
    let mut s = Scripted::websocket();
    s.advance(secs(25)).expect(&["frame 0: 2"]);
    s.advance(ms(19_999)).expect(&[]);
    s.advance(ms(1))
        .expect(&["close link 0", "closed: ping timeout"]);
    assert_eq!(s.timeout(), None);
}

/// CONFORMANCE 1.1, 2 and 3: the clock runs although nobody fetched the ping.
#[test]
fn a_polling_session_is_gone_at_interval_plus_timeout_to_the_millisecond() {
    let mut config = Config::default();
    config.ping_interval = ms(300);
    config.ping_timeout = ms(200);
    let mut s = Scripted::polling_with(config);
    // nobody looked at timers meanwhile: the request itself finds the session dead
    s.advance(ms(300)).oversleep(ms(200)).poll(1);
    s.expect(&["closed: ping timeout", "reply 1: refused 1"]);
}

#[test]
fn a_ping_waits_for_a_poll_and_its_pong_comes_in_a_post() {
    let mut s = Scripted::polling();
    s.advance(secs(25)).expect(&[]);
    s.advance(secs(5)).poll(1).expect(&["reply 1: 2"]);
    s.post(2, "3").expect(&["reply 2: ok"]);
    assert_eq!(s.timeout(), Some(secs(55)));
}

/// Contract 7: A29, a pong behind a long message.
#[test]
fn another_packet_extends_the_wait_once() {
    let mut s = Scripted::websocket();
    s.advance(secs(25)).expect(&["frame 0: 2"]);
    s.text(0, "4busy").expect(&["message busy"]);
    s.advance(secs(20))
        .text(0, "4still")
        .expect(&["message still"]);
    s.advance(ms(19_999)).expect(&[]);
    s.advance(ms(1))
        .expect(&["close link 0", "closed: ping timeout"]);
}

#[test]
fn a_pong_after_the_extension_counts() {
    let mut s = Scripted::websocket();
    s.advance(secs(25)).text(0, "4busy").advance(secs(39));
    s.expect(&["frame 0: 2", "message busy"]);
    s.text(0, "3").advance(secs(25)).expect(&["frame 0: 2"]);
}

#[test]
fn a_message_before_the_ping_extends_nothing() {
    let mut s = Scripted::websocket();
    s.advance(secs(24)).text(0, "4early").advance(secs(1));
    s.expect(&["message early", "frame 0: 2"]);
    s.advance(secs(20))
        .expect(&["close link 0", "closed: ping timeout"]);
}

/// A28, #817: an extra pong was once counted as a failure.
#[test]
fn unsolicited_pongs_are_ignored_however_many() {
    let mut s = Scripted::websocket();
    for _ in 0..1000 {
        s.text(0, "3");
    }
    assert_eq!(s.timeout(), Some(secs(25)));
    s.advance(secs(25))
        .text(0, "3")
        .text(0, "3")
        .expect(&["frame 0: 2"]);
}

/// CONFORMANCE 1.1, 4.
#[test]
fn a_ping_of_the_client_is_the_wrong_direction() {
    let mut s = Scripted::websocket();
    s.text(0, "2")
        .expect(&["close link 0", "closed: transport error"]);
    let mut s = Scripted::polling();
    s.post(1, "2")
        .expect(&["reply 1: refused 3", "closed: transport error"]);
    let mut s = Scripted::websocket();
    s.text(0, "2probe")
        .expect(&["close link 0", "closed: transport error"]);
}

/// Contract 4. #390: the interval once caught up in bursts.
#[test]
fn a_process_that_stood_still_sends_one_ping_and_waits_for_its_pong() {
    let mut s = Scripted::websocket();
    s.oversleep(secs(600)).fire().expect(&["frame 0: 2"]);
    assert_eq!(s.timeout(), Some(secs(620)));
    s.text(0, "3").expect(&[]);
    assert_eq!(s.timeout(), Some(secs(625)));
}

/// Contract 7, F18: what came while it stood still is read before anybody is judged.
#[test]
fn a_process_that_stood_still_hears_the_pongs_that_wait_before_it_judges() {
    let mut s = Scripted::websocket();
    s.advance(secs(25)).expect(&["frame 0: 2"]);
    s.oversleep(secs(60)).fire().expect(&[]);
    s.text(0, "3").expect(&[]);
    assert_eq!(s.timeout(), Some(secs(110)));
    // on long-polling it comes behind a request
    let mut s = Scripted::polling();
    s.advance(secs(25)).poll(1).expect(&["reply 1: 2"]);
    s.oversleep(secs(60)).fire().expect(&[]);
    s.advance(ms(999)).post(2, "3").expect(&["reply 2: ok"]);
}

/// Contract 7.
#[test]
fn a_client_that_died_while_the_process_stood_still_has_a_second() {
    let mut s = Scripted::websocket();
    s.advance(secs(25)).expect(&["frame 0: 2"]);
    s.oversleep(secs(60)).fire().advance(ms(999)).expect(&[]);
    s.advance(ms(1))
        .expect(&["close link 0", "closed: ping timeout"]);
}

/// Contract 4.
#[test]
fn an_early_timeout_does_nothing() {
    let mut s = Scripted::websocket();
    s.advance(ms(24_999)).fire().fire().expect(&[]);
    assert_eq!(s.timeout(), Some(secs(25)));
}

/// Contract 4: a timer that is due fires before the input that arrives with it.
#[test]
fn a_pong_at_the_deadline_is_too_late() {
    let mut s = Scripted::websocket();
    s.advance(secs(25)).oversleep(secs(20)).text(0, "3");
    s.expect(&["frame 0: 2", "close link 0", "closed: ping timeout"]);
}

#[test]
fn a_missing_pong_is_not_judged_while_the_layer_above_does_not_read() {
    let mut s = Scripted::websocket();
    s.hold_heartbeat(true)
        .advance(secs(300))
        .expect(&["frame 0: 2"]);
    s.hold_heartbeat(false).text(0, "3").expect(&[]);
    s.advance(secs(25)).expect(&["frame 0: 2"]);
    s.advance(secs(20))
        .expect(&["close link 0", "closed: ping timeout"]);
}

#[test]
fn no_time_for_a_pong_and_nobody_who_reads_is_no_endless_loop() {
    let mut config = Config::default();
    config.ping_timeout = secs(0);
    let mut s = Scripted::websocket_with(config);
    s.hold_heartbeat(true)
        .advance(secs(26))
        .expect(&["frame 0: 2"]);
    s.hold_heartbeat(false)
        .advance(secs(1))
        .expect(&["close link 0", "closed: ping timeout"]);
}

/// #479, #487: a ping once went to the transport that was being left.
#[test]
fn after_an_upgrade_the_heartbeat_starts_anew_on_the_websocket() {
    let mut s = Scripted::polling();
    s.poll(1).advance(secs(25)).expect(&["reply 1: 2"]);
    s.advance(secs(19)).upgrade(1);
    s.expect(&["frame 1: 3probe", "upgraded"]);
    s.advance(secs(25)).expect(&["frame 1: 2"]);
    s.text(1, "3").advance(secs(25)).expect(&["frame 1: 2"]);
}

/// 0.17.9: a session whose first write failed had no heartbeat and stayed for ever.
#[test]
fn a_websocket_that_never_says_anything_ends_by_heartbeat() {
    let mut s = Scripted::websocket();
    s.advance(secs(45));
    s.expect(&["frame 0: 2", "close link 0", "closed: ping timeout"]);
}

#[test]
fn a_full_queue_does_not_stop_the_heartbeat() {
    let mut config = Config::default();
    config.max_buffered = 10;
    let mut s = Scripted::polling_with(config);
    s.send("1234567");
    assert!(s.try_send("8").is_err());
    s.advance(secs(25)).poll(1).expect(&["reply 1: 41234567|2"]);
}

#[test]
fn what_is_no_packet_proves_no_life() {
    let mut s = Scripted::polling();
    s.open_link(1).advance(secs(25));
    s.link(1, Data::Binary(vec![1].into())).poll(1);
    s.expect(&["close link 1", "reply 1: 2"]);
    s.poll(2).advance(secs(20));
    s.expect(&["reply 2: 1", "closed: ping timeout"]);
}

/// Contract 7: a pong is due after the ping, which a machine that slept sent late.
#[test]
fn a_ping_that_is_late_by_more_than_a_second_counts_from_when_it_left() {
    for (late, due) in [(1000, 45_000), (1001, 46_001)] {
        let mut s = Scripted::websocket();
        s.oversleep(ms(25_000 + late)).advance(ms(0));
        s.expect(&["frame 0: 2"]);
        assert_eq!(s.timeout(), Some(ms(due)), "{late} ms late");
    }
}

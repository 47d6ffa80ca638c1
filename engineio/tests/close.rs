//! How sessions end.

use engineio::{CloseReason, Config, SendError};
use testkit::{Pair, Scripted, ms, secs};

use CloseReason::{ForcedClose, ServerError, SlowConsumer, TransportClose, TransportError};

/// CONFORMANCE 1.2, 17.
#[test]
fn closing_with_a_waiting_poll_sends_a_close_packet() {
    let mut s = Scripted::polling();
    s.poll(1).close(ForcedClose);
    s.expect(&["reply 1: 1", "closed: forced close"]);
    assert!(s.session().is_closed());
}

/// CONFORMANCE 1.2, 17.
#[test]
fn closing_without_a_poll_is_kept_for_the_next_one() {
    let mut s = Scripted::polling();
    s.send("last words")
        .close(ForcedClose)
        .expect(&["closed: forced close"]);
    assert!(!s.session().is_closed());
    s.advance(ms(29_999))
        .poll(1)
        .expect(&["reply 1: 4last words|6|1"]);
    assert!(s.session().is_closed());
    s.poll(2).expect(&["reply 2: refused 1"]);
}

/// #399, #579: what nobody fetches does not stay.
#[test]
fn a_close_that_nobody_fetches_is_given_up_after_30_s() {
    let mut s = Scripted::polling();
    s.close(ForcedClose).expect(&["closed: forced close"]);
    assert_eq!(s.timeout(), Some(secs(30)));
    s.advance(secs(30)).expect(&[]);
    assert!(s.session().is_closed());
}

/// Poll and close packet travel on two connections, and either may come first.
#[test]
fn a_poll_that_the_clients_close_packet_overtook_is_freed_with_a_noop() {
    let mut s = Scripted::polling();
    s.post(1, "1")
        .expect(&["reply 1: ok", "closed: transport close"]);
    s.advance(ms(199)).poll(2).expect(&["reply 2: 6"]);
    assert!(s.session().is_closed());
    s.poll(3).expect(&["reply 3: refused 1"]);
}

#[test]
fn a_poll_after_the_clients_close_packet_is_not_waited_for_long() {
    let mut s = Scripted::polling();
    s.post(1, "1").outputs();
    s.advance(ms(200)).expect(&[]);
    assert!(s.session().is_closed());
}

#[test]
fn a_closing_session_takes_no_posts_and_no_websockets() {
    let mut s = Scripted::polling();
    s.post_head(1).close(ForcedClose);
    s.expect(&["reply 1: refused 3", "closed: forced close"]);
    s.post(2, "4late")
        .open_link(1)
        .text(1, "2probe")
        .post_body(1, "4late");
    s.expect(&["reply 2: refused 1", "close link 1"]);
    assert_eq!(s.try_send("late"), Err(SendError::Closed));
}

#[test]
fn other_reasons_do_not_wait_for_a_poll() {
    for reason in [SlowConsumer, ServerError] {
        let mut s = Scripted::polling();
        s.close(reason).expect(&[&format!("closed: {reason}")]);
        assert!(s.session().is_closed());
    }
}

#[test]
fn closing_a_websocket_closes_it_behind_what_was_sent() {
    let mut s = Scripted::websocket();
    s.send("a").close(ForcedClose);
    s.expect(&["frame 0: 4a", "close link 0", "closed: forced close"]);
}

#[test]
fn the_end_of_the_websocket_is_the_end_of_the_session() {
    for reason in [TransportClose, TransportError] {
        let mut s = Scripted::websocket();
        s.cut(0, reason).expect(&[&format!("closed: {reason}")]);
    }
}

#[test]
fn a_close_packet_on_a_websocket_ends_the_session() {
    let mut s = Scripted::websocket();
    s.text(0, "4a").text(0, "1").text(0, "4b");
    s.expect(&["message a", "close link 0", "closed: transport close"]);
}

/// CONFORMANCE 1.3, 22. #320, #794.
#[test]
fn garbage_on_a_websocket_is_a_parse_error() {
    for text in [
        "abc",
        "",
        "7",
        "éaaaa",
        "2probé",
        "0{}",
        "b!",
        "11",
        "4".repeat(0).as_str(),
    ] {
        let mut s = Scripted::websocket();
        s.text(0, text)
            .expect(&["close link 0", "closed: parse error"]);
    }
}

/// CONFORMANCE 1.3, 21.
#[test]
fn base64_in_a_text_frame_is_binary() {
    let mut s = Scripted::websocket();
    s.text(0, "bAQID").expect(&["message <010203>"]);
}

/// Contract 3.
#[test]
fn after_the_end_there_are_no_events_and_no_timers() {
    let mut s = Scripted::polling();
    s.poll(1).close(ForcedClose).close(ServerError).drop_poll(1);
    assert_eq!(s.timeout(), None, "nobody keeps it for a timer");
    s.post(2, "4late")
        .open_link(1)
        .cut(1, TransportClose)
        .advance(secs(1000));
    s.expect(&[
        "reply 1: 1",
        "closed: forced close",
        "reply 2: refused 1",
        "close link 1",
    ]);
    assert_eq!(s.timeout(), None);
    assert_eq!(s.try_send("late"), Err(SendError::Closed));
}

#[test]
fn a_client_hears_of_the_end_on_both_transports() {
    for mut p in [
        Pair::polling(Config::default(), false).latency(ms(20), ms(20)),
        Pair::polling(Config::default(), true).latency(ms(20), ms(20)),
        Pair::websocket(Config::default()).latency(ms(20), ms(20)),
    ] {
        p.run_for(secs(1));
        p.serve("last words");
        p.close();
        p.run_for(secs(1));
        assert!(p.client.is_closed(), "{p}");
        assert_eq!(p.client.received(), ["last words".into()], "{p}");
        assert_eq!(p.closed(), Some(ForcedClose));
        assert!(p.server.is_closed());
    }
}

/// A22 in a whole run.
#[test]
fn a_poll_that_breaks_ends_the_session_and_leaves_no_hole() {
    let mut p = Pair::polling(Config::default(), false).latency(ms(20), ms(20));
    p.run_for(ms(100));
    p.serve("on its way");
    p.run_for(ms(5));
    p.cancel_poll();
    p.serve("later");
    p.run_for(secs(1));
    assert_eq!(p.closed(), Some(TransportError), "{p}");
    assert_eq!(p.client.received(), []);
}

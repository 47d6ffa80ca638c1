//! What one client can make the machine hold.

use bytes::Bytes;
use engineio::{Batch, Config, Data, Frame, SendError};
use testkit::{Scripted, secs};

/// Contract 6.
#[test]
fn what_waits_for_a_poll_has_a_budget_in_bytes() {
    let mut config = Config::default();
    config.max_buffered = 1000;
    let mut s = Scripted::polling_with(config);
    let mut taken = 0;
    while s.try_send("x").is_ok() {
        taken += 1;
    }
    assert_eq!(s.try_send("x"), Err(SendError::Full));
    assert_eq!(taken, 1000 / Frame::message(&"x".into()).len());
    assert!(s.session().buffered() <= 1000);
    s.poll(1);
    assert_eq!(s.outputs().len(), 1);
    assert_eq!((s.session().buffered(), s.try_send("x")), (0, Ok(())));
}

/// Contract 8.
#[test]
fn a_batch_that_does_not_fit_is_refused_whole() {
    let mut config = Config::default();
    config.max_buffered = 100;
    let mut s = Scripted::polling_with(config);
    let frame = |len: usize| Frame::message(&Data::from("x".repeat(len).as_str()));
    let batch = Batch::new(frame(1), vec![frame(1), frame(95)]);
    assert_eq!(s.try_send_batch(batch), Err(SendError::Full));
    assert_eq!(s.session().buffered(), 0);
    s.send("after").poll(1).expect(&["reply 1: 4after"]);
}

/// Contract 6. A6: python's limit of 16 broke real clients.
#[test]
fn a_payload_has_at_most_65536_packets() {
    let body = |count: usize| Bytes::from(vec!["6"; count].join("\u{1e}"));
    let mut s = Scripted::polling();
    s.post_head(1)
        .post_bytes(1, body(65_536))
        .expect(&["reply 1: ok"]);
    s.post_head(2).post_bytes(2, body(65_537));
    s.expect(&["reply 2: refused 3", "closed: parse error"]);
}

/// Contract 6.
#[test]
fn a_flood_of_what_has_no_effect_leaves_nothing_behind() {
    let mut s = Scripted::websocket();
    for _ in 0..10_000 {
        s.text(0, "3").text(0, "5").text(0, "6");
    }
    s.expect(&[]);
    let mut s = Scripted::polling();
    for link in 1..1000 {
        s.open_link(link).text(link, "2probe").text(link, "x");
    }
    assert_eq!(s.outputs().len(), 2 * 999);
    assert_eq!(s.timeout(), Some(secs(25)));
}

/// Contract 6: the queue is dropped with the session.
#[test]
fn a_closed_session_holds_nothing() {
    let mut s = Scripted::polling();
    s.send("x")
        .send("y")
        .advance(secs(45))
        .expect(&["closed: ping timeout"]);
    assert_eq!(s.session().buffered(), 0);
}

/// A client that answers pings it never fetched keeps its session, but not their number.
#[test]
fn pings_that_nobody_fetches_do_not_pile_up() {
    let mut s = Scripted::polling();
    for request in 1..=100 {
        s.advance(secs(25))
            .post(request, "3")
            .expect(&[&format!("reply {request}: ok")]);
    }
    s.poll(200).expect(&["reply 200: 2"]);
}

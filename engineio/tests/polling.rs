//! HTTP long-polling (engine.io-protocol v4, "HTTP long-polling").

use engineio::server::PostFailure;
use engineio::{Batch, Config, Data, Frame};
use testkit::{Scripted, ms};

#[test]
fn a_poll_waits_until_there_is_something() {
    let mut s = Scripted::polling();
    s.poll(1).expect(&[]);
    assert!(s.session().is_writable());
    s.send("hello").expect(&["reply 1: 4hello"]);
    assert!(!s.session().is_writable());
}

#[test]
fn a_poll_takes_at_once_what_waited() {
    let mut s = Scripted::polling();
    s.send("a").send("b").poll(1).expect(&["reply 1: 4a|4b"]);
    assert_eq!(s.session().buffered(), 0);
}

/// Contract 9, and CONFORMANCE 1.2, 12.
#[test]
fn messages_sent_while_outputs_are_drained_leave_together() {
    let mut s = Scripted::polling();
    s.poll(1).post(2, "4x|4y|4z");
    let mut outputs = Vec::new();
    while let Some(output) = s.output() {
        if let Some(message) = output.strip_prefix("message ") {
            s.send(&format!("echo {message}"));
        }
        outputs.push(output);
    }
    assert_eq!(
        outputs,
        [
            "message x",
            "message y",
            "message z",
            "reply 2: ok",
            "reply 1: 4echo x|4echo y|4echo z",
        ]
    );
}

/// Contract 1.
#[test]
fn inputs_may_be_batched_and_their_outputs_keep_their_order() {
    let mut s = Scripted::polling();
    s.post(1, "4a")
        .post(2, "4b|4c")
        .poll(3)
        .send("d")
        .post(4, "");
    s.expect(&[
        "message a",
        "reply 1: ok",
        "message b",
        "message c",
        "reply 2: ok",
        "reply 4: ok",
        "reply 3: 4d",
    ]);
}

#[test]
fn binary_is_base64_in_both_directions() {
    let mut s = Scripted::polling();
    s.post(1, "bAQIDBA==")
        .expect(&["message <01020304>", "reply 1: ok"]);
    s.try_send_batch(Data::Binary(vec![1, 2, 3, 4].into()).into())
        .unwrap();
    s.poll(2).expect(&["reply 2: bAQIDBA=="]);
}

/// #740: base64 that starts with a digit is no packet type.
#[test]
fn binary_whose_base64_starts_with_a_packet_type_stays_binary() {
    let mut s = Scripted::polling();
    s.post(1, "b4AAA")
        .expect(&["message <e00000>", "reply 1: ok"]);
}

#[test]
fn an_empty_post_is_answered_ok() {
    let mut s = Scripted::polling();
    s.post(1, "").expect(&["reply 1: ok"]);
}

/// Contract 8.
#[test]
fn a_batch_stays_adjacent_and_in_order() {
    let mut s = Scripted::polling();
    let text = |text: &str| Frame::message(&Data::from(text));
    let binary = Frame::message(&Data::Binary(vec![1].into()));
    s.send("a");
    s.try_send_batch(Batch::new(text("b"), vec![binary.clone(), binary]))
        .unwrap();
    s.send("c").poll(1);
    s.expect(&["reply 1: 4a|4b|bAQ==|bAQ==|4c"]);
}

/// #736, #738: the separator and the size of what was left over from the poll before.
#[test]
fn what_does_not_fit_into_one_payload_comes_with_the_next_whole_and_in_order() {
    let mut config = Config::default();
    config.max_payload = 11;
    let mut s = Scripted::polling_with(config);
    for text in [
        "aaaa",
        "bbbb",
        "cccc",
        "a message that is larger than all",
        "d",
    ] {
        s.send(text);
    }
    s.poll(1).expect(&["reply 1: 4aaaa|4bbbb"]);
    s.poll(2).expect(&["reply 2: 4cccc"]);
    s.poll(3)
        .expect(&["reply 3: 4a message that is larger than all"]);
    s.poll(4).expect(&["reply 4: 4d"]);
    s.poll(5).expect(&[]);
}

/// CONFORMANCE 1.2, 13. A20.
#[test]
fn a_second_get_is_refused_and_ends_the_session_the_first_gets_a_close_packet() {
    let mut s = Scripted::polling();
    s.poll(1).poll(2);
    s.expect(&[
        "reply 2: refused 3",
        "reply 1: 1",
        "closed: transport error",
    ]);
    s.poll(3).expect(&["reply 3: refused 1"]);
}

/// A21.
#[test]
fn a_second_post_is_refused_when_its_head_arrives_and_ends_the_session() {
    let mut s = Scripted::polling();
    s.post_head(1).post_head(2);
    s.expect(&[
        "reply 2: refused 3",
        "reply 1: refused 3",
        "closed: transport error",
    ]);
    s.post_body(1, "4late").post_body(2, "4late").expect(&[]);
}

/// CONFORMANCE 1.2, 14.
#[test]
fn a_get_whose_client_goes_away_ends_the_session() {
    let mut s = Scripted::polling();
    s.poll(1).drop_poll(1).expect(&["closed: transport error"]);
    s.poll(2).expect(&["reply 2: refused 1"]);
}

#[test]
fn news_of_an_older_get_end_nothing() {
    let mut s = Scripted::polling();
    s.poll(1).send("a").expect(&["reply 1: 4a"]);
    s.poll(2).send("b").expect(&["reply 2: 4b"]);
    s.poll(3).drop_poll(1).send("c").expect(&["reply 3: 4c"]);
}

/// CONFORMANCE 1.2, 15.
#[test]
fn a_close_packet_in_a_post_frees_the_poll_with_a_noop() {
    let mut s = Scripted::polling();
    s.poll(1).post(2, "1");
    s.expect(&["reply 1: 6", "reply 2: ok", "closed: transport close"]);
    s.poll(3).expect(&["reply 3: refused 1"]);
}

#[test]
fn what_follows_a_close_packet_is_not_heard() {
    let mut s = Scripted::polling();
    s.post(1, "4a|1|4b");
    s.expect(&["message a", "reply 1: ok", "closed: transport close"]);
}

/// CONFORMANCE 1.2, 16. A34. #794.
#[test]
fn a_body_that_is_no_payload_gets_an_error_and_ends_the_session() {
    for body in [
        &b"abc"[..],
        b"4\xff",
        b"\x1e",
        b"4a\x1e",
        b"7",
        b"b!",
        b"0{}",
        b"\xc3\xa9aaaa",
        b"2prob\xc3\xa9",
        b"\xff",
        b"b\xc3\xa9",
        b"11",
    ] {
        let mut s = Scripted::polling();
        s.poll(1).post_head(2).post_bytes(2, body);
        let mut outputs = s.outputs();
        outputs.retain(|output| output != "message a");
        assert_eq!(
            outputs,
            ["reply 2: refused 3", "reply 1: 1", "closed: parse error"],
            "{body:?}"
        );
    }
}

#[test]
fn packets_before_the_fault_are_heard() {
    let mut s = Scripted::polling();
    s.post(1, "4a|nonsense|4b");
    s.expect(&["message a", "reply 1: refused 3", "closed: parse error"]);
}

#[test]
fn a_post_that_fails_is_answered_by_its_kind_and_ends_the_session() {
    for (failure, answer) in [
        (
            PostFailure::TooLarge,
            &["reply 1: status 413", "closed: transport error"][..],
        ),
        (
            PostFailure::TooSlow,
            &["reply 1: status 408", "closed: transport error"],
        ),
        (
            PostFailure::WrongType,
            &["reply 1: refused 3", "closed: transport error"],
        ),
        (
            PostFailure::NoMemory,
            &["reply 1: status 503", "closed: transport error"],
        ),
        (PostFailure::Dropped, &["closed: transport error"]),
    ] {
        let mut s = Scripted::polling();
        s.post_head(1).fail_post(1, failure).expect(answer);
    }
}

/// Contract 2.
#[test]
fn every_request_is_answered_once_or_its_client_was_gone() {
    let mut s = Scripted::polling();
    s.poll(1).post_head(2).send("a").expect(&["reply 1: 4a"]);
    s.post_body(2, "4b").post_body(2, "4twice");
    s.expect(&["message b", "reply 2: ok"]);
    s.fail_post(2, PostFailure::TooLarge)
        .post_body(99, "4unknown")
        .expect(&[]);
    s.poll(3).drop_poll(3).expect(&["closed: transport error"]);
}

#[test]
fn a_post_waits_for_its_body_while_polls_come_and_go() {
    let mut s = Scripted::polling();
    s.post_head(1).poll(2).send("a").expect(&["reply 2: 4a"]);
    s.poll(3)
        .send("b")
        .advance(ms(5000))
        .expect(&["reply 3: 4b"]);
    s.post_body(1, "4c").expect(&["message c", "reply 1: ok"]);
}

/// A22: what was answered to nobody would be a hole in the middle.
#[test]
fn a_get_whose_client_goes_away_with_the_answer_ends_the_session() {
    let mut s = Scripted::polling();
    s.poll(1)
        .send("into nowhere")
        .expect(&["reply 1: 4into nowhere"]);
    s.drop_poll(1).expect(&["closed: transport error"]);
    let mut s = Scripted::polling();
    s.drop_poll(0).expect(&["closed: transport error"]);
}

/// What a driver asks before it lets a poll wait without waking anybody.
#[test]
fn a_poll_would_wait_where_nothing_is_to_be_said() {
    let mut s = Scripted::polling();
    assert!(s.session().would_wait());
    s.send("something");
    assert!(!s.session().would_wait(), "it is queued");
    s.poll(1);
    assert!(!s.session().would_wait(), "the answer is not taken yet");
    s.expect(&["reply 1: 4something"]);
    assert!(s.session().would_wait());
    s.poll(2).expect(&[]);
    assert!(!s.session().would_wait(), "one waits already");
    s.send("more").expect(&["reply 2: 4more"]);
    s.open_link(1)
        .text(1, "2probe")
        .expect(&["frame 1: 3probe"]);
    assert!(!s.session().would_wait(), "the probe frees polls");
    s.text(1, "5").expect(&["upgraded"]);
    assert!(!s.session().would_wait(), "there are no polls any more");
    let mut s = Scripted::polling();
    s.post(1, "1")
        .expect(&["reply 1: ok", "closed: transport close"]);
    assert!(!s.session().would_wait(), "the last poll gets what is left");
}

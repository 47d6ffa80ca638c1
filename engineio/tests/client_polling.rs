//! The client's machine on long-polling (engine.io-protocol v4, "HTTP long-polling"; the
//! contract is in `engineio::client`).

use bytes::Bytes;
use engineio::client::{Config, Detail};
use engineio::{Batch, Data, Frame, SendError};
use testkit::{ClientScript, HANDSHAKE, ms};

fn binary(len: usize) -> Data {
    Data::Binary(vec![0; len].into())
}

/// A session whose server takes so many bytes, its GET 2 out.
fn limited(max_payload: &str) -> ClientScript {
    let mut config = Config::default();
    config.upgrade = false;
    let mut s = ClientScript::new(config);
    let handshake = HANDSHAKE.replace(",\"maxPayload\":1000000", max_payload);
    s.expect(&["get 1"]).answer(1, &handshake);
    s.expect(&["opened", "get 2"]);
    s
}

/// Contract 2.
#[test]
fn one_get_is_always_out() {
    let mut s = ClientScript::polling(Config::default());
    s.answer(2, "4a|4b")
        .expect(&["message a", "message b", "get 3"]);
    s.answer(3, "6").expect(&["get 4"]);
    // answers of requests that nobody waits for
    s.answer(3, "4again").answer(9, "4x").expect(&[]);
    assert_eq!(s.get(), Some(4));
}

/// Contract 2, contract 9.
#[test]
fn posts_go_one_at_a_time_with_what_was_sent_meanwhile() {
    let mut s = ClientScript::polling(Config::default());
    s.send("a").send("b").expect(&["post 3: 4a|4b"]);
    assert!(!s.session().is_writable());
    s.send("c").send("d").expect(&[]);
    assert!(s.session().buffered() > 0);
    s.answer(3, "ok").expect(&["post 4: 4c|4d"]);
    s.answer(4, "ok").expect(&[]);
    assert!(s.session().is_writable() && s.session().buffered() == 0);
}

/// Contract 1, contract 9.
#[test]
fn what_is_sent_while_outputs_are_drained_leaves_together() {
    let mut s = ClientScript::polling(Config::default());
    s.answer(2, "4a|4b");
    assert_eq!(s.output().unwrap(), "message a");
    s.send("x");
    assert_eq!(s.output().unwrap(), "message b");
    s.send("y").expect(&["get 3", "post 4: 4x|4y"]);
}

/// Contract 9.
#[test]
fn a_body_has_at_most_what_the_server_takes() {
    let mut s = limited(",\"maxPayload\":10");
    // 4aaaa and 4bbb with the separator are ten bytes
    s.send("aaaa")
        .send("bbb")
        .send("c")
        .expect(&["post 3: 4aaaa|4bbb"]);
    s.answer(3, "ok").expect(&["post 4: 4c"]);
    // eleven
    s.send("aaaa").send("bbbb").answer(4, "ok");
    s.expect(&["post 5: 4aaaa"])
        .answer(5, "ok")
        .expect(&["post 6: 4bbbb"]);
}

/// Contract 9.
#[test]
fn base64_counts_as_what_it_takes() {
    let mut s = limited(",\"maxPayload\":10");
    s.try_send(binary(3)).unwrap();
    s.send("xxx").expect(&["post 3: bAAAA|4xxx"]);
    s.try_send(binary(4)).unwrap();
    s.send("").answer(3, "ok").expect(&["post 4: bAAAAAA=="]);
}

/// Socket.IO 3 takes a megabyte and does not say so; a single packet may be what it is.
#[test]
fn a_server_that_names_no_limit_gets_a_megabyte_at_most() {
    for limit in ["", ",\"maxPayload\":0"] {
        let mut s = limited(limit);
        let sizes = |outputs: Vec<String>| outputs.iter().map(String::len).collect::<Vec<_>>();
        let half = "x".repeat(499_999);
        s.send(&half).send(&half).send("");
        // with the name of the output, the numbers of packets and the separators
        assert_eq!(sizes(s.outputs()), [500_008]);
        s.answer(3, "ok");
        assert_eq!(sizes(s.outputs()), [500_010]);
        s.send(&"y".repeat(2_000_000)).answer(4, "ok");
        assert_eq!(sizes(s.outputs()), [2_000_009]);
        assert_eq!(s.session().buffered(), 0);
    }
}

/// Contract 9.
#[test]
fn one_larger_packet_goes_alone() {
    let mut s = limited(",\"maxPayload\":10");
    s.send("a")
        .send("0123456789")
        .send("b")
        .expect(&["post 3: 4a"]);
    s.answer(2, "2")
        .answer(3, "ok")
        .expect(&["ping", "get 4", "post 5: 3"]);
    s.answer(5, "ok").expect(&["post 6: 40123456789"]);
    s.answer(6, "ok").expect(&["post 7: 4b"]);
}

/// The close packet has to fit as well.
#[test]
fn the_close_packet_counts() {
    let mut s = limited(",\"maxPayload\":3");
    s.send("aa").close();
    s.expect(&["closed: forced close", "post 3: 4aa"]);
    s.answer(3, "ok").expect(&["post 4: 1"]);
    s.answer(4, "ok").expect(&["abandon 2"]);
}

/// Contract 8.
#[test]
fn a_batch_is_taken_or_refused_whole() {
    let mut config = Config::default();
    config.max_buffered = 12;
    let mut s = ClientScript::polling(config);
    let frame = || Frame::message(&"a".into());
    // four bytes each, header included
    assert_eq!(
        s.try_send(Batch::new(frame(), vec![frame(); 3])),
        Err(SendError::Full)
    );
    assert_eq!(s.session().buffered(), 0);
    s.try_send(Batch::new(frame(), vec![frame(); 2])).unwrap();
    assert_eq!(s.try_send(frame()), Err(SendError::Full));
    s.expect(&["post 3: 4a|4a|4a"]);
    s.try_send(frame()).unwrap();
}

/// Contract 6.
#[test]
fn packets_of_one_answer_are_counted() {
    let mut config = Config::default();
    config.max_packets = 3;
    let mut s = ClientScript::polling(config);
    s.answer(2, "6|6|6").expect(&["get 3"]);
    s.answer(3, "6|6|6|6").expect(&["closed: parse error"]);
}

#[test]
fn base64_arrives_as_bytes() {
    let mut s = ClientScript::polling(Config::default());
    s.answer(2, "4a|bAQID")
        .expect(&["message a", "message <010203>", "get 3"]);
}

#[test]
fn a_request_that_fails_ends_the_session() {
    let mut s = ClientScript::polling(Config::default());
    s.fail(2).expect(&["closed: transport error"]);
}

/// Contract 13: a server that stops refuses what comes, and answers the poll with all that it had.
#[test]
fn a_post_that_fails_is_the_end_behind_what_polls_bring() {
    let posted = || {
        let mut s = ClientScript::polling(Config::default());
        s.send("a").expect(&["post 3: 4a"]);
        s
    };
    let unknown = r#"{"code":1,"message":"Session ID unknown"}"#;
    let mut s = posted();
    s.answer_with(3, 400, unknown).expect(&[]);
    s.answer(2, "4x|4y|1")
        .expect(&["message x", "message y", "closed: transport close"]);
    // what did not fit, or came later, comes with the next one
    let mut s = posted();
    s.fail(3).send("b").expect(&[]);
    s.answer(2, "4x|2").expect(&["message x", "ping", "get 4"]);
    s.answer(4, "4y|6|1")
        .expect(&["message y", "closed: transport close"]);
    // and the first failure is the one that is told
    let mut s = posted();
    s.answer_with(3, 400, unknown).fail(2);
    s.expect(&["closed: transport error"]);
    assert!(matches!(
        s.session().detail(),
        Some(Detail::Http { status: 400, .. })
    ));
    // a poll that brings nothing is not waited for
    let mut s = posted();
    s.fail(3).advance(ms(999)).expect(&[]);
    s.advance(ms(1))
        .expect(&["abandon 2", "closed: transport error"]);
    // too late for anything
    s.answer(2, "4x").expect(&[]);
    // nor is there anybody to say goodbye to
    let mut s = posted();
    s.fail(3).close();
    s.expect(&["abandon 2", "closed: forced close"]);
    assert_eq!(s.timeout(), None);
}

#[test]
fn a_post_that_fails_before_an_upgrade_ends_the_session() {
    let mut s = ClientScript::probing(Config::default());
    s.send("a").expect(&["post 4: 4a"]);
    s.open_link(2).expect(&["frame 2: 2probe"]);
    s.text(2, "3probe").fail(4).expect(&[]);
    // the session does not move
    s.answer(3, "4x").expect(&["message x", "get 5"]);
    s.fail(5)
        .expect(&["close link 2", "closed: transport error"]);
}

#[test]
fn an_empty_answer_is_no_payload() {
    let mut s = ClientScript::polling(Config::default());
    s.answer_with(2, 200, Bytes::new())
        .expect(&["closed: parse error"]);
}

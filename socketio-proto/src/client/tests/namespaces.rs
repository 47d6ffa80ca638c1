//! Entering, leaving, being refused, coming back.

use super::*;

// contract 1

#[test]
fn credentials_are_asked_for_at_every_connection_in_the_order_of_asking() {
    let mut rig = Rig::new(Config::default());
    for name in ["/b", "/", "/a"] {
        rig.machine.connect(&ns(name));
        rig.machine.connect(&ns(name));
    }
    assert!(rig.take().is_empty() && rig.machine.is_wanted());
    rig.machine.handle_opened(rig.now);
    assert_eq!(rig.take(), ["/b auth?", "/ auth?", "/a auth?"]);
    rig.authenticate("/", Some(r#"{"token":1}"#)).unwrap();
    rig.authenticate("/b", None).unwrap();
    assert_eq!(rig.take(), [r#"> 0{"token":1}"#, "> 0/b,"]);
    rig.reopen();
    assert_eq!(rig.attempts.len(), 6);
}

#[test]
fn an_answer_to_an_earlier_question_is_refused() {
    let mut rig = Rig::asked();
    let (_, old) = rig.attempts.pop().unwrap();
    rig.reopen();
    let late = rig.machine.authenticate(&ns("/"), old, None);
    assert_eq!(late, Err(Misuse::NotConnecting));
    assert_eq!(rig.authenticate("/", Some("[1]")), Err(Misuse::InvalidAuth));
    rig.enter("/");
    assert_eq!(rig.authenticate("/", None), Err(Misuse::NotConnecting));
}

#[test]
fn credentials_that_cannot_be_had_are_a_refusal() {
    let mut rig = Rig::asked();
    let (name, attempt) = rig.attempts.pop().unwrap();
    let error = ConnectError::new("no token");
    rig.machine.abandon(&name, attempt, error).unwrap();
    assert_eq!(rig.take(), ["/ refused: no token", "close: forced close"]);
}

// contract 2

#[test]
fn every_connected_namespace_is_told_of_the_end_once() {
    let mut rig = Rig::connected(&["/", "/a"]);
    rig.machine.connect(&ns("/waiting"));
    rig.machine.handle_closed(rig.now, CloseReason::PingTimeout);
    rig.machine
        .handle_closed(rig.now, CloseReason::TransportClose);
    let told = rig.take();
    assert_eq!(
        told,
        [
            "/waiting auth?",
            "/ left: ping timeout",
            "/a left: ping timeout"
        ]
    );
    assert!(rig.machine.is_wanted(), "all three are to come back");
}

#[test]
fn an_explicit_disconnect_says_so_to_both_sides() {
    let mut rig = Rig::connected(&["/", "/foo"]);
    rig.machine.disconnect(rig.now, &ns("/"));
    assert_eq!(rig.take(), ["> 1", "/ left: io client disconnect"]);
    rig.machine.disconnect(rig.now, &ns("/"));
    rig.machine.disconnect(rig.now, &ns("/foo"));
    let told = rig.take();
    assert_eq!(
        told,
        [
            "> 1/foo,",
            "/foo left: io client disconnect",
            "close: forced close"
        ]
    );
    assert!(!rig.machine.is_wanted());
    rig.machine.connect(&ns("/foo"));
    assert!(rig.take().is_empty(), "the old connection is not used");
    rig.machine.handle_opened(rig.now);
    assert_eq!(rig.take(), ["/foo auth?"]);
}

// contract 3

#[test]
fn a_refused_namespace_is_not_asked_for_again() {
    let mut rig = Rig::connected(&["/"]);
    rig.machine.connect(&ns("/admin"));
    rig.take();
    rig.authenticate("/admin", None).unwrap();
    rig.text(r#"4/admin,{"message":"unauthorized","data":{"code":401}}"#);
    let told = rig.take();
    assert_eq!(
        told,
        ["> 0/admin,", r#"/admin refused: unauthorized {"code":401}"#]
    );
    rig.reopen();
    assert_eq!(
        rig.attempts.last().map(|(name, _)| name.clone()),
        Some(ns("/"))
    );
    assert!(rig.machine.is_active(&ns("/")) && !rig.machine.is_active(&ns("/admin")));
}

#[test]
fn a_server_that_puts_us_out_is_not_asked_again() {
    let mut rig = Rig::connected(&["/", "/a"]);
    rig.text("1/a,");
    assert_eq!(rig.take(), ["/a left: io server disconnect"]);
    rig.text("1");
    let told = rig.take();
    assert_eq!(
        told,
        ["/ left: io server disconnect", "close: forced close"]
    );
}

#[test]
fn an_answer_without_an_id_is_that_of_an_old_server() {
    for answer in ["0", r#"0{"sid":7}"#, r#"0{"sid":""}"#] {
        let mut rig = Rig::new(Config::default());
        rig.machine.connect(&ns("/"));
        rig.machine.handle_opened(rig.now);
        rig.take();
        rig.authenticate("/", None).unwrap();
        rig.text(answer);
        let told = rig.take();
        assert_eq!(
            told.get(1).unwrap(),
            "/ refused: the server speaks Socket.IO 2 or older"
        );
    }
}

// contract 4

#[test]
fn what_came_and_went_early_comes_out_before_the_connect() {
    let mut rig = Rig::new(Config::default());
    rig.machine.connect(&ns("/"));
    rig.emit("before", Emit::default());
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"2["missed",1]"#);
    rig.text(r#"25["asked"]"#);
    rig.emit("meanwhile", Emit::default());
    assert_eq!(rig.take(), ["> 0"]);
    rig.text(r#"0{"sid":"x"}"#);
    let told = rig.take();
    assert_eq!(
        told,
        [
            "/ missed[1]",
            "/ asked[]?",
            r#"> 2["before"]"#,
            r#"> 2["meanwhile"]"#,
            "/ connected"
        ]
    );
    let reply = rig.replies.pop().unwrap();
    rig.machine
        .answer(&ns("/"), reply, RawArgs::default())
        .unwrap();
    assert_eq!(rig.take(), ["> 35[]"]);
}

#[test]
fn too_much_that_comes_early_closes() {
    let early = |max_early| {
        let config = Config {
            max_early,
            ..Config::default()
        };
        let mut rig = Rig::new(config);
        rig.machine.connect(&ns("/"));
        rig.machine.handle_opened(rig.now);
        rig.take();
        rig.authenticate("/", None).unwrap();
        rig.text(&format!(r#"2["x","{}"]"#, "x".repeat(100)));
        rig
    };
    let size = early(1000).machine.early;
    assert!(size > 100);
    assert_eq!(early(size - 1).take(), ["> 0", "close: parse error"]);
    let mut rig = early(size);
    assert_eq!(rig.take(), ["> 0"]);
    rig.text(r#"0{"sid":"x"}"#);
    assert_eq!(rig.machine.early, 0, "it is early no more");
}

// contract 9

#[test]
fn a_key_brings_the_session_back() {
    let mut rig = Rig::asked();
    let enter = |rig: &mut Rig, auth: Option<&str>, answer: &str| {
        rig.authenticate("/", auth).unwrap();
        rig.text(answer);
        rig.take()
    };
    let told = enter(&mut rig, None, r#"0{"sid":"a","pid":"k\"1"}"#);
    assert_eq!(told, ["> 0", "/ connected"]);
    rig.reopen();
    let told = enter(&mut rig, Some("{ }"), r#"2["missed","o1"]"#);
    assert_eq!(told, [r#"> 0{"pid":"k\"1"}"#]);
    rig.text(r#"0{"sid":"a","pid":"k\"1"}"#);
    assert_eq!(rig.take(), [r#"/ missed["o1"]"#, "/ recovered"]);
    rig.text(r#"2["x","o2"]"#);
    rig.text(r#"2["volatile",1]"#);
    rig.text(r#"21["asks","no offset"]"#);
    rig.reopen();
    let told = enter(&mut rig, Some(r#" {"a":1} "#), r#"0{"sid":"b","pid":"k2"}"#);
    assert_eq!(
        told,
        [r#"> 0{"pid":"k\"1","offset":"o2","a":1}"#, "/ connected"]
    );
    rig.reopen();
    let told = enter(&mut rig, None, r#"0{"sid":"c"}"#);
    assert_eq!(
        told,
        [r#"> 0{"pid":"k2"}"#, "/ connected"],
        "nothing came in that session"
    );
    rig.reopen();
    assert_eq!(
        enter(&mut rig, None, r#"0{"sid":"d"}"#),
        ["> 0", "/ connected"]
    );
}

// contract 11

#[test]
fn who_leaves_while_connecting_says_so_when_the_answer_comes() {
    let mut rig = Rig::connected(&["/"]);
    for answer in [r#"0/a,{"sid":"x"}"#, r#"4/a,{"message":"no"}"#] {
        rig.machine.connect(&ns("/a"));
        rig.take();
        rig.authenticate("/a", None).unwrap();
        rig.machine.disconnect(rig.now, &ns("/a"));
        rig.text(answer);
        let told = rig.take();
        let goodbye = answer.starts_with('0').then_some("> 1/a,");
        assert_eq!(
            told,
            ["> 0/a,"].into_iter().chain(goodbye).collect::<Vec<_>>()
        );
    }
    rig.machine.connect(&ns("/a"));
    rig.take();
    rig.authenticate("/a", None).unwrap();
    rig.machine.disconnect(rig.now, &ns("/a"));
    rig.machine.connect(&ns("/a"));
    rig.text(r#"0/a,{"sid":"x"}"#);
    assert_eq!(rig.take(), ["> 0/a,", "/a connected"]);
}

#[test]
fn what_came_early_is_of_the_connect_that_it_came_for() {
    let mut rig = Rig::connected(&["/"]);
    let connecting = |rig: &mut Rig| {
        rig.machine.connect(&ns("/a"));
        rig.take();
        rig.authenticate("/a", None).unwrap();
        rig.text(r#"2/a,7["one"]"#);
        rig.machine.disconnect(rig.now, &ns("/a"));
        rig.text(r#"2/a,["two"]"#);
        rig.take();
    };
    for answer in [r#"0/a,{"sid":"x"}"#, r#"4/a,{"message":"no"}"#] {
        connecting(&mut rig);
        rig.text(answer);
        assert_eq!(rig.machine.early, 0);
        rig.take();
        rig.machine.connect(&ns("/a"));
        rig.take();
        rig.enter("/a");
        assert!(rig.replies.is_empty(), "of a session that nobody wanted");
        rig.machine.disconnect(rig.now, &ns("/a"));
    }
    // who comes back before the answer has missed nothing
    connecting(&mut rig);
    rig.machine.connect(&ns("/a"));
    rig.text(r#"0/a,{"sid":"x"}"#);
    assert_eq!(rig.take(), ["/a one[]?", "/a two[]", "/a connected"]);
    assert_eq!(rig.machine.early, 0);
}

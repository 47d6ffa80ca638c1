//! Events that wait, and what cannot be read.

use super::*;

// contract 5

#[test]
fn events_wait_for_a_connection_within_a_bound_and_volatile_ones_do_not() {
    let config = Config {
        max_buffered: 100,
        ..Config::default()
    };
    let mut rig = Rig::new(config);
    rig.machine.connect(&ns("/"));
    rig.emit("kept", Emit::default());
    rig.emit("gone", Emit::default().volatile());
    let emit = rig.emit("gone", ack().volatile());
    assert_eq!(rig.take(), [format!("#{} Dropped", emit.0)]);
    let large = rig.try_emit("/", "large", &"x".repeat(100), ack());
    assert_eq!(large, Err(SendError::Full));
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    assert_eq!(rig.take(), ["> 0", r#"> 2["kept"]"#, "/ connected"]);
    assert_eq!(rig.machine.buffered(), 0);
    rig.try_emit("/", "large", &"x".repeat(100), ack()).unwrap();
    assert!(
        rig.take().concat().starts_with(r#"> 20["large""#),
        "a refused emit spends no id"
    );
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_waits() {
    let mut rig = Rig::new(Config::default());
    let refused = rig.try_emit("/", "connect", &1, Emit::default());
    assert_eq!(refused, Err(SendError::Encode(EncodeError::Reserved)));
    let many = vec![Binary::default(); 11];
    for retries in [0, 1] {
        let settings = Settings {
            retries,
            ..Settings::default()
        };
        rig.machine.configure(&ns("/"), settings);
        let refused = rig.try_emit("/", "x", &many, Emit::default());
        assert_eq!(
            refused,
            Err(SendError::Encode(EncodeError::TooManyAttachments))
        );
    }
    assert_eq!(rig.machine.buffered(), 0);
}

#[test]
fn binary_leaves_behind_its_event() {
    let mut rig = Rig::connected(&["/"]);
    let bytes = Binary(b"\x01\x02".as_slice().into());
    rig.try_emit("/", "b", &Args((bytes, 1)), ack()).unwrap();
    let told = rig.take();
    assert_eq!(
        told,
        [r#"> 51-0["b",{"_placeholder":true,"num":0},1] [1, 2]"#]
    );
    rig.text(r#"61-0[{"_placeholder":true,"num":0}]"#);
    rig.machine
        .handle_data(rig.now, Data::Binary(b"\x03".as_slice().into()));
    assert!(rig.take().concat().contains("1 bytes"));
}

// contract 10

#[test]
fn what_cannot_be_read_closes_and_what_is_not_ours_is_ignored() {
    let mut rig = Rig::connected(&["/"]);
    for text in [
        "2/other,[\"x\"]",
        "3/other,0[]",
        "1/other,",
        "0{\"sid\":\"twice\"}",
        "30[]",
    ] {
        rig.text(text);
    }
    assert!(rig.take().is_empty());
    rig.text("2{}");
    rig.text(r#"2["after"]"#);
    let told = rig.take();
    assert_eq!(told, ["/ left: parse error", "close: parse error"]);
    rig.machine.handle_closed(rig.now, CloseReason::ParseError);
    assert!(rig.take().is_empty() && rig.machine.is_wanted());
}

#[test]
fn half_a_packet_is_forgotten_with_its_connection() {
    let mut rig = Rig::connected(&["/"]);
    rig.text(r#"51-["x",{"_placeholder":true,"num":0}]"#);
    rig.reopen();
    rig.enter("/");
    rig.text(r#"2["whole"]"#);
    assert_eq!(rig.take(), ["/ whole[]"]);
}

// contract 12

#[test]
fn what_is_due_fires_before_what_comes() {
    let mut rig = Rig::connected(&["/"]);
    let emit = rig.emit("x", ack_in(1));
    rig.take();
    rig.now += Duration::from_secs(1);
    rig.text(r#"30["too late"]"#);
    assert_eq!(rig.take(), [format!("#{} Timeout", emit.0)]);
}

// and the rest

#[test]
fn who_wants_to_see_what_leaves_sees_it_when_it_leaves() {
    let mut rig = Rig::new(Config::default());
    let settings = Settings {
        watch_sent: true,
        ..Settings::default()
    };
    rig.machine.configure(&ns("/"), settings);
    rig.machine.connect(&ns("/"));
    rig.try_emit("/", "x", &7, Emit::default()).unwrap();
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    let told = rig.take();
    assert_eq!(told, ["> 0", r#"> 2["x",7]"#, "/ sent x[7]", "/ connected"]);
}

#[test]
fn a_namespace_that_is_removed_leaves_nothing() {
    let mut rig = Rig::new(Config::default());
    let one = rig.emit_to("/a", "x", ack());
    rig.machine.configure(&ns("/a"), retries(1));
    let two = rig.emit_to("/a", "y", ack());
    rig.machine.remove(rig.now, &ns("/a"));
    assert_eq!(
        rig.take(),
        [one, two].map(|emit| format!("#{} Dropped", emit.0))
    );
    assert_eq!((rig.machine.buffered(), rig.machine.pending_acks()), (0, 0));
    assert_eq!(rig.machine.poll_timeout(), None);
}

#[test]
fn what_is_retried_counts_with_its_name_and_its_arguments() {
    let waiting = |event: &str, argument: &str| {
        let mut rig = Rig::new(Config::default());
        rig.machine.configure(&ns("/"), retries(1));
        rig.try_emit("/", event, argument, Emit::default()).unwrap();
        rig.machine.buffered()
    };
    let least = waiting("x", "");
    assert_eq!(waiting("xyz", ""), least + 2);
    assert_eq!(waiting("x", "ab"), least + 2);
}

#[test]
fn many_outputs_wait_until_they_are_taken() {
    let mut rig = Rig::connected(&["/"]);
    for n in 0..100 {
        rig.text(&format!("2[{n}]"));
    }
    let expected: Vec<_> = (0..100).map(|n| format!("/ {n}[]")).collect();
    assert_eq!(rig.take(), expected);
}

#[test]
fn what_waits_is_bounded_from_the_first_event_on() {
    for retries in [0, 3] {
        let config = Config {
            max_buffered: 400,
            ..Config::default()
        };
        let mut rig = Rig::new(config);
        let settings = Settings {
            retries,
            ..Settings::default()
        };
        rig.machine.configure(&ns("/"), settings);
        rig.machine.connect(&ns("/"));
        let large = rig.try_emit("/", "large", &"x".repeat(400), ack());
        assert_eq!(large, Err(SendError::Full));
        rig.try_emit("/", "small", &1, ack()).unwrap();
        rig.try_emit("/", "small", &1, ack()).unwrap();
        // to the last byte
        let small = rig.machine.buffered() / 2;
        let config = Config {
            max_buffered: 3 * small,
            ..Config::default()
        };
        let mut rig = Rig::new(config);
        rig.machine.configure(&ns("/"), settings);
        rig.machine.connect(&ns("/"));
        let emits = [(); 4].map(|()| rig.try_emit("/", "small", &1, ack()).is_ok());
        assert_eq!(emits, [true, true, true, false]);
    }
}

#[test]
fn a_namespace_that_is_removed_while_it_is_left_still_says_so_and_no_more() {
    let mut rig = Rig::connected(&["/", "/a"]);
    rig.machine.disconnect(rig.now, &ns("/a"));
    rig.machine.remove(rig.now, &ns("/a"));
    rig.machine.connect(&ns("/a"));
    let told = ["> 1/a,", "/a left: io client disconnect", "/a auth?"];
    assert_eq!(rig.take(), told);
}

//! Answers.

use super::*;

// contract 6

#[test]
fn every_ack_ends_once() {
    let mut rig = Rig::connected(&["/", "/a"]);
    let (one, two) = (rig.emit("one", ack()), rig.emit("two", ack()));
    rig.emit_to("/a", "other", ack());
    assert_eq!(rig.take().len(), 3);
    rig.text(r#"31["yes",2]"#);
    rig.text(r#"31["again"]"#);
    rig.text(r#"37["unknown"]"#);
    assert_eq!(rig.take(), [format!(r#"#{} ["yes", 2]"#, two.0)]);
    rig.machine.disconnect(rig.now, &ns("/"));
    let told = rig.take();
    assert_eq!(told.last().unwrap(), &format!("#{} Disconnected", one.0));
    assert_eq!(rig.machine.pending_acks(), 1, "that of /a");
}

#[test]
fn a_given_time_counts_from_the_emit_and_the_default_from_the_sending() {
    let mut rig = Rig::new(Config::default());
    rig.machine.connect(&ns("/"));
    let (short, long) = (rig.emit("short", ack_in(5)), rig.emit("long", ack_in(100)));
    let default = rig.emit("default", ack());
    assert_eq!(
        rig.machine.poll_timeout(),
        Some(rig.now + Duration::from_secs(5))
    );
    rig.pass(60);
    assert_eq!(rig.take(), [format!("#{} Timeout", short.0)]);
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    let told = rig.take();
    assert_eq!(
        told,
        [
            "> 0",
            r#"> 21["long"]"#,
            r#"> 22["default"]"#,
            "/ connected"
        ]
    );
    rig.pass(29);
    assert!(rig.take().is_empty());
    rig.pass(1);
    assert_eq!(rig.take(), [format!("#{} Timeout", default.0)]);
    rig.pass(10);
    assert_eq!(rig.take(), [format!("#{} Timeout", long.0)]);
    rig.text(r#"31["late"]"#);
    assert!(rig.take().is_empty());
    assert_eq!(rig.machine.buffered(), 0);
}

#[test]
fn an_ack_whose_event_was_not_sent_outlives_a_connection() {
    let mut rig = Rig::new(Config::default());
    rig.machine.connect(&ns("/"));
    let emit = rig.emit("x", ack());
    rig.machine.handle_opened(rig.now);
    rig.reopen();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    assert_eq!(rig.take(), ["> 0", r#"> 20["x"]"#, "/ connected"]);
    rig.text("30[]");
    assert_eq!(rig.take(), [format!("#{} []", emit.0)]);
}

#[test]
fn an_answer_can_be_given_a_time_later() {
    let mut rig = Rig::connected(&["/"]);
    let second = Duration::from_secs(1);
    let one = rig.emit("x", ack());
    rig.machine.limit_ack(rig.now, &ns("/"), one, second);
    rig.pass(1);
    assert_eq!(rig.take().last().unwrap(), &format!("#{} Timeout", one.0));
    rig.machine.limit_ack(rig.now, &ns("/"), one, second);
    assert_eq!(rig.machine.poll_timeout(), None);

    rig.machine.configure(&ns("/"), retries(1));
    let (two, three) = (rig.emit("2", ack()), rig.emit("3", ack()));
    rig.machine.limit_ack(rig.now, &ns("/"), two, 5 * second);
    rig.machine.limit_ack(rig.now, &ns("/"), three, 7 * second);
    rig.pass(4);
    assert_eq!(rig.take(), [r#"> 21["2"]"#]);
    rig.pass(1);
    assert_eq!(rig.take(), [r#"> 22["2"]"#]);
    rig.text("32[]");
    rig.pass(6);
    assert_eq!(rig.take().last().unwrap(), r#"> 23["3"]"#);
    rig.pass(1);
    assert_eq!(rig.take(), [r#"> 24["3"]"#]);
}

#[test]
fn a_server_can_owe_only_so_many_acks() {
    let config = Config {
        limits: Limits::default().pending_acks(1),
        ..Config::default()
    };
    let mut rig = Rig::new(config);
    rig.emit("x", ack());
    let refused = rig.try_emit("/", "x", &1, ack());
    assert_eq!(refused, Err(SendError::TooManyAcks));
    rig.emit("without", Emit::default());
}

// contract 8

#[test]
fn an_answer_belongs_to_the_connection_of_its_question() {
    let mut rig = Rig::connected(&["/"]);
    rig.text(r#"27["question"]"#);
    rig.take();
    let reply = rig.replies.pop().unwrap();
    assert_eq!(reply.id().get(), 7);
    rig.reopen();
    let answer = RawArgs::encode(&1).unwrap();
    let early = rig.machine.answer(&ns("/"), reply, answer.clone());
    assert_eq!(early, Err(SendError::Closed));
    rig.enter("/");
    let late = rig.machine.answer(&ns("/"), reply, answer);
    assert_eq!(late, Err(SendError::Closed));
}

//! Events that are sent until they are answered.

use super::*;

// contract 7

#[test]
fn with_retries_one_event_is_out_and_each_sending_has_its_id() {
    let mut rig = Rig::with(retries(3));
    let (one, two) = (rig.emit("1", ack()), rig.emit("2", ack()));
    assert_eq!(rig.take(), [r#"> 20["1"]"#]);
    rig.pass(1);
    rig.pass(1);
    assert_eq!(rig.take(), [r#"> 21["1"]"#, r#"> 22["1"]"#]);
    rig.text("30[]");
    assert!(
        rig.take().is_empty(),
        "the answer to a sending of before is late"
    );
    rig.text("32[]");
    assert_eq!(
        rig.take(),
        [format!("#{} []", one.0), r#"> 23["2"]"#.to_owned()]
    );
    rig.text("33[]");
    assert_eq!(rig.take(), [format!("#{} []", two.0)]);
    assert_eq!(rig.machine.buffered(), 0);
}

#[test]
fn an_event_is_given_up_after_its_retries_and_the_next_one_has_its_turn() {
    let mut rig = Rig::with(retries(1));
    let one = rig.emit("1", ack());
    rig.emit("2", Emit::default());
    rig.emit("volatile", Emit::default().volatile());
    assert_eq!(rig.take(), [r#"> 20["1"]"#, r#"> 2["volatile"]"#]);
    rig.pass(1);
    rig.pass(1);
    let told = rig.take();
    assert_eq!(
        told,
        [
            r#"> 21["1"]"#.to_owned(),
            format!("#{} Timeout", one.0),
            r#"> 22["2"]"#.to_owned()
        ]
    );
}

#[test]
fn nothing_of_the_queue_leaves_while_there_is_no_connection() {
    let mut rig = Rig::with(retries(10));
    rig.emit("1", Emit::default());
    assert_eq!(rig.take(), [r#"> 20["1"]"#]);
    rig.machine
        .handle_closed(rig.now, CloseReason::TransportError);
    rig.emit("2", Emit::default());
    rig.pass(100);
    assert_eq!(rig.take(), ["/ left: transport error"]);
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    assert_eq!(rig.take(), ["> 0", r#"> 21["1"]"#, "/ connected"]);
    rig.text("31[]");
    assert_eq!(rig.take().last().unwrap(), r#"> 22["2"]"#);
}

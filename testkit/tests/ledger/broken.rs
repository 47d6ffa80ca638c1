//! One broken log for each thing that can be wrong, and the correct one beside it.

use std::time::Duration;

use testkit::ledger::{How, Ledger, Promise, Record, Side, What, Wrong, check, merge};

use crate::lines::{Log, Shape, TIMEOUT, good};

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

fn wrongs(lines: &[Record], promise: Promise) -> Vec<Wrong> {
    let faults = check(lines, promise).expect_err("a fault");
    faults.into_iter().map(|fault| fault.wrong).collect()
}

#[track_caller]
fn holds(lines: &[Record], promise: Promise) {
    if let Err(faults) = check(lines, promise) {
        panic!("{promise:?}: {}", testkit::ledger::explain(&faults));
    }
}

fn whole() -> Log {
    let mut log = Log::default();
    log.up(1, false);
    for seq in 0..4 {
        log.passes(CLIENT, seq);
        log.passes(SERVER, seq);
    }
    log
}

/// The line with which a message of the server's arrives.
fn arrival(log: &Log, wanted: u64) -> usize {
    let of = |line: &Record| {
        let seq = matches!(line.what, What::Received { seq, .. } if seq == wanted);
        seq && line.side == CLIENT
    };
    log.lines.iter().position(of).expect("it arrived")
}

#[test]
fn without_faults_every_promise_holds() {
    let shape = Shape {
        clients: 3,
        connections: 1,
        messages: 5,
        tail: 0,
        recover: false,
    };
    let lines = good(shape);
    for promise in [
        Promise::P0,
        Promise::P1,
        Promise::P2,
        Promise::P3 {
            ack_timeout: TIMEOUT,
        },
        Promise::P4,
        Promise::P7,
        Promise::P8,
    ] {
        holds(&lines, promise);
    }
    let summary = check(&lines, Promise::P0).expect("it holds");
    assert_eq!((summary.sent, summary.received), (30, 30));
}

#[test]
fn a_dropped_line_is_caught() {
    let mut log = whole();
    let dropped = log.lines.remove(arrival(&log, 1));
    assert_eq!(wrongs(&log.lines, Promise::P0), [Wrong::NeverArrived]);
    assert_eq!(wrongs(&log.lines, Promise::P2), [Wrong::Hole]);
    let faults = check(&log.lines, Promise::P0).expect_err("a fault");
    let (What::Sent { seq: named, .. }, What::Received { seq: meant, .. }) =
        (&faults[0].line.what, &dropped.what)
    else {
        panic!("the fault names the message: {}", faults[0]);
    };
    assert_eq!(named, meant);
}

#[test]
fn a_dropped_sending_is_caught() {
    let mut log = whole();
    let sent = |line: &Record| matches!(line.what, What::Sent { seq: 2, .. });
    let position = log.lines.iter().position(sent).expect("it was sent");
    log.lines.remove(position);
    assert_eq!(wrongs(&log.lines, Promise::P0), [Wrong::NeverSent]);
}

#[test]
fn swapped_lines_are_caught() {
    let mut log = whole();
    let (one, two) = (arrival(&log, 1), arrival(&log, 2));
    log.lines.swap(one, two);
    for promise in [Promise::P0, Promise::P1, Promise::P2, Promise::P4] {
        assert_eq!(wrongs(&log.lines, promise), [Wrong::Reordered]);
    }
}

#[test]
fn a_duplicate_is_caught() {
    let mut log = whole();
    log.arrives(SERVER, 3);
    for promise in [Promise::P0, Promise::P1, Promise::P2, Promise::P4] {
        assert_eq!(wrongs(&log.lines, promise), [Wrong::Twice]);
    }
}

#[test]
fn a_wrong_hash_is_caught() {
    let mut log = whole();
    let position = arrival(&log, 3);
    let What::Received { hash, .. } = &mut log.lines[position].what else {
        panic!("an arrival");
    };
    *hash ^= 1;
    assert!(wrongs(&log.lines, Promise::P0).contains(&Wrong::Altered));
    assert!(wrongs(&log.lines, Promise::P2).contains(&Wrong::Altered));
}

#[test]
fn a_sender_that_counts_wrong_is_caught() {
    let mut log = whole();
    log.passes(CLIENT, 1);
    assert!(wrongs(&log.lines, Promise::P0).contains(&Wrong::Miscounted));
}

#[test]
fn what_was_refused_need_not_arrive_and_must_not() {
    let mut log = whole();
    log.sent(CLIENT, 4);
    log.line(CLIENT, What::Refused { channel: 0, seq: 4 });
    log.passes(CLIENT, 5);
    holds(&log.lines, Promise::P0);
    log.arrives(CLIENT, 4);
    assert_eq!(wrongs(&log.lines, Promise::P0), [Wrong::NeverSent]);
}

#[test]
fn a_lost_end_is_allowed_if_the_receiver_is_told() {
    let mut log = whole();
    log.sent(SERVER, 4);
    assert_eq!(wrongs(&log.lines, Promise::P2), [Wrong::NotTold]);
    log.down();
    holds(&log.lines, Promise::P2);
    // and what belonged to that connection does not come with the next one
    log.up(2, false);
    log.arrives(SERVER, 4);
    assert!(wrongs(&log.lines, Promise::P2).contains(&Wrong::NeverSent));
}

#[test]
fn what_a_client_kept_comes_first_on_the_next_connection() {
    let mut log = whole();
    log.sent(CLIENT, 4);
    log.down();
    // number 5 is kept while there is no connection, for one that never comes about
    log.connection = 2;
    log.sent(CLIENT, 5);
    log.up(3, false);
    let mut lost = log.clone();
    log.arrives(CLIENT, 5);
    log.passes(CLIENT, 6);
    holds(&log.lines, Promise::P2);
    lost.passes(CLIENT, 6);
    assert_eq!(wrongs(&lost.lines, Promise::P2), [Wrong::Hole]);
}

#[test]
fn a_client_that_sends_again_repeats_only_for_a_reason() {
    let p3 = Promise::P3 {
        ack_timeout: TIMEOUT,
    };
    let mut log = Log::default();
    log.up(1, false);
    log.line(CLIENT, What::AckWaited { id: 0 });
    log.passes(CLIENT, 0);
    let early = log.clone();
    log.down();
    log.up(2, false);
    log.arrives(CLIENT, 0);
    let how = How::Answered;
    log.line(CLIENT, What::AckEnded { id: 0, how });
    holds(&log.lines, p3);
    // the same after its time
    let mut late = early.clone();
    late.arrives(CLIENT, 0);
    late.line(CLIENT, What::AckEnded { id: 0, how });
    let repeat = late.lines.len() - 2;
    assert_eq!(wrongs(&late.lines, p3), [Wrong::Twice]);
    late.lines[repeat].at += TIMEOUT;
    holds(&late.lines, p3);
    // and without an end
    assert!(wrongs(&early.lines, p3).contains(&Wrong::NeverEnded));
}

#[test]
fn an_answer_to_what_nobody_saw_is_caught() {
    let mut log = Log::default();
    log.up(1, false);
    log.sent(CLIENT, 0);
    log.waited(0, How::Answered);
    let p3 = Promise::P3 {
        ack_timeout: TIMEOUT,
    };
    assert_eq!(wrongs(&log.lines, p3), [Wrong::AnsweredUnseen]);
}

#[test]
fn a_hole_across_a_recovery_is_caught() {
    let mut log = whole();
    log.sent(SERVER, 4);
    log.sent(SERVER, 5);
    log.down();
    log.up(2, true);
    let silent = log.clone();
    log.arrives(SERVER, 4);
    let holed = log.clone();
    log.arrives(SERVER, 5);
    log.passes(SERVER, 6);
    holds(&log.lines, Promise::P4);
    let mut skipped = silent.clone();
    skipped.arrives(SERVER, 5);
    assert_eq!(wrongs(&skipped.lines, Promise::P4), [Wrong::Hole]);
    // also when nothing comes behind the hole, and the client leaves
    for mut log in [holed, silent] {
        log.down();
        assert!(wrongs(&log.lines, Promise::P4).contains(&Wrong::Hole));
    }
}

#[test]
fn what_is_lost_without_recovery_is_told() {
    let mut log = whole();
    log.sent(SERVER, 4);
    log.down();
    log.up(2, false);
    log.passes(SERVER, 5);
    holds(&log.lines, Promise::P4);
    log.down();
    log.up(3, true);
    log.arrives(SERVER, 5);
    assert_eq!(wrongs(&log.lines, Promise::P4), [Wrong::Twice]);
}

#[test]
fn a_connection_that_only_the_server_knew_does_not_count() {
    let mut log = whole();
    log.down();
    // the server begins anew, its answer is lost, and the client recovers the one before
    log.connection = 2;
    log.line(SERVER, What::Connected { recovered: false });
    log.sent(SERVER, 10);
    log.up(3, true);
    log.passes(SERVER, 11);
    holds(&log.lines, Promise::P4);
}

#[test]
fn an_ack_that_ends_twice_is_caught() {
    let mut log = whole();
    log.waited(0, How::Answered);
    holds(&log.lines, Promise::P7);
    let how = How::Disconnected;
    log.line(CLIENT, What::AckEnded { id: 0, how });
    assert_eq!(wrongs(&log.lines, Promise::P7), [Wrong::EndedTwice]);
}

#[test]
fn an_ack_that_never_ends_is_caught() {
    let mut log = whole();
    log.line(CLIENT, What::AckWaited { id: 0 });
    assert_eq!(wrongs(&log.lines, Promise::P7), [Wrong::NeverEnded]);
    log.line(CLIENT, What::AckWaited { id: 0 });
    assert!(wrongs(&log.lines, Promise::P7).contains(&Wrong::WaitedTwice));
}

#[test]
fn a_second_disconnect_is_caught() {
    let mut log = whole();
    log.down();
    holds(&log.lines, Promise::P8);
    let reason = "again".into();
    log.line(SERVER, What::Disconnected { reason });
    let wrong = Wrong::DisconnectedUnconnected;
    assert_eq!(wrongs(&log.lines, Promise::P8), [wrong]);
}

#[test]
fn a_disconnect_before_its_connect_is_caught() {
    let mut log = Log::default();
    log.down();
    log.up(0, false);
    let wrongs = wrongs(&log.lines, Promise::P8);
    assert!(wrongs.contains(&Wrong::DisconnectedUnconnected));
    assert!(wrongs.contains(&Wrong::NeverDisconnected));
}

#[test]
fn a_client_with_two_sockets_at_once_is_caught() {
    let mut log = whole();
    log.up(2, false);
    log.connection = 1;
    log.down();
    log.connection = 2;
    log.down();
    assert_eq!(wrongs(&log.lines, Promise::P8), [Wrong::Overlap]);
}

#[test]
fn a_side_that_is_told_late_is_caught() {
    let told = Promise::Told(Duration::from_millis(10));
    let mut log = whole();
    log.line(CLIENT, What::Broken);
    log.down();
    holds(&log.lines, told);
    log.lines.last_mut().expect("a line").at += Duration::from_millis(10);
    assert_eq!(wrongs(&log.lines, told), [Wrong::ToldLate]);
    log.lines.pop();
    assert_eq!(wrongs(&log.lines, told), [Wrong::ToldLate]);
}

#[test]
fn logs_of_several_processes_are_merged_by_time() {
    let log = whole();
    let (client, server): (Vec<_>, Vec<_>) = log
        .lines
        .iter()
        .cloned()
        .partition(|line| line.side == CLIENT);
    assert_eq!(merge([server, client]), log.lines);
    // lines of one log keep their order, even if a clock goes back
    let mut odd = log.lines;
    odd[3].at = Duration::ZERO;
    assert_eq!(merge([odd.clone()]), odd);
}

#[test]
fn any_thread_can_write() {
    let ledger = Ledger::new();
    std::thread::scope(|scope| {
        for client in 0..4 {
            let ledger = &ledger;
            scope.spawn(move || {
                let mut log = whole();
                log.lines.iter_mut().for_each(|line| line.client = client);
                log.lines.into_iter().for_each(|line| ledger.record(line));
            });
        }
    });
    holds(&ledger.records(), Promise::P0);
    assert_eq!(ledger.take().len(), 4 * whole().lines.len());
    assert!(ledger.take().is_empty());
}

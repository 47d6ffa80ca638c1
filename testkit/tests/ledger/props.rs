//! Made-up logs: correct ones pass, and one change that matters, anywhere, is caught.

use proptest::prelude::*;
use proptest::sample::Index;
use testkit::ledger::{How, Promise, Record, Side, What, check, explain};

use crate::lines::{Shape, TIMEOUT, good};

fn shapes() -> impl Strategy<Value = Shape> {
    (1u32..4, 1u32..5, 2u64..8, 0u64..4, any::<bool>()).prop_map(
        |(clients, connections, messages, tail, recover)| Shape {
            clients,
            connections,
            messages,
            tail: tail.min(messages - 2),
            recover,
        },
    )
}

/// What is done to a log.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Drop,
    Double,
    Swap,
    Alter,
}

fn harms() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Drop),
        Just(Harm::Double),
        Just(Harm::Swap),
        Just(Harm::Alter)
    ]
}

/// Does it to a line that `meant` chooses; false if there is none.
fn harm(
    lines: &mut Vec<Record>,
    harm: Harm,
    which: Index,
    meant: impl Fn(&[Record], usize) -> bool,
) -> bool {
    let places: Vec<usize> = (0..lines.len()).filter(|at| meant(lines, *at)).collect();
    if places.is_empty() {
        return false;
    }
    let at = places[which.index(places.len())];
    match harm {
        Harm::Drop => drop(lines.remove(at)),
        Harm::Double => lines.insert(at, lines[at].clone()),
        Harm::Alter => match &mut lines[at].what {
            What::Received { hash, .. } | What::Sent { hash, .. } => *hash ^= 1 << 17,
            _ => return false,
        },
        Harm::Swap => match next_of_kind(lines, at) {
            Some(next) => lines.swap(at, next),
            None => return false,
        },
    }
    true
}

/// The next line with which the same side of the same connection receives, or is told, something.
fn next_of_kind(lines: &[Record], at: usize) -> Option<usize> {
    let kind = |line: &Record| match line.what {
        What::Received { .. } => 0,
        What::AckWaited { .. } | What::AckEnded { .. } => 1,
        What::Connected { .. } | What::Disconnected { .. } => 2,
        _ => 3,
    };
    let key = |line: &Record| (line.client, line.connection, line.side, kind(line));
    let same = |next: &usize| key(&lines[*next]) == key(&lines[at]);
    (at + 1..lines.len()).find(same)
}

fn is_arrival(lines: &[Record], at: usize) -> bool {
    matches!(lines[at].what, What::Received { .. })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn correct_logs_pass(shape in shapes()) {
        let lines = good(shape);
        let mut promises = vec![Promise::P7, Promise::P8];
        if !shape.recover {
            promises.push(Promise::P2);
        }
        if shape.recover || shape.tail == 0 {
            promises.push(Promise::P4);
        }
        if shape.tail == 0 {
            promises.extend([Promise::P0, Promise::P1, Promise::P3 { ack_timeout: TIMEOUT }]);
        }
        for promise in promises {
            let outcome = check(&lines, promise);
            prop_assert!(outcome.is_ok(), "{promise:?}: {}", explain(&outcome.expect_err("a fault")));
        }
    }

    #[test]
    fn without_faults_any_harm_to_a_message_is_caught(
        shape in shapes(), kind in harms(), which: Index,
    ) {
        let mut lines = good(Shape { tail: 0, ..shape });
        let message = |lines: &[Record], at: usize| {
            matches!(lines[at].what, What::Sent { .. } | What::Received { .. })
        };
        // the order in which two parties send means nothing
        let harmed = match kind {
            Harm::Swap => harm(&mut lines, kind, which, is_arrival),
            Harm::Double | Harm::Drop | Harm::Alter => harm(&mut lines, kind, which, message),
        };
        prop_assume!(harmed);
        prop_assert!(check(&lines, Promise::P0).is_err());
        prop_assert!(check(&lines, Promise::P1).is_err());
    }

    #[test]
    fn a_hole_in_a_connection_is_caught(shape in shapes(), which: Index) {
        let mut lines = good(Shape { recover: false, ..shape });
        // the last that arrived could have been lost with the connection
        let covered = |lines: &[Record], at: usize| {
            is_arrival(lines, at) && next_of_kind(lines, at).is_some()
        };
        prop_assume!(harm(&mut lines, Harm::Drop, which, covered));
        prop_assert!(check(&lines, Promise::P2).is_err());
    }

    #[test]
    fn connections_may_lose_an_end_and_nothing_else(shape in shapes(), kind in harms(), which: Index) {
        prop_assume!(!matches!(kind, Harm::Drop));
        let mut lines = good(Shape { recover: false, ..shape });
        prop_assume!(harm(&mut lines, kind, which, is_arrival));
        prop_assert!(check(&lines, Promise::P2).is_err());
    }

    #[test]
    fn whatever_is_done_to_a_recovered_stream_is_caught(shape in shapes(), kind in harms(), which: Index) {
        let mut lines = good(Shape { recover: true, ..shape });
        let last = shape.connections;
        let covered = |lines: &[Record], at: usize| {
            let line = &lines[at];
            let to_client = is_arrival(lines, at) && line.side == Side::Client;
            to_client && (line.connection < last || next_of_kind(lines, at).is_some())
        };
        prop_assume!(harm(&mut lines, kind, which, covered));
        prop_assert!(check(&lines, Promise::P4).is_err());
    }

    #[test]
    fn any_harm_to_an_ack_is_caught(shape in shapes(), kind in harms(), which: Index) {
        let mut lines = good(shape);
        let ack = |lines: &[Record], at: usize| {
            matches!(lines[at].what, What::AckWaited { .. } | What::AckEnded { .. })
        };
        let waited = |lines: &[Record], at: usize| matches!(lines[at].what, What::AckWaited { .. });
        let harmed = match kind {
            Harm::Swap => harm(&mut lines, kind, which, waited),
            _ => harm(&mut lines, kind, which, ack),
        };
        prop_assume!(harmed);
        prop_assert!(check(&lines, Promise::P7).is_err());
    }

    #[test]
    fn any_harm_to_the_life_of_a_socket_is_caught(shape in shapes(), kind in harms(), which: Index) {
        let mut lines = good(shape);
        let life = |lines: &[Record], at: usize| {
            matches!(lines[at].what, What::Connected { .. } | What::Disconnected { .. })
        };
        prop_assume!(harm(&mut lines, kind, which, life));
        prop_assert!(check(&lines, Promise::P8).is_err());
    }

    #[test]
    fn lines_survive_as_text(line in lines()) {
        let text = line.to_string();
        prop_assert!(!text.contains('\n'));
        prop_assert_eq!(text.parse::<Record>(), Ok(line));
    }

    #[test]
    fn other_text_is_no_line(text in any::<String>()) {
        if let Ok(line) = text.parse::<Record>() {
            prop_assert_eq!(line.to_string().parse::<Record>(), Ok(line));
        }
    }
}

fn lines() -> impl Strategy<Value = Record> {
    let numbers = (any::<u32>(), any::<u64>(), any::<u64>());
    let what = prop_oneof![
        numbers.prop_map(|(channel, seq, hash)| What::Sent { channel, seq, hash }),
        numbers.prop_map(|(channel, seq, hash)| What::Received { channel, seq, hash }),
        numbers.prop_map(|(channel, seq, _)| What::Refused { channel, seq }),
        any::<u64>().prop_map(|id| What::AckWaited { id }),
        (any::<u64>(), 0..4usize).prop_map(|(id, how)| {
            let all = [How::Answered, How::TimedOut, How::Disconnected, How::Failed];
            let how = all[how];
            What::AckEnded { id, how }
        }),
        any::<bool>().prop_map(|recovered| What::Connected { recovered }),
        any::<String>().prop_map(|reason| What::Disconnected {
            reason: reason.into()
        }),
        Just(What::Broken),
    ];
    let head = (any::<std::time::Duration>(), any::<u32>(), any::<u32>());
    (head, any::<String>(), any::<bool>(), what).prop_map(
        |((at, client, connection), namespace, server, what)| Record {
            at,
            client,
            connection,
            namespace: namespace.into(),
            side: if server { Side::Server } else { Side::Client },
            what,
        },
    )
}

//! What our server is wanted to reach, and whether it did.
//!
//! Times are what the machine and its neighbours make of them, so that a miss is told and is no failure, but for the gates: what
//! they measure is far less noisy. What must not grow unseen is counted in instructions as well (`bench/instructions.txt`).

use super::shots::Shots;
use crate::contestants::{OURS, SOCKETIOXIDE};
use crate::results::{head, row, shown};
use crate::scenarios::{self, Scenario};

#[derive(Clone, Copy, Debug)]
enum Figure {
    /// CPU for an operation, as a multiple of the scenario's base.
    Cpu(&'static str),
    /// Microseconds of it in user code.
    User(&'static str),
    /// How long all but one operation in a hundred take at most, as a multiple of socketioxide's.
    P99(&'static str),
    /// Bytes for an idle connection.
    Memory,
}

use Figure::{Cpu, Memory, P99, User};

/// The most that each may be.
const ALL: [(Figure, f64); 17] = [
    (Cpu("idle"), 1.6),
    (Cpu("cast-1000-p1"), 1.15),
    (Cpu("cast-1000-p8"), 1.5),
    (Cpu("cast-5000-p1"), 1.25),
    (Cpu("cast-5000-p8"), 1.5),
    (Cpu("room-10"), 1.2),
    (Cpu("echo-1"), 1.15),
    (Cpu("echo-16"), 1.7),
    (Cpu("binary-1"), 1.15),
    (Cpu("binary-16"), 1.4),
    (Cpu("polling"), 0.7),
    (Cpu("storm"), 1.35),
    (Cpu("upgrade"), 0.7),
    (Memory, 3000.0),
    (User("cast-1000-p1"), 0.5),
    (User("cast-5000-p1"), 1.0),
    (P99("room-10"), 0.25),
];

impl Figure {
    fn is_gate(self) -> bool {
        matches!(self, User(_) | P99(_) | Memory)
    }

    fn of(self, shots: &Shots) -> Option<f64> {
        match self {
            Self::Cpu(name) => {
                let base = scenario(name)?.base.name();
                shots.ratio(name, OURS, base, |figures| figures.each())
            }
            Self::User(name) => shots.median(name, OURS, |figures| figures.user_each()),
            Self::P99(name) => shots.ratio(name, OURS, SOCKETIOXIDE, |figures| figures.p99()),
            Self::Memory => shots.bytes(OURS),
        }
    }

    fn title(self) -> String {
        match self {
            Self::Cpu(name) => {
                let base = scenario(name).map_or("?", |scenario| scenario.base.name());
                format!("{name}, CPU, x {base}")
            }
            Self::User(name) => format!("{name}, us of user code"),
            Self::P99(name) => format!("{name}, p99, x {SOCKETIOXIDE}"),
            Self::Memory => "bytes a connection".to_owned(),
        }
    }
}

fn scenario(name: &str) -> Option<Scenario> {
    scenarios::ALL.into_iter().find(|one| one.name == name)
}

/// Whether no gate that something was measured for is missed.
pub(super) fn gates_hold(shots: &Shots) -> bool {
    ALL.into_iter()
        .filter(|(figure, _)| figure.is_gate())
        .all(|(figure, most)| figure.of(shots).is_none_or(|measured| measured <= most))
}

/// A row for each target that something was measured for, if there is one.
pub(super) fn table(shots: &Shots) -> Option<String> {
    let judged = |(figure, most): (Figure, f64)| {
        let measured = figure.of(shots)?;
        Some(row([
            figure.title(),
            shown(most),
            shown(measured),
            verdict(measured, most).to_owned(),
        ]))
    };
    let rows: String = ALL.into_iter().filter_map(judged).collect();
    let head = head(&["wanted of ours", "at most", "measured", "verdict"]);
    (!rows.is_empty()).then(|| head + &rows)
}

fn verdict(measured: f64, most: f64) -> &'static str {
    if measured <= most {
        "met"
    } else {
        "**missed**"
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hdrhistogram::Histogram;

    use super::super::shots::Shot;
    use super::*;
    use crate::contestants::FLOOR;
    use crate::measure::Figures;

    fn shot(contestant: &'static str, name: &str, cpu: u64, p99: u64) -> Shot {
        let mut times = Histogram::new(3).expect("a histogram");
        times.record(p99).expect("in bounds");
        Shot {
            round: 0,
            scenario: scenario(name).expect("a scenario"),
            contestant,
            figures: Figures {
                operations: 100,
                wall: Duration::from_secs(1),
                cpu: Duration::from_micros(cpu),
                user: Duration::from_micros(cpu / 2),
                own: Duration::ZERO,
                times,
                disorder: 0,
                bytes: None,
            },
        }
    }

    #[test]
    fn every_target_is_of_a_scenario() {
        for (figure, _) in ALL {
            if let Cpu(name) | User(name) | P99(name) = figure {
                assert!(scenario(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn what_was_measured_is_judged_and_nothing_else() {
        let mut shots = Shots::default();
        assert_eq!(table(&shots), None);
        assert!(gates_hold(&shots));
        for (contestant, cpu, p99) in [(FLOOR, 100, 90), (SOCKETIOXIDE, 150, 400), (OURS, 120, 100)]
        {
            shots.push(shot(contestant, "room-10", cpu, p99));
        }
        assert!(gates_hold(&shots));
        shots.push(shot(OURS, "echo-1", 900, 0));
        assert!(gates_hold(&shots), "a ratio is none");
        shots.push(shot(OURS, "cast-1000-p1", 120, 0));
        assert!(!gates_hold(&shots));
        let table = table(&shots).expect("a table");
        assert_eq!(
            table.lines().skip(2).collect::<Vec<_>>(),
            [
                "| room-10, CPU, x floor-raw | 1.20 | 1.20 | met |",
                "| cast-1000-p1, us of user code | 0.50 | 0.60 | **missed** |",
                "| room-10, p99, x socketioxide | 0.25 | 0.25 | met |",
            ]
        );
    }
}

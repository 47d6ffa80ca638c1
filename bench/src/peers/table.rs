//! The tables of a run.

use super::Shot;
use crate::contestants::{Contestant, FLOOR, OURS, SOCKETIOXIDE};
use crate::results::{cell, head, median, row};
use crate::scenarios::{Base, Scenario};

pub(super) fn all(shots: &[Shot], scenarios: &[Scenario], contestants: &[Contestant]) -> String {
    let names: Vec<&'static str> = contestants.iter().map(|one| one.name).collect();
    format!(
        "{}\n{}",
        ratios(shots, scenarios, &names),
        costs(shots, scenarios, &names)
    )
}

/// One row for each contestant: its CPU for an operation as a multiple of the base's, and its memory.
fn ratios(shots: &[Shot], scenarios: &[Scenario], names: &[&'static str]) -> String {
    let title = |one: &Scenario| match one.base {
        Base::Floor => one.name.to_owned(),
        Base::Socketioxide => format!("{}*", one.name),
    };
    let titles: Vec<String> = scenarios.iter().map(title).collect();
    let mut cells = vec!["CPU, x floor-raw (*: x socketioxide)"];
    cells.extend(titles.iter().map(String::as_str));
    cells.push("bytes a connection");
    let mut table = head(&cells);
    for name in names {
        let disordered = shots
            .iter()
            .any(|shot| shot.contestant == *name && shot.figures.disorder > 0);
        let mut cells = vec![format!("{name}{}", if disordered { " †" } else { "" })];
        for scenario in scenarios {
            cells.push(cell(ratio(shots, scenario, name)));
        }
        let bytes = of(shots, name).filter_map(|shot| shot.figures.bytes);
        cells.push(cell(median(bytes)));
        table += &row(cells);
    }
    table
}

/// The median of the ratios within a round.
fn ratio(shots: &[Shot], scenario: &Scenario, name: &str) -> Option<f64> {
    let base = match scenario.base {
        Base::Floor => FLOOR,
        Base::Socketioxide => SOCKETIOXIDE,
    };
    let find = |name: &str, round| {
        let mut own = of(shots, name).filter(|shot| shot.scenario.name == scenario.name);
        own.find(|shot| shot.round == round)
            .map(|shot| shot.figures.each())
    };
    let rounds = shots.iter().map(|shot| shot.round).max()?;
    median((0..=rounds).filter_map(|round| Some(find(name, round)? / find(base, round)?)))
}

/// One row for each scenario: microseconds, and how long an operation took.
fn costs(shots: &[Shot], scenarios: &[Scenario], names: &[&'static str]) -> String {
    let mut cells = vec!["us of CPU (user), p50 / p99", "an operation"];
    cells.extend(names);
    let mut table = head(&cells);
    for scenario in scenarios {
        let mut cells = vec![scenario.name.to_owned(), scenario.operation.to_owned()];
        for name in names {
            let own: Vec<&Shot> = of(shots, name)
                .filter(|shot| shot.scenario.name == scenario.name)
                .collect();
            let each = |read: fn(&Shot) -> f64| cell(median(own.iter().map(|shot| read(shot))));
            if own.is_empty() {
                cells.push("-".to_owned());
                continue;
            }
            let mut text = format!(
                "{} ({})",
                each(|shot| shot.figures.each()),
                each(|shot| shot.figures.user_each())
            );
            if own.iter().any(|shot| !shot.figures.times.is_empty()) {
                let p50 = each(|shot| shot.figures.times.value_at_quantile(0.5) as f64);
                let p99 = each(|shot| shot.figures.times.value_at_quantile(0.99) as f64);
                text += &format!(", {p50} / {p99}");
            }
            cells.push(if *name == OURS {
                format!("**{text}**")
            } else {
                text
            });
        }
        table += &row(cells);
    }
    table
}

fn of<'a>(shots: &'a [Shot], name: &'a str) -> impl Iterator<Item = &'a Shot> {
    shots.iter().filter(move |shot| shot.contestant == name)
}

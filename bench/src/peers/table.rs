//! The tables of a run.

use super::shots::{Read, Shots};
use super::targets;
use crate::contestants::{Contestant, OURS};
use crate::results::{cell, head, row};
use crate::scenarios::{Base, Scenario};

pub(super) fn all(shots: &Shots, scenarios: &[Scenario], contestants: &[Contestant]) -> String {
    let names: Vec<&'static str> = contestants.iter().map(|one| one.name).collect();
    let tables = [
        Some(ratios(shots, scenarios, &names)),
        targets::table(shots),
        Some(costs(shots, scenarios, &names)),
    ];
    tables.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// One row for each contestant: its CPU for an operation as a multiple of the base's, and its memory.
fn ratios(shots: &Shots, scenarios: &[Scenario], names: &[&'static str]) -> String {
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
        let disordered = shots.of(name).any(|shot| shot.figures.disorder > 0);
        let mut cells = vec![format!("{name}{}", if disordered { " †" } else { "" })];
        for scenario in scenarios {
            let base = scenario.base.name();
            let ratio = shots.ratio(scenario.name, name, base, |figures| figures.each());
            cells.push(cell(ratio));
        }
        cells.push(cell(shots.bytes(name)));
        table += &row(cells);
    }
    table
}

/// One row for each scenario: microseconds, and how long an operation took.
fn costs(shots: &Shots, scenarios: &[Scenario], names: &[&'static str]) -> String {
    let mut cells = vec!["us of CPU (user), p50 / p99", "an operation"];
    cells.extend(names);
    let mut table = head(&cells);
    for scenario in scenarios {
        let mut cells = vec![scenario.name.to_owned(), scenario.operation.to_owned()];
        cells.extend(
            names
                .iter()
                .map(|name| costs_of(shots, scenario.name, name)),
        );
        table += &row(cells);
    }
    table
}

fn costs_of(shots: &Shots, scenario: &str, name: &str) -> String {
    let mut own = shots.at(scenario, name).peekable();
    if own.peek().is_none() {
        return cell(None);
    }
    let each = |read: Read| cell(shots.median(scenario, name, read));
    let (cpu, user) = (
        each(|figures| figures.each()),
        each(|figures| figures.user_each()),
    );
    let mut text = format!("{cpu} ({user})");
    if own.any(|shot| !shot.figures.times.is_empty()) {
        let (p50, p99) = (each(|figures| figures.p50()), each(|figures| figures.p99()));
        text += &format!(", {p50} / {p99}");
    }
    if name == OURS {
        format!("**{text}**")
    } else {
        text
    }
}

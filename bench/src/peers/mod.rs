//! Our server beside others and beside floors.
//!
//! In each round every contestant plays every scenario, the contestants of a scenario one after the other, each on a
//! fresh process; ratios are taken within a round, and the table shows their medians.

mod shots;
mod table;
mod targets;

use std::time::Instant;

use serde_json::json;

use crate::circumstances::{circumstances, machine, others};
use crate::contestants::Contestant;
use crate::cpus::{Cpus, run_on};
use crate::flags::Flags;
use crate::measure::{Figures, Times};
use crate::page::publish;
use crate::results::{keep, list, shown};
use crate::scenarios::{self, Scenario};
use crate::{Outcome, progress};
use shots::{Shot, Shots};

pub(crate) fn run(flags: &Flags) -> Outcome<bool> {
    let cpus = Cpus::choose()?;
    run_on(&[cpus.generator])?;
    let (contestants, missing) = chosen(flags)?;
    for what in &missing {
        progress(format!("left out: {what}"));
    }
    let scenarios: Vec<Scenario> = chosen_scenarios(flags);
    let rounds = flags.rounds.unwrap_or(if flags.quick { 1 } else { 3 });
    let times = flags.times(if flags.quick { 1.5 } else { 3.0 });
    let pairs = scenarios
        .iter()
        .map(|scenario| contestants.iter().filter(|one| one.plays(scenario)).count());
    let all = pairs.sum::<usize>() * rounds;
    let start = Instant::now();
    let mut shots = Shots::default();
    let mut failures = Vec::new();
    for round in 0..rounds {
        for scenario in &scenarios {
            // another one begins in each round
            let turned = contestants
                .iter()
                .cycle()
                .skip(round)
                .take(contestants.len());
            for contestant in turned.filter(|one| one.plays(scenario)) {
                let (name, done) = (contestant.name, shots.len() + failures.len() + 1);
                let at = format!(
                    "[{done}/{all}] {:>4} s  {:<14}{name:<14}",
                    start.elapsed().as_secs(),
                    scenario.name
                );
                match shoot(contestant, scenario, cpus, times) {
                    Ok(figures) => {
                        progress(format!("{at} {}", line(&figures)));
                        shots.push(Shot {
                            round,
                            scenario: *scenario,
                            contestant: name,
                            figures,
                        });
                    }
                    Err(error) => {
                        progress(format!("{at} FAILED: {error}"));
                        failures.push(format!("{name} failed in {}: {error}", scenario.name));
                    }
                }
            }
        }
    }
    let seconds = times.window.as_secs_f64();
    let how = format!("{rounds} rounds, windows of {seconds:.1} s");
    let mut text = format!(
        "{}{}\n\n{}",
        circumstances(&how),
        others(contestants.iter().map(|one| one.name)),
        table::all(&shots, &scenarios, &contestants)
    );
    let all_played = failures.is_empty();
    failures.extend(missing.iter().map(|what| format!("left out: {what}")));
    text += &list(&failures);
    publish("peers", &text, flags)?;
    let file = keep(
        "peers",
        &json!({ "machine": machine(), "shots": shots.raw() }),
    )?;
    println!("Raw results: {}", file.display());
    // a quick run's windows are too short to judge by
    Ok(all_played && (flags.quick || targets::gates_hold(&shots)))
}

fn shoot(
    contestant: &Contestant,
    scenario: &Scenario,
    cpus: Cpus,
    times: Times,
) -> Outcome<Figures> {
    let server = contestant.start(cpus)?;
    (scenario.run)(&server, times)
}

fn chosen(flags: &Flags) -> Outcome<(Vec<Contestant>, Vec<String>)> {
    let (mut there, missing) = Contestant::all()?;
    if flags.choose(there.iter().map(|one| one.name)) {
        there.retain(|one| flags.wants(one.name));
    } else if flags.quick {
        there.retain(|one| one.quick);
        // and no word of those that a quick run does not ask for
        return Ok((
            there,
            missing
                .into_iter()
                .filter(|what| what.starts_with("socketioxide"))
                .collect(),
        ));
    }
    Ok((there, missing))
}

fn chosen_scenarios(flags: &Flags) -> Vec<Scenario> {
    let by_name = flags.choose(scenarios::ALL.iter().map(|one| one.name));
    let wanted = |one: &Scenario| {
        if by_name {
            flags.wants(one.name)
        } else {
            one.quick || !flags.quick
        }
    };
    scenarios::ALL.into_iter().filter(wanted).collect()
}

fn line(figures: &Figures) -> String {
    let memory = figures
        .bytes
        .map(|bytes| format!(", {} bytes each", shown(bytes)));
    format!(
        "{:>6} us ({} user), {} a second{}",
        shown(figures.each()),
        shown(figures.user_each()),
        shown(figures.rate()),
        memory.unwrap_or_default()
    )
}

//! The server on one core and on two.

mod backlog;
mod live;

use serde_json::json;

use crate::circumstances::{circumstances, machine};
use crate::contestants::Contestant;
use crate::cpus::{Cpus, run_on};
use crate::flags::Flags;
use crate::page::publish;
use crate::results::{cell, head, keep, median, row};
use crate::{Outcome, progress};
use backlog::{LOADS, Load, Shot};

/// Ours, and what the machine and tokio make of two workers where a server does nearly nothing.
const SERVERS: [(&str, &str); 2] = [("ours", "bench_server"), ("floor-tokio", "floor_tokio")];
const WORKERS: [usize; 2] = [1, 2];
/// With fewer cores busy, one waited for the other; with more CPU, they were in each other's way.
const BUSY: f64 = 1.8;
const DEARER: f64 = 1.1;

/// Backlogs of one load, by the number of workers.
#[derive(Debug)]
struct Pair {
    server: &'static str,
    load: Load,
    shots: [Vec<Shot>; 2],
}

pub(crate) fn run(flags: &Flags) -> Outcome<bool> {
    let cpus = Cpus::choose()?;
    let rounds = flags.rounds.unwrap_or(if flags.quick { 1 } else { 3 });
    let count = if flags.quick { 3 } else { 6 };
    run_on(&[cpus.generator])?;
    let mut pairs = Vec::new();
    for load in LOADS {
        for (server, program) in SERVERS.into_iter().filter(|(name, _)| flags.wants(name)) {
            let mut shots = [Vec::new(), Vec::new()];
            for _ in 0..rounds {
                for (workers, shots) in WORKERS.into_iter().zip(&mut shots) {
                    let own = [cpus.server];
                    let both = cpus.both();
                    let on = if workers == 1 {
                        own.as_slice()
                    } else {
                        both.as_slice()
                    };
                    let running =
                        Contestant::own(server, program)?.set("TOKIO_WORKER_THREADS", workers);
                    let more = load.shots(&running.start_on(on)?, count);
                    let more = more.map_err(|error| format!("{server}, {}: {error}", load.name))?;
                    let rate = cell(median(more.iter().map(Shot::rate)));
                    progress(format!(
                        "{server:<12} {:<28} {workers} workers: {rate} a second",
                        load.name
                    ));
                    shots.extend(more);
                }
            }
            pairs.push(Pair {
                server,
                load,
                shots,
            });
        }
    }
    let (live, live_table) = live::run(flags, cpus, rounds)?;
    let how = format!("{rounds} rounds of {count} backlogs, medians");
    let text = format!("{}\n\n{}\n{live_table}", circumstances(&how), table(&pairs));
    publish("workers", &text, flags)?;
    let raw: Vec<_> = pairs.iter().map(Pair::raw).collect();
    let file = keep(
        "workers",
        &json!({ "machine": machine(), "backlogs": raw, "live": live }),
    )?;
    println!("Raw results: {}", file.display());
    Ok(true)
}

fn table(pairs: &[Pair]) -> String {
    let mut table = head(&[
        "server, a backlog of",
        "a second on one core",
        "on two",
        "gain",
        "us of CPU on one core",
        "on two",
        "cores busy on one",
        "on two",
        "held back by",
    ]);
    for Pair {
        server,
        load,
        shots: [one, two],
    } in pairs
    {
        let middle = |shots: &[Shot], read: fn(&Shot) -> f64| median(shots.iter().map(read));
        let rates = (middle(one, Shot::rate), middle(two, Shot::rate));
        table += &row([
            format!("{server}, {}", load.name),
            cell(rates.0),
            cell(rates.1),
            cell(rates.1.zip(rates.0).map(|(two, one)| two / one)),
            cell(middle(one, Shot::each)),
            cell(middle(two, Shot::each)),
            cell(middle(one, Shot::cores)),
            cell(middle(two, Shot::cores)),
            verdict(
                middle(one, Shot::each),
                middle(two, Shot::each),
                middle(two, Shot::cores),
            ),
        ]);
    }
    table
}

/// Why two cores do not do twice as much, from what can be seen outside.
fn verdict(one: Option<f64>, two: Option<f64>, cores: Option<f64>) -> String {
    let mut reasons = Vec::new();
    if let Some(cores) = cores.filter(|cores| *cores < BUSY) {
        reasons.push(format!("work for {cores:.1} cores at a time"));
    }
    if let Some(more) = two
        .zip(one)
        .map(|(two, one)| two / one)
        .filter(|more| *more > DEARER)
    {
        reasons.push(format!("{:.0} % more CPU", (more - 1.0) * 100.0));
    }
    if reasons.is_empty() {
        "nothing".to_owned()
    } else {
        reasons.join(", ")
    }
}

impl Pair {
    fn raw(&self) -> serde_json::Value {
        let shot = |shot: &Shot| json!({ "a_second": shot.rate(), "cpu_us": shot.each(), "cores": shot.cores() });
        let [one, two] = self
            .shots
            .each_ref()
            .map(|shots| shots.iter().map(shot).collect::<Vec<_>>());
        json!({ "server": self.server, "load": self.load.name, "one": one, "two": two })
    }
}

//! The runs. Each starts a server of its own, loads it, and says what must hold.

mod churn;
mod fanout;
mod idle;
mod memory;
mod messages;
mod samples;
mod slow;
mod soak;
mod stuck;
mod upgrades;

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;

use crate::Outcome;
use crate::report::Report;
use crate::settings::Settings;

type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;
type Scenario = for<'a> fn(Settings, &'a mut Report) -> Running<'a>;

/// Name, what it does and its settings, the run.
const ALL: [(&str, &str, Scenario); 11] = [
    ("churn", churn::HELP, |settings, report| {
        Box::pin(churn::run(settings, report))
    }),
    ("idle", idle::HELP, |settings, report| {
        Box::pin(idle::run(settings, report))
    }),
    ("messages", messages::HELP, |settings, report| {
        Box::pin(messages::run(settings, report))
    }),
    ("burst", messages::BURST, |settings, report| {
        Box::pin(messages::burst(settings, report))
    }),
    ("upgrades", upgrades::HELP, |settings, report| {
        Box::pin(upgrades::run(settings, report))
    }),
    ("fanout", fanout::HELP, |settings, report| {
        Box::pin(fanout::run(settings, report))
    }),
    ("readers", slow::READERS, |settings, report| {
        Box::pin(slow::readers(settings, report))
    }),
    ("stuck", stuck::HELP, |settings, report| {
        Box::pin(stuck::run(settings, report))
    }),
    ("descriptors", slow::DESCRIPTORS, |settings, report| {
        Box::pin(slow::descriptors(settings, report))
    }),
    ("memory", memory::HELP, |settings, report| {
        Box::pin(memory::run(settings, report))
    }),
    ("soak", soak::HELP, |settings, report| {
        Box::pin(soak::run(settings, report))
    }),
];

pub(crate) fn find(name: &str) -> Option<Scenario> {
    let found = ALL.iter().find(|(known, ..)| *known == name);
    found.map(|(_, _, scenario)| *scenario)
}

pub(crate) fn help() -> String {
    let mut help = "usage: load NAME [setting=value...]\n".to_owned();
    for (name, what, _) in ALL {
        write!(help, "\n  {name:<12} {what}\n").ok();
    }
    help
}

//! [`Shots`]: all measurements of a run, and what is read from them.

use serde_json::{Value, json};

use crate::measure::Figures;
use crate::results::{median, raw};
use crate::scenarios::Scenario;

/// One measurement.
#[derive(Debug)]
pub(super) struct Shot {
    pub(super) round: usize,
    pub(super) scenario: Scenario,
    pub(super) contestant: &'static str,
    pub(super) figures: Figures,
}

/// What is read from a measurement.
pub(super) type Read = fn(&Figures) -> f64;

#[derive(Debug, Default)]
pub(super) struct Shots(Vec<Shot>);

impl Shots {
    pub(super) fn push(&mut self, shot: Shot) {
        self.0.push(shot);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those of a contestant.
    pub(super) fn of<'a>(&'a self, contestant: &'a str) -> impl Iterator<Item = &'a Shot> {
        let own = move |shot: &&Shot| shot.contestant == contestant;
        self.0.iter().filter(own)
    }

    /// Those of a contestant in a scenario.
    pub(super) fn at<'a>(
        &'a self,
        scenario: &'a str,
        contestant: &'a str,
    ) -> impl Iterator<Item = &'a Shot> {
        let there = move |shot: &&Shot| shot.scenario.name == scenario;
        self.of(contestant).filter(there)
    }

    pub(super) fn median(&self, scenario: &str, contestant: &str, read: Read) -> Option<f64> {
        median(
            self.at(scenario, contestant)
                .map(|shot| read(&shot.figures)),
        )
    }

    /// The median of the ratios within a round.
    pub(super) fn ratio(
        &self,
        scenario: &str,
        contestant: &str,
        base: &str,
        read: Read,
    ) -> Option<f64> {
        let ratios = self.at(scenario, contestant).filter_map(|own| {
            let base = self
                .at(scenario, base)
                .find(|shot| shot.round == own.round)?;
            Some(read(&own.figures) / read(&base.figures))
        });
        median(ratios)
    }

    /// Memory for a connection.
    pub(super) fn bytes(&self, contestant: &str) -> Option<f64> {
        median(self.of(contestant).filter_map(|shot| shot.figures.bytes))
    }

    pub(super) fn raw(&self) -> Vec<Value> {
        self.0.iter().map(Shot::raw).collect()
    }
}

impl Shot {
    fn raw(&self) -> Value {
        json!({
            "round": self.round,
            "scenario": self.scenario.name,
            "contestant": self.contestant,
            "figures": raw(&self.figures),
        })
    }
}

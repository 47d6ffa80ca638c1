//! `--flag value` words on the command line.

use std::time::Duration;

use crate::Outcome;
use crate::measure::Times;

/// What a run was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) quick: bool,
    pub(crate) rounds: Option<usize>,
    seconds: Option<f64>,
    only: Vec<String>,
}

impl Flags {
    pub(crate) fn parse(words: &[String]) -> Outcome<Self> {
        let mut flags = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--quick" => flags.quick = true,
                "--rounds" => flags.rounds = Some(value()?.parse()?),
                "--seconds" => flags.seconds = Some(value()?.parse()?),
                "--only" => flags.only = value()?.split(',').map(str::to_owned).collect(),
                unknown => return Err(format!("no flag is called {unknown:?}").into()),
            }
        }
        Ok(flags)
    }

    /// Whether nothing is shortened or left out.
    pub(crate) fn is_whole(&self) -> bool {
        !self.quick && self.only.is_empty()
    }

    /// Whether something is to run.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// Whether one of these was named by `--only`, so that it chooses among them.
    pub(crate) fn choose<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        names
            .into_iter()
            .any(|name| self.only.iter().any(|only| only == name))
    }

    /// The window, or as many seconds as usual; the warm-up is a third of it.
    pub(crate) fn times(&self, seconds: f64) -> Times {
        let window = Duration::from_secs_f64(self.seconds.unwrap_or(seconds));
        Times {
            warm: window / 3,
            window,
        }
    }
}

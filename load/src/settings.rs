//! `name=value` words on the command line.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use crate::Outcome;

/// What a run was told.
#[derive(Debug)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(crate) fn parse(words: &[String]) -> Outcome<Self> {
        let pair = |word: &String| {
            let (name, value) = word.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        let pairs: Option<BTreeMap<String, String>> = words.iter().map(pair).collect();
        Ok(Self(pairs.ok_or("settings are name=value")?))
    }

    /// The value of a setting, which is then known.
    pub(crate) fn take<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> Outcome<T> {
        let Some(text) = self.0.remove(name) else {
            return Ok(default);
        };
        text.parse()
            .map_err(|error| format!("{name}={text}: {error}").into())
    }

    /// Refuses what no run knows.
    pub(crate) fn done(self) -> Outcome {
        match self.0.into_keys().next() {
            Some(unknown) => Err(format!("this run has no setting {unknown:?}").into()),
            None => Ok(()),
        }
    }
}

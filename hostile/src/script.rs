//! A script: a name, the row it answers, what it does, and its bounds.

use std::time::Duration;

use crate::{Attack, Outcome};

const MB: u64 = 1024 * 1024;

/// One attack.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it does, in a few words.
    pub name: &'static str,
    /// The entries of the threat table that it answers.
    pub row: &'static str,
    /// The attack. Its connections are closed when it returns.
    pub run: fn(&Attack<'_>) -> Outcome,
    /// How much the server's resident memory may grow meanwhile.
    pub memory: u64,
    /// How much CPU time the server may take for all of it.
    pub cpu: Duration,
    /// pingInterval and pingTimeout in milliseconds.
    pub heartbeat: (u64, u64),
    /// Other settings of the server, as the target reads them.
    pub settings: &'static [(&'static str, &'static str)],
    /// Settings only of the short form: time limits that would be waited for.
    pub short: &'static [(&'static str, &'static str)],
    /// File descriptors that the server may have.
    pub descriptors: Option<u32>,
    /// Why its memory is not that of the bytes which were sent, if it is not.
    pub apart: Option<&'static str>,
}

impl Script {
    /// A script with the bounds of most: 16 MiB and 5 s.
    pub const fn new(
        name: &'static str,
        row: &'static str,
        run: fn(&Attack<'_>) -> Outcome,
    ) -> Self {
        Self {
            name,
            row,
            run,
            memory: 16 * MB,
            cpu: Duration::from_secs(5),
            heartbeat: (300, 200),
            settings: &[],
            short: &[],
            descriptors: None,
            apart: None,
        }
    }

    /// Bounds the growth of memory, in bytes.
    #[must_use]
    pub const fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Bounds the CPU time of all of it.
    #[must_use]
    pub const fn cpu(mut self, limit: Duration) -> Self {
        self.cpu = limit;
        self
    }

    /// For attackers that need longer than a heartbeat and do not answer it.
    #[must_use]
    pub const fn calm(mut self) -> Self {
        self.heartbeat = (25_000, 20_000);
        self
    }

    /// Other settings of the server.
    #[must_use]
    pub const fn settings(mut self, settings: &'static [(&'static str, &'static str)]) -> Self {
        self.settings = settings;
        self
    }

    /// Time limits that are waited for: the default in full, these in the short form.
    #[must_use]
    pub const fn short(mut self, settings: &'static [(&'static str, &'static str)]) -> Self {
        self.short = settings;
        self
    }

    /// File descriptors that the server may have.
    #[must_use]
    pub const fn descriptors(mut self, count: u32) -> Self {
        self.descriptors = Some(count);
        self
    }

    /// What takes memory is not what was sent but what it asked for; for the comparison with the bytes it stands apart.
    #[must_use]
    pub const fn apart(mut self, why: &'static str) -> Self {
        self.apart = Some(why);
        self
    }

    /// What the server announces, as the deadline behind an attack.
    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_millis(self.heartbeat.0 + self.heartbeat.1)
    }
}

/// How fast the server is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Built for release: every bound holds.
    Release,
    /// Built for debugging: CPU time is multiplied by 20.
    Debug,
    /// Under a checker of memory: no bound of CPU time, memory or latency, and 30 times the patience.
    Checked,
}

impl Pace {
    /// That of this build.
    #[must_use]
    pub fn of_this_build() -> Self {
        if cfg!(debug_assertions) {
            Self::Debug
        } else {
            Self::Release
        }
    }

    pub(crate) fn cpu(self, took: Duration, limit: Duration) -> bool {
        match self {
            Self::Release => took <= limit,
            Self::Debug => took <= limit * 20,
            Self::Checked => true,
        }
    }

    pub(crate) fn stretch(self, limit: Duration) -> Duration {
        if self == Self::Checked {
            limit * 30
        } else {
            limit
        }
    }
}

//! [`run`]: a part, from its plan to its figures.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use testkit::{Panics, Random};

use crate::{Failure, Outcome, cuts, handlers, offline, processes, upgrades};

/// How much is run, and what it follows from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Everything, or a choice that takes seconds.
    pub full: bool,
    /// What choices follow from.
    pub seed: u64,
    /// Only cases that are shown with this text in them, each so many times.
    pub only: Option<(String, usize)>,
    /// The server that runs as a process.
    pub target: PathBuf,
}

impl Plan {
    /// The one of the environment: `FAULTS_SEED`, `FAULTS_ONLY`, `FAULTS_TIMES`.
    #[must_use]
    pub fn of_environment(full: bool, target: PathBuf) -> Self {
        let only = std::env::var("FAULTS_ONLY").ok().map(|text| {
            let times = std::env::var("FAULTS_TIMES").ok();
            let times = times.and_then(|times| times.parse().ok()).unwrap_or(1);
            (text, times)
        });
        Self {
            full,
            seed: testkit::seed("FAULTS_SEED", 1),
            only,
            target,
        }
    }

    /// All of it, or a count that follows from the seed, spread over all of it.
    pub(crate) fn some<T: fmt::Debug + Clone>(&self, all: Vec<T>, count: usize) -> Vec<T> {
        if let Some((text, times)) = &self.only {
            let meant = all
                .into_iter()
                .filter(|case| format!("{case:?}").contains(text));
            return meant.flat_map(|case| vec![case; *times]).collect();
        }
        if self.full || all.len() <= count {
            return all;
        }
        let (total, mut random) = (all.len(), Random::new(self.seed));
        let mut all = all.into_iter();
        let pieces = (0..count).map(|piece| {
            let size = total * (piece + 1) / count - total * piece / count;
            let at = usize::try_from(random.below(size as u64)).unwrap_or_default();
            let mut piece = all.by_ref().take(size).skip(at);
            let chosen = piece.next();
            piece.for_each(drop);
            chosen
        });
        pieces.flatten().collect()
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = Outcome<String>> + Send + 'a>>;

/// A kind of fault.
#[derive(Clone, Copy)]
pub struct Part {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Which rows of the fault model it is about.
    pub rows: &'static str,
    run: for<'a> fn(&'a Plan) -> Running<'a>,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All of them.
pub const PARTS: &[Part] = &[
    Part {
        name: "cuts",
        rows: "F1",
        run: |plan| Box::pin(cuts::run(plan)),
    },
    Part {
        name: "upgrades",
        rows: "F20",
        run: |plan| Box::pin(upgrades::by_hand(plan)),
    },
    Part {
        name: "our-upgrades",
        rows: "F20",
        run: |plan| Box::pin(upgrades::ours(plan)),
    },
    Part {
        name: "kill",
        rows: "F3",
        run: |plan| Box::pin(processes::kill(plan)),
    },
    Part {
        name: "stop",
        rows: "F18",
        run: |plan| Box::pin(processes::stop(plan)),
    },
    Part {
        name: "term",
        rows: "F19",
        run: |plan| Box::pin(processes::term(plan)),
    },
    Part {
        name: "handlers",
        rows: "F23 F24 F26",
        run: |plan| Box::pin(handlers::run(plan)),
    },
    Part {
        name: "offline",
        rows: "F27",
        run: |plan| Box::pin(offline::run(plan)),
    },
];

/// Runs a part; what it has to tell, in a line.
///
/// # Errors
/// What did not come out as it should.
pub fn run(part: &Part, plan: &Plan) -> Outcome<String> {
    // thousands of connections, here and in the servers that inherit it
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current, ..limit })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let (begun, panics) = (Instant::now(), Panics::watch());
    let told = runtime.block_on((part.run)(plan));
    let panics = panics.anywhere();
    let (name, seed) = (part.name, plan.seed);
    match told {
        Ok(_) if panics > 0 => Err(Failure::new(format!(
            "{name}, seed {seed}: {panics} panics that nobody meant"
        ))),
        Ok(figures) => Ok(format!("{figures} ({:.1?})", begun.elapsed())),
        Err(failure) => Err(Failure::new(format!("{name}, seed {seed}: {failure}"))),
    }
}

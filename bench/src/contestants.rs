//! Who is measured, and how each is started.

use std::path::{Path, PathBuf};

use testkit::{Launch, Running};

use crate::Outcome;
use crate::cpus::{Cpus, started_on};
use crate::scenarios::{Base, Scenario};

/// Our server, as the tables call it.
pub(crate) const OURS: &str = "ours";
/// What ratios are to.
pub(crate) const FLOOR: &str = "floor-raw";
pub(crate) const SOCKETIOXIDE: &str = "socketioxide";

/// A server of the benchmark.
#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    launch: Launch,
    /// A floor knows WebSockets alone.
    is_floor: bool,
    /// Whether it is part of a quick run.
    pub(crate) quick: bool,
}

impl Contestant {
    /// All that are there; those that are not, by name and with what is missing.
    pub(crate) fn all() -> Outcome<(Vec<Self>, Vec<String>)> {
        let (bins, peers) = (bins()?, peers()?);
        let python = peers.join("python");
        let known = [
            Self::floor(FLOOR, &bins).in_short(),
            Self::floor("floor-tokio", &bins),
            Self::floor("floor-ws", &bins),
            Self::new(
                SOCKETIOXIDE,
                peers.join("target/release/socketioxide_server"),
            )
            .in_short(),
            Self::new("node", peers.join("node/server.mjs")).run_by("node"),
            Self::new("python", python.join("server.py")).run_by(python.join("venv/bin/python")),
            Self::new(OURS, bins.join("bench_server")).in_short(),
        ];
        let (there, missing): (Vec<_>, Vec<_>) = known
            .into_iter()
            .partition(|one| one.launch.program.exists());
        let missing = missing
            .iter()
            .map(|one| format!("{}: {} is missing", one.name, one.launch.program.display()));
        Ok((there, missing.collect()))
    }

    /// A server of ours, by its program.
    pub(crate) fn own(name: &'static str, program: &str) -> Outcome<Self> {
        Ok(Self::new(name, bins()?.join(program)).in_short())
    }

    fn new(name: &'static str, program: PathBuf) -> Self {
        Self {
            name,
            launch: Launch::new(program),
            is_floor: false,
            quick: false,
        }
    }

    fn floor(name: &'static str, bins: &Path) -> Self {
        Self {
            is_floor: true,
            ..Self::new(name, bins.join(name.replace('-', "_")))
        }
    }

    fn in_short(self) -> Self {
        Self {
            quick: true,
            ..self
        }
    }

    fn run_by(mut self, runner: impl AsRef<Path>) -> Self {
        let runner = runner.as_ref().display().to_string();
        self.launch.wrap.push(runner);
        self
    }

    /// Adds to its environment.
    pub(crate) fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.launch = self.launch.set(name, value);
        self
    }

    /// Whether it can do that.
    pub(crate) fn plays(&self, scenario: &Scenario) -> bool {
        !self.is_floor || scenario.base == Base::Floor
    }

    /// Starts it on the server's CPU.
    pub(crate) fn start(&self, cpus: Cpus) -> Outcome<Running> {
        self.start_on(&[cpus.server])
    }

    pub(crate) fn start_on(&self, cpus: &[usize]) -> Outcome<Running> {
        started_on(cpus, || Ok(Running::start(&self.launch)?))
    }
}

/// Where our own programs are.
pub(crate) fn bins() -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own
        .parent()
        .ok_or("a program without a folder")?
        .to_path_buf())
}

/// Where those of others are, as `cargo xtask bench` installs them.
pub(crate) fn peers() -> Outcome<PathBuf> {
    let bins = bins()?;
    let target = bins.parent().unwrap_or_else(|| Path::new("target"));
    Ok(target.join("bench-peers"))
}

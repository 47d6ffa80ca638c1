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
        let bins = bins()?;
        let peers = peers()?;
        let node = peers.join("node");
        let python = peers.join("python");
        let floor = |name, quick| {
            (
                name,
                bins.join(str::replace(name, "-", "_")),
                None,
                true,
                quick,
            )
        };
        let known = [
            floor(FLOOR, true),
            floor("floor-tokio", false),
            (
                SOCKETIOXIDE,
                peers.join("target/release/socketioxide_server"),
                None,
                false,
                true,
            ),
            (
                "node",
                node.join("server.mjs"),
                Some("node".into()),
                false,
                false,
            ),
            (
                "python",
                python.join("server.py"),
                Some(python.join("venv/bin/python")),
                false,
                false,
            ),
            (OURS, bins.join("bench_server"), None, false, true),
        ];
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for (name, program, runner, is_floor, quick) in known {
            if !program.exists() {
                missing.push(format!("{name}: {} is missing", program.display()));
                continue;
            }
            let mut launch = Launch::new(program);
            launch.wrap = runner
                .iter()
                .map(|runner: &PathBuf| runner.display().to_string())
                .collect();
            there.push(Self {
                name,
                launch,
                is_floor,
                quick,
            });
        }
        Ok((there, missing))
    }

    /// A server of ours, by its program.
    pub(crate) fn own(name: &'static str, program: &str) -> Outcome<Self> {
        Ok(Self {
            name,
            launch: Launch::new(bins()?.join(program)),
            is_floor: false,
            quick: true,
        })
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

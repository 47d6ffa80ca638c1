//! Which CPU who runs on: the generator on one, what is measured on another.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Outcome;

/// A CPU for the server and one for the generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpus {
    pub(crate) server: usize,
    pub(crate) generator: usize,
}

impl Cpus {
    /// The first two that we may run on.
    pub(crate) fn choose() -> Outcome<Self> {
        let set = sched_getaffinity(None)?;
        let mut free = (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu));
        match (free.next(), free.next()) {
            (Some(server), Some(generator)) => Ok(Self { server, generator }),
            _ => Err("a server and its load need a CPU each, and here is one".into()),
        }
    }

    pub(crate) fn both(self) -> [usize; 2] {
        [self.server, self.generator]
    }
}

/// This thread runs on these CPUs from now on, and what it starts does.
pub(crate) fn run_on(cpus: &[usize]) -> Outcome {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Starts something on these CPUs, and goes on here.
pub(crate) fn started_on<T>(cpus: &[usize], start: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let here = sched_getaffinity(None)?;
    run_on(cpus)?;
    let started = start();
    sched_setaffinity(None, &here)?;
    started
}

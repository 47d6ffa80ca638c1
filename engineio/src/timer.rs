//! A fixed table of deadlines.

use std::time::Instant;

/// One deadline for each index below `N`; the earliest is the machine's next timeout.
#[derive(Clone, Debug)]
pub(crate) struct Timers<const N: usize>([Option<Instant>; N]);

impl<const N: usize> Default for Timers<N> {
    fn default() -> Self {
        Self([None; N])
    }
}

impl<const N: usize> Timers<N> {
    pub(crate) fn set(&mut self, timer: usize, at: Instant) {
        if let Some(slot) = self.0.get_mut(timer) {
            *slot = Some(at);
        }
    }

    pub(crate) fn stop(&mut self, timer: usize) {
        if let Some(slot) = self.0.get_mut(timer) {
            *slot = None;
        }
    }

    pub(crate) fn stop_all(&mut self) {
        self.0 = [None; N];
    }

    pub(crate) fn at(&self, timer: usize) -> Option<Instant> {
        self.0.get(timer).copied().flatten()
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes the earliest deadline that is due, with its index.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(usize, Instant)> {
        let (timer, at) = self
            .0
            .iter()
            .enumerate()
            .filter_map(|(timer, at)| at.filter(|at| *at <= now).map(|at| (timer, at)))
            .min_by_key(|(_, at)| *at)?;
        self.stop(timer);
        Some((timer, at))
    }
}

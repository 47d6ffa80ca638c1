//! [`Span`]: a warm-up, then a window in which operations and CPU time are counted.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use testkit::Process;

use crate::Outcome;

/// How long is warmed up, and how long measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) warm: Duration,
    pub(crate) window: Duration,
}

/// What a run found.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) operations: u64,
    pub(crate) wall: Duration,
    /// CPU time of the server, and the part of it in user code.
    pub(crate) cpu: Duration,
    pub(crate) user: Duration,
    /// CPU time of the generator.
    pub(crate) own: Duration,
    /// How long an operation took, in microseconds.
    pub(crate) times: Histogram<u64>,
    /// Messages of one sender that came in another order.
    pub(crate) disorder: u64,
    /// Memory for a connection, where that is measured.
    pub(crate) bytes: Option<f64>,
}

impl Figures {
    /// Microseconds of the server's CPU for an operation.
    pub(crate) fn each(&self) -> f64 {
        per(self.cpu, self.operations)
    }

    pub(crate) fn user_each(&self) -> f64 {
        per(self.user, self.operations)
    }

    /// Microseconds that half of the operations took at most.
    pub(crate) fn p50(&self) -> f64 {
        self.times.value_at_quantile(0.5) as f64
    }

    /// Microseconds that all but one operation in a hundred took at most.
    pub(crate) fn p99(&self) -> f64 {
        self.times.value_at_quantile(0.99) as f64
    }

    pub(crate) fn own_each(&self) -> f64 {
        per(self.own, self.operations)
    }

    /// Operations in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.operations as f64 / self.wall.as_secs_f64()
    }
}

fn per(time: Duration, operations: u64) -> f64 {
    time.as_secs_f64() * 1e6 / operations.max(1) as f64
}

#[derive(Debug)]
pub(crate) struct Span {
    process: Process,
    times: Times,
    start: Mark,
    is_measuring: bool,
    took: Histogram<u64>,
    pub(crate) disorder: u64,
}

#[derive(Debug)]
struct Mark {
    at: Instant,
    cpu: Duration,
    user: Duration,
    own: Duration,
    operations: u64,
}

impl Mark {
    fn now(process: &Process, operations: u64) -> Outcome<Self> {
        let own = clock_gettime(ClockId::ProcessCPUTime);
        Ok(Self {
            at: Instant::now(),
            cpu: process.cpu()?,
            user: process.user_cpu()?,
            own: own.try_into()?,
            operations,
        })
    }
}

impl Span {
    pub(crate) fn start(process: &Process, times: Times) -> Outcome<Self> {
        Ok(Self {
            process: process.clone(),
            times,
            start: Mark::now(process, 0)?,
            is_measuring: false,
            // up to a minute, three digits
            took: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            disorder: 0,
        })
    }

    /// A window that begins now and ends when the caller says so.
    pub(crate) fn open(process: &Process) -> Outcome<Self> {
        let (warm, window) = (Duration::ZERO, Duration::MAX);
        let mut span = Self::start(process, Times { warm, window })?;
        span.is_measuring = true;
        Ok(span)
    }

    /// Notes how long an operation took.
    pub(crate) fn took(&mut self, time: Duration) {
        if self.is_measuring {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            self.took.saturating_record(micros);
        }
    }

    /// Called with all operations so far; the figures, when the window is over.
    pub(crate) fn over(&mut self, operations: u64) -> Outcome<Option<Figures>> {
        let elapsed = self.start.at.elapsed();
        if !self.is_measuring {
            if elapsed >= self.times.warm {
                self.start = Mark::now(&self.process, operations)?;
                self.is_measuring = true;
            }
            return Ok(None);
        }
        if elapsed < self.times.window {
            return Ok(None);
        }
        self.close(operations).map(Some)
    }

    /// The figures up to now.
    pub(crate) fn close(&self, operations: u64) -> Outcome<Figures> {
        let (end, start) = (Mark::now(&self.process, operations)?, &self.start);
        if end.operations == start.operations {
            return Err("nothing was done in time".into());
        }
        Ok(Figures {
            operations: end.operations - start.operations,
            wall: end.at - start.at,
            cpu: end.cpu - start.cpu,
            user: end.user - start.user,
            own: end.own - start.own,
            times: self.took.clone(),
            disorder: self.disorder,
            bytes: None,
        })
    }
}

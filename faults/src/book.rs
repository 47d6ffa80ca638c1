//! [`Book`]: the ledger of a run, with its clock.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use testkit::ledger::{Ledger, Promise, Record, Side, What, check, explain};

use crate::{Failure, Outcome};

/// A connection of a client, as both ends call it: a client tells it as its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Who {
    pub(crate) client: u32,
    pub(crate) connection: u32,
}

/// The lines of this process, with the time of the system's monotonic clock, which is that of other processes too.
#[derive(Debug)]
pub(crate) struct Book {
    namespace: Arc<str>,
    ledger: Ledger,
    /// Lines are printed instead of kept.
    prints: bool,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self {
            namespace: "/".into(),
            ledger: Ledger::new(),
            prints: false,
        }
    }

    /// A book whose lines another process reads.
    pub(crate) fn printed() -> Self {
        Self {
            prints: true,
            ..Self::new()
        }
    }

    pub(crate) fn write(&self, who: Who, side: Side, what: What) {
        self.write_at(Instant::now(), who, side, what);
    }

    pub(crate) fn write_at(&self, at: Instant, who: Who, side: Side, what: What) {
        let line = Record {
            at: uptime().saturating_sub(at.elapsed()),
            client: who.client,
            connection: who.connection,
            namespace: Arc::clone(&self.namespace),
            side,
            what,
        };
        if self.prints {
            // who does not read any more has gone
            writeln!(std::io::stdout().lock(), "{line}").ok();
        } else {
            self.ledger.record(line);
        }
    }

    /// Enters a line of another process.
    pub(crate) fn enter(&self, line: Record) {
        self.ledger.record(line);
    }

    /// The lines about a client, for those who look for a fault.
    pub(crate) fn tell(&self, client: u32) -> String {
        let lines = self.ledger.records();
        let own = lines.iter().filter(|line| line.client == client);
        own.map(|line| format!("\n    {line}")).collect()
    }

    pub(crate) fn lines(&self) -> Vec<Record> {
        self.ledger.records()
    }

    pub(crate) fn take(&self) -> Vec<Record> {
        self.ledger.take()
    }
}

/// Since the system started.
pub(crate) fn uptime() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let secs = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(secs, u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// How long it took at most until both sides of a broken connection were told, from when they had it.
pub(crate) fn latest_notice(lines: &[Record]) -> Duration {
    let broken = |line: &&Record| line.what == What::Broken;
    let mut latest = Duration::ZERO;
    for cut in lines.iter().filter(broken) {
        let own = lines
            .iter()
            .filter(|line| (line.client, line.connection) == (cut.client, cut.connection));
        let mut from = [(Side::Client, cut.at), (Side::Server, cut.at)];
        for line in own {
            let since = from.iter_mut().find(|(side, _)| *side == line.side);
            let Some((_, since)) = since else { continue };
            match line.what {
                What::Connected { .. } => *since = line.at.max(*since),
                What::Disconnected { .. } => latest = latest.max(line.at.saturating_sub(*since)),
                _ => {}
            }
        }
    }
    latest
}

/// Fails with the first faults of the first promise that does not hold; `about` describes a client.
pub(crate) fn judge(
    lines: &[Record],
    promises: &[Promise],
    about: impl Fn(u32) -> String,
) -> Outcome {
    for promise in promises {
        if let Err(faults) = check(lines, *promise) {
            let mut text = format!("{promise:?} does not hold, {}", explain(&faults));
            if let Some(fault) = faults.first() {
                let client = fault.line.client;
                text.push_str(&format!("\n  client {client}: {}", about(client)));
                for line in lines.iter().filter(|line| line.client == client) {
                    text.push_str(&format!("\n    {line}"));
                }
            }
            return Err(Failure::new(text));
        }
    }
    Ok(())
}

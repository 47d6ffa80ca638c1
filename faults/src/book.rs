//! [`Book`]: the ledger of a run, with its clock.

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

#[derive(Debug)]
pub(crate) struct Book {
    start: Instant,
    namespace: Arc<str>,
    ledger: Ledger,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            namespace: "/".into(),
            ledger: Ledger::new(),
        }
    }

    pub(crate) fn write(&self, who: Who, side: Side, what: What) {
        self.write_at(Instant::now(), who, side, what);
    }

    pub(crate) fn write_at(&self, at: Instant, who: Who, side: Side, what: What) {
        self.ledger.record(Record {
            at: at.saturating_duration_since(self.start),
            client: who.client,
            connection: who.connection,
            namespace: Arc::clone(&self.namespace),
            side,
            what,
        });
    }

    /// The lines about a client, for those who look for a fault.
    pub(crate) fn tell(&self, client: u32) -> String {
        let lines = self.ledger.records();
        let own = lines.iter().filter(|line| line.client == client);
        own.map(|line| format!("\n    {line}")).collect()
    }

    pub(crate) fn take(&self) -> Vec<Record> {
        self.ledger.take()
    }
}

/// How long it took at most until both sides of a broken connection were told.
pub(crate) fn latest_notice(lines: &[Record]) -> Duration {
    let broken = |line: &&Record| line.what == What::Broken;
    let mut latest = Duration::ZERO;
    for cut in lines.iter().filter(broken) {
        let ends = lines.iter().filter(|line| {
            (line.client, line.connection) == (cut.client, cut.connection)
                && matches!(line.what, What::Disconnected { .. })
        });
        let delays = ends.map(|line| line.at.saturating_sub(cut.at));
        latest = latest.max(delays.max().unwrap_or_default());
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

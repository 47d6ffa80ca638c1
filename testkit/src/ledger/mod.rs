//! The ledger: what every party of a run sent, received and was told, and one judge over it.
//!
//! Each party writes a line ([`Record`]) per send, receive, ack, connect and disconnect, and [`check`] decides
//! whether a [`Promise`] held. Nothing here reads a clock or touches a file: lines of other processes come as
//! text ([`Record`] is written by `Display` and read by `parse`) and are [merged](merge).
//!
//! How to keep one:
//!
//! - A line is written *before* what it tells of is done, for what is sent and asked, and after it, for what
//!   comes in. Lines of one thread keep their order, and that is the order which is judged.
//! - A message is a `channel` and a `seq` that grows. Whatever one party sends in order to one client in one
//!   namespace is a channel; two threads that emit to the same socket are two channels.
//! - Lines of a message that the server sends carry the number of the connection whose socket it is for. What
//!   a client emits between two connections carries the number of the one to come.
//! - A run is judged once it is over: an ack that is still waited for counts as never ended.
//!
//! | promise | when | what is demanded |
//! | --- | --- | --- |
//! | [`P0`](Promise::P0) | nothing is wrong | every message once, in order |
//! | [`P1`](Promise::P1) | transports are upgraded, or fail to be | the same |
//! | [`P2`](Promise::P2) | connections break | a prefix without a gap for each, nothing twice, the receiver is told |
//! | [`P3`](Promise::P3) | the client sends again | every message acknowledged or failed, the first of each in order |
//! | [`P4`](Promise::P4) | connections are recovered | every message of the server's once, in order, across connections |
//! | [`P7`](Promise::P7) | acks are waited for | every wait ends once |
//! | [`P8`](Promise::P8) | always | each socket connects once and then disconnects once, on each side |
//! | [`Told`](Promise::Told) | connections break | both sides hear of it in time |

mod check;
mod life;
mod messages;
mod record;
mod sockets;
mod stream;
mod text;
mod waits;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use check::{Fault, Promise, Summary, Wrong, check, explain};
pub use record::{How, Record, Side, What, ack_id, hash};
pub use text::Unreadable;

/// Lines, written from any thread.
#[derive(Debug, Default)]
pub struct Ledger {
    lines: Mutex<Vec<Record>>,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lines: Mutex::new(Vec::new()),
        }
    }

    /// Adds a line: one lock, held for a push.
    pub fn record(&self, line: Record) {
        self.lines().push(line);
    }

    /// The lines so far.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.lines().clone()
    }

    /// Takes the lines out.
    #[must_use]
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.lines())
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Vec<Record>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One log of several, by time. Each keeps its own order, whatever its times say.
#[must_use]
pub fn merge(logs: impl IntoIterator<Item = Vec<Record>>) -> Vec<Record> {
    let mut lines: Vec<(Duration, Record)> = Vec::new();
    for log in logs {
        let mut latest = Duration::ZERO;
        lines.extend(log.into_iter().map(|line| {
            latest = latest.max(line.at);
            (latest, line)
        }));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}

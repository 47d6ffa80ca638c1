//! Connection state recovery: a client that comes back in time gets its id, its rooms, its data
//! and what it missed, or a new session: never a hole that nobody tells of
//! (<https://socket.io/docs/v4/connection-state-recovery>).
//!
//! ```text
//! CONNECT {}                        ─▶ {"sid":…,"pid":KEY}     Live
//! every event that may be recovered ─▶ …,"EPOCH-7"]            logged under its number
//!                      connection breaks                       Saved, until `max_gap`
//! CONNECT {"pid":KEY,"offset":"EPOCH-7"} ─▶ events 8, 9, … that were for it, then {"sid":…}
//! ```
//! Events with an ack and volatile ones are not logged. A client that has received nothing sends
//! no offset, or one from before its session: it gets all since it connected. One that is back
//! before the server noticed the loss takes its session over.

mod history;
mod kept;
mod log;
mod resume;
mod sessions;

use std::time::Duration;

pub(crate) use self::history::History;
pub(crate) use self::kept::Kept;
pub(crate) use self::log::{EPOCH_CHARS, Log};
pub(crate) use self::resume::Resume;
pub(crate) use self::sessions::{Returning, Saved, Sessions};

/// How sessions are kept for clients whose connection broke; see
/// [`Builder::recovery`](crate::Builder::recovery).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it is given to `Builder::recovery`"]
pub struct Recovery {
    pub(crate) max_gap: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) max_sessions: usize,
    pub(crate) skip_middlewares: bool,
}

impl Default for Recovery {
    /// Two minutes, and for each namespace 16 MiB of events and 10 000 sessions.
    fn default() -> Self {
        Self {
            max_gap: Duration::from_secs(120),
            max_bytes: 16 * 1024 * 1024,
            max_sessions: 10_000,
            skip_middlewares: true,
        }
    }
}

impl Recovery {
    /// How long a client may be away; Node's `maxDisconnectionDuration`. Default 2 min.
    pub fn max_gap(mut self, time: Duration) -> Self {
        self.max_gap = time;
        self
    }

    /// Bytes of events that are kept for a namespace. What is beyond is forgotten, the oldest
    /// first, and clients that miss some of it get a new session. Default 16 MiB.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sessions that are kept for a namespace while their clients are away. Beyond, the oldest
    /// is forgotten. Default 10 000.
    pub fn max_sessions(mut self, count: usize) -> Self {
        self.max_sessions = count;
        self
    }

    /// Whether a recovered client is let in without [`before_connect`] and auth step; Node's
    /// `skipMiddlewares`. If not, they run and may refuse it; the data stays that of the
    /// session. Default yes.
    ///
    /// [`before_connect`]: crate::Namespace::before_connect
    pub fn skip_middlewares(mut self, skip: bool) -> Self {
        self.skip_middlewares = skip;
        self
    }
}

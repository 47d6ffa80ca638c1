//! What the tests of the machines share: virtual time, a script for one machine, a client and
//! a network for two. Nothing here waits, and the same calls give the same run; the proxy is the
//! exception.
//!
//! | type | what it is for |
//! |---|---|
//! | [`Scripted`] | one server machine, told what happens, with outputs as lines of text |
//! | [`Pair`] | a server machine and a [`Model`] client with a [`Link`] in between |
//! | [`Machines`] | our client machine and our server machine with a [`Link`] in between |
//! | [`Watch`] | the part of the contract that holds after every output; both use it |
//! | [`ClientScript`], [`ClientWatch`] | the same for a client machine |
//! | [`ledger`] | what all parties of a run saw, and whether a promise held |
//! | [`Panics`] | counts panics, also those that a runtime caught |
//! | [`Random`] | choices that follow from a seed |
//! | `explore` (`cfg(shuttle)`) | a body in many interleavings of its threads |
//! | `fuzzing` (feature) | the body of the fuzz target `pair` |
//! | [`Proxy`] (feature `proxy`) | a real TCP proxy that cuts at any byte, stalls, delays, alters and answers nonsense |
//! | [`Running`] (feature `process`) | a server in a process of its own: signals, memory, descriptors |
#![forbid(unsafe_code)]

mod client_script;
mod client_watch;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[cfg(shuttle)]
mod interleavings;
pub mod ledger;
mod link;
mod machines;
mod model;
mod pair;
mod panics;
#[cfg(feature = "process")]
mod process;
#[cfg(feature = "proxy")]
mod proxy;
mod random;
mod scripted;
mod show;
mod watch;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub use client_script::{ClientScript, HANDSHAKE};
pub use client_watch::ClientWatch;
#[cfg(shuttle)]
pub use interleavings::explore;
pub use link::{Hop, Link};
pub use machines::{End, Machines};
pub use model::{Action, Model, Upgrade};
pub use pair::Pair;
pub use panics::{ON_PURPOSE, Panics};
#[cfg(feature = "process")]
pub use process::{Launch, Process, Running, Signal};
#[cfg(feature = "proxy")]
pub use proxy::{Direction, Harm, Mode, Opening, Place, Proxy, Script};
pub use random::{Random, seed};
pub use scripted::Scripted;
pub use show::{show, show_client, text_of};
pub use watch::Watch;

/// The one reading of the clock: everything else is arithmetic on it.
#[must_use]
pub fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// Milliseconds.
#[must_use]
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Seconds.
#[must_use]
pub const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

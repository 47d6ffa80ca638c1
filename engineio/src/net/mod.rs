//! The network side, behind features: the only code here that knows tokio, hyper, tungstenite
//! and a clock.

#![expect(clippy::disallowed_methods, reason = "this is where the clock is read")]

#[cfg(feature = "server")]
pub(crate) mod platform;
#[cfg(feature = "server")]
pub mod server;
pub(crate) mod sync;
pub(crate) mod trace;

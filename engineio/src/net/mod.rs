//! The network side, behind features: the only code here that knows tokio, hyper, tungstenite
//! and a clock.

pub(crate) mod buffers;
#[cfg(feature = "client")]
pub mod client;
pub(crate) mod clock;
pub(crate) mod platform;
pub(crate) mod pongs;
#[cfg(feature = "server")]
pub mod server;
pub(crate) mod sync;
pub(crate) mod trace;
pub(crate) mod ws;

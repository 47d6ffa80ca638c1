//! The client on real ports, against our own server and against scripted ones.
//!
//! Nothing here sleeps to let something happen: every wait is for a fact, with a limit.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failure of the test; real sockets need real time"
)]

mod failures;
mod limits;
#[path = "../net/support.rs"]
#[allow(
    dead_code,
    clippy::string_slice,
    reason = "the server's tests use the rest of it"
)]
mod net;
mod proxies;
mod settings;
mod support;
#[cfg(feature = "rustls")]
mod tls;
mod transports;

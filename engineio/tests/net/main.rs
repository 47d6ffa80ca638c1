//! The server on a real port, with raw bytes on the other side.
//!
//! Nothing here sleeps to let something happen: every wait is for a fact, with a limit.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a failure of the test; real sockets need real time"
)]

mod addresses;
mod eio3;
mod foreign;
mod hooks;
mod hostile;
mod http;
mod listeners;
mod outside;
mod polling;
#[cfg(target_os = "linux")]
mod segments;
mod slow;
mod support;
mod websocket;

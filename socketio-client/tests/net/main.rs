//! The client against our server, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "modules of one program")]

mod acks;
mod blocking;
mod connecting;
mod events;
mod parsers;
mod raw;
mod reconnecting;
mod rust_socketio;
mod support;

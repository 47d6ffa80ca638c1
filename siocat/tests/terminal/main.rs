//! The program as it is, on a real terminal's pipes, against a server of ours.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "modules of one program")]

mod acks;
mod command_line;
mod connecting;
mod emitting;
mod support;

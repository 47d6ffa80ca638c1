//! The load generator: one thread, raw connections, frames written ahead. It checks every message that it gets.

mod crowd;
mod http;
mod lines;
pub(crate) mod packets;
mod wire;

pub(crate) use crowd::{Crowd, Heard, Way};
pub(crate) use http::{answer, get, is_ok, post, upgrade, without_ping};
pub(crate) use lines::{Lines, sid};

//! Our client against servers of every making: Node's socket.io 4.8 and 3.1, python-socketio 5, and ours.
//!
//! | module | what |
//! | --- | --- |
//! | `contract` | the contract of `interop/README.md`, over each transport |
//! | `volume` | ten thousand messages each way while the transport changes |
//! | `restart` | servers that go and come back |
//! | `recovery` | Node's connection state recovery, and `retries`, through a hundred cuts |
//! | `heartbeat` | Node's pings, answered and missed |
//! | `idle` | what trying again costs |
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod contract;
mod heartbeat;
mod idle;
mod peer;
mod recovery;
mod restart;
mod volume;

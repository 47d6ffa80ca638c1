//! python-socketio against our server, over each transport.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod common;

use std::time::Duration;

use common::Served;
use interop::{Failure, Script};

fn python(transport: &str) -> Result<(), Failure> {
    let served = Served::contract(0);
    Script::python("scenario.py")
        .arg(served.url())
        .arg(transport)
        .run(Duration::from_secs(120))?;
    served.settles();
    served.stop();
    Ok(())
}

#[test]
fn polling() -> Result<(), Failure> {
    python("polling")
}

#[test]
fn websocket() -> Result<(), Failure> {
    python("websocket")
}

#[test]
fn upgrade() -> Result<(), Failure> {
    python("upgrade")
}

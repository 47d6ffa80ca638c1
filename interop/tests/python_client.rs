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
    play(Script::python("scenario.py"), transport)
}

fn python_4(transport: &str) -> Result<(), Failure> {
    play(Script::python_4("scenario.py"), transport)
}

fn play(script: Script, transport: &str) -> Result<(), Failure> {
    let served = Served::contract(0);
    script
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

// python-socketio 4: Engine.IO 3, bytes as bytes over long-polling

#[test]
fn version_4_polling() -> Result<(), Failure> {
    python_4("polling")
}

#[test]
fn version_4_websocket() -> Result<(), Failure> {
    python_4("websocket")
}

#[test]
fn version_4_upgrade() -> Result<(), Failure> {
    python_4("upgrade")
}

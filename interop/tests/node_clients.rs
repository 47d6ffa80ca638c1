//! The official JavaScript clients against our server, over each transport.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod common;

use std::time::Duration;

use common::Served;
use interop::{Failure, Script};

const LIMIT: Duration = Duration::from_secs(120);

fn node(client: &str, transport: &str) -> Result<(), Failure> {
    let served = Served::contract(0);
    Script::node("scenario.mjs")
        .arg(served.url())
        .arg(client)
        .arg(transport)
        .run(LIMIT)?;
    served.settles();
    served.stop();
    Ok(())
}

#[test]
fn client_4_8_polling() -> Result<(), Failure> {
    node("4.8", "polling")
}

#[test]
fn client_4_8_websocket() -> Result<(), Failure> {
    node("4.8", "websocket")
}

#[test]
fn client_4_8_upgrade() -> Result<(), Failure> {
    node("4.8", "upgrade")
}

#[test]
fn client_4_0_polling() -> Result<(), Failure> {
    node("4.0", "polling")
}

#[test]
fn client_4_0_websocket() -> Result<(), Failure> {
    node("4.0", "websocket")
}

#[test]
fn client_4_0_upgrade() -> Result<(), Failure> {
    node("4.0", "upgrade")
}

#[test]
fn client_3_0_polling() -> Result<(), Failure> {
    node("3", "polling")
}

#[test]
fn client_3_0_websocket() -> Result<(), Failure> {
    node("3", "websocket")
}

#[test]
fn client_3_0_upgrade() -> Result<(), Failure> {
    node("3", "upgrade")
}

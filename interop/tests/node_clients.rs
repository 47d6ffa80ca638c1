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

#[test]
fn client_4_8_base64() -> Result<(), Failure> {
    node("4.8", "polling-base64")?;
    node("4.8", "websocket-base64")
}

// Engine.IO 3

#[test]
fn client_2_polling() -> Result<(), Failure> {
    node("2", "polling")
}

#[test]
fn client_2_jsonp() -> Result<(), Failure> {
    node("2", "jsonp")
}

#[test]
fn client_2_websocket() -> Result<(), Failure> {
    node("2", "websocket")
}

#[test]
fn client_2_upgrade() -> Result<(), Failure> {
    node("2", "upgrade")
}

#[test]
fn client_2_base64() -> Result<(), Failure> {
    node("2", "polling-base64")?;
    node("2", "websocket-base64")
}

#[test]
fn client_1_polling() -> Result<(), Failure> {
    node("1", "polling")
}

#[test]
fn client_1_jsonp() -> Result<(), Failure> {
    node("1", "jsonp")
}

#[test]
fn client_1_websocket() -> Result<(), Failure> {
    node("1", "websocket")
}

#[test]
fn client_1_upgrade() -> Result<(), Failure> {
    node("1", "upgrade")
}

#[test]
fn client_1_base64() -> Result<(), Failure> {
    node("1", "polling-base64")?;
    node("1", "websocket-base64")
}

//! The official JavaScript clients with the parser `socket.io-msgpack-parser`, over each transport.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod common;

use std::time::Duration;

use common::Served;
use interop::{Failure, Script};
use socketio_server::Parser;

const LIMIT: Duration = Duration::from_secs(120);

fn node(client: &str, transport: &str) -> Result<(), Failure> {
    let served = Served::contract_by(Parser::Msgpack, 0);
    Script::node("scenario.mjs")
        .arg(served.url())
        .arg(client)
        .arg(transport)
        .arg("msgpack")
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
fn client_4_8_base64() -> Result<(), Failure> {
    node("4.8", "polling-base64")
}

#[test]
fn client_3_0_upgrade() -> Result<(), Failure> {
    node("3", "upgrade")
}

// with version 2 of the package, over Engine.IO 3

#[test]
fn client_2_polling() -> Result<(), Failure> {
    node("2", "polling")
}

#[test]
fn client_2_websocket() -> Result<(), Failure> {
    node("2", "websocket")
}

#[test]
fn client_2_upgrade() -> Result<(), Failure> {
    node("2", "upgrade")
}

//! The scripts, by layer.

use std::time::Duration;

use crate::Script;

mod addresses;
mod bodies;
mod bytes;
mod engine;
mod fragments;
mod heads;
mod identity;
mod msgpack;
mod namespaces;
mod origins;
mod packets;
mod recovery;
mod requests;
mod resources;
mod revision3;
mod slow;
mod smuggling;
mod upgrades;
mod websocket;

const KB: u64 = 1024;
const MB: u64 = 1024 * KB;
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// The default limit of bodies and messages.
const MAX_PAYLOAD: usize = 1_000_000;

const UNKNOWN_TRANSPORT: &str = r#"{"code":0,"message":"Transport unknown"}"#;
const UNKNOWN_SESSION: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
const BAD_METHOD: &str = r#"{"code":2,"message":"Bad handshake method"}"#;
const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
const FORBIDDEN: &str = r#"{"code":4,"message":"Forbidden"}"#;
const UNSUPPORTED: &str = r#"{"code":5,"message":"Unsupported protocol version"}"#;

/// All scripts, in the order in which they are run.
#[must_use]
pub fn all() -> Vec<Script> {
    [
        requests::SCRIPTS,
        origins::SCRIPTS,
        heads::SCRIPTS,
        smuggling::SCRIPTS,
        bodies::SCRIPTS,
        upgrades::SCRIPTS,
        websocket::SCRIPTS,
        fragments::SCRIPTS,
        engine::SCRIPTS,
        revision3::SCRIPTS,
        identity::SCRIPTS,
        addresses::SCRIPTS,
        bytes::SCRIPTS,
        packets::SCRIPTS,
        msgpack::SCRIPTS,
        namespaces::SCRIPTS,
        recovery::SCRIPTS,
        resources::SCRIPTS,
        slow::SCRIPTS,
    ]
    .concat()
}

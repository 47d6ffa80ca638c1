//! Drives an application of this folder from outside, with the official JavaScript client (`interop/node/orders.mjs`).

use std::path::Path;
use std::time::Duration;

use interop::{Failure, Script, Server};

const LIMIT: Duration = Duration::from_secs(60);

/// Starts the program on a free port and plays the script over `polling`, `websocket` or with the `upgrade` between
/// them. Its last client is connected when the program is asked to end, which it must do by itself and with status 0.
///
/// # Errors
/// What the script found wrong, or how the program ended.
pub fn orders(program: impl AsRef<Path>, transport: &str) -> Result<(), Failure> {
    let client = interop::root().join("interop/node_modules/socket.io-client/dist");
    let app = Script::program(program).env("CLIENT", client.to_string_lossy());
    let app = Server::start(app, 0)?;
    let mut client = Script::node("orders.mjs")
        .arg(app.url())
        .arg(transport)
        .start()?;
    while client.line(LIMIT)? != "NEED stop" {}
    app.end()?;
    client.say("stopped")?;
    client.finish(LIMIT).map(drop)
}

/// The tests of an application whose program has this name.
#[macro_export]
macro_rules! tests {
    ($program:literal) => {
        #[test]
        fn polling() -> Result<(), $crate::Failed> {
            $crate::orders(env!(concat!("CARGO_BIN_EXE_", $program)), "polling")
        }

        #[test]
        fn websocket() -> Result<(), $crate::Failed> {
            $crate::orders(env!(concat!("CARGO_BIN_EXE_", $program)), "websocket")
        }

        #[test]
        fn upgrade() -> Result<(), $crate::Failed> {
            $crate::orders(env!(concat!("CARGO_BIN_EXE_", $program)), "upgrade")
        }
    };
}

pub use interop::Failure as Failed;

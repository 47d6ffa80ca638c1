//! The chat page in Chromium, served by Node: a check that fails here is wrong in the page or in the check.

use std::time::Duration;

use interop::{Failure, Script, Server, root};

fn chat(transport: &str) -> Result<(), Failure> {
    let reference = Script::node("reference_chat.mjs")
        .needs(root().join("examples/node_modules/socket.io-client"));
    let server = Server::start(reference, 0)?;
    let browser = Script::node("browser_chat.mjs")
        .arg(server.url())
        .arg(transport);
    browser.run(Duration::from_secs(180)).map(drop)
}

// one at a time: a browser alone is enough for a small machine
#[test]
fn chat_in_chromium() -> Result<(), Failure> {
    ["polling", "websocket", "upgrade"]
        .into_iter()
        .try_for_each(chat)
}

//! Two people in Chromium use our chat.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod common;

use std::time::Duration;

use common::Served;
use examples::chat::Chat;
use interop::{Failure, Script};
use socketio_server::Options;

fn chat(transport: &str) -> Result<(), Failure> {
    let chat = Chat::new(Options::default()).expect("run `cargo xtask setup`");
    let server = chat.server().clone();
    let served = Served::start(server, 0, async move |listener, stop| {
        chat.serve(listener, stop).await.unwrap();
    });
    Script::node("browser_chat.mjs")
        .arg(served.url())
        .arg(transport)
        .run(Duration::from_secs(180))?;
    served.settles();
    served.stop();
    Ok(())
}

// one at a time: a browser alone is enough for a small machine
#[test]
fn two_pages_chat_over_each_transport() -> Result<(), Failure> {
    ["polling", "websocket", "upgrade"]
        .into_iter()
        .try_for_each(chat)
}

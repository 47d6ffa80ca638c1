//! The chat in the browser: rooms, nicknames, typing, presence, private messages, pictures. Its page uses the
//! official client; what they say to each other is in `examples/chat/PROTOCOL.md`.

use std::process::ExitCode;

use examples::chat::Chat;
use examples::{BadSetting, bind, engine_options, ready, terminated};
use socketio_server::Options;

fn main() -> ExitCode {
    examples::main(run())
}

async fn run() -> Result<(), BadSetting> {
    let chat = Chat::new(engine_options(Options::default())?)?;
    let listener = bind().await?;
    ready(&listener)?;
    chat.serve(listener, terminated()).await
}

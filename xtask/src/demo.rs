//! The chat page, for a person.

use crate::setup;
use crate::sh::{Failure, Outcome, cargo, run as run_command};

const CHAT: [&str; 5] = ["--release", "--package", "examples", "--bin", "chat"];

pub(crate) fn run() -> Outcome {
    let port = match std::env::var("PORT") {
        Err(_) => 3000,
        Ok(port) => port
            .parse::<u16>()
            .map_err(|_| Failure::usage(format!("PORT is not a port: `{port}`")))?,
    };
    setup::demo()?;
    run_command(&mut cargo(["build"].into_iter().chain(CHAT)))?;
    let host = std::env::var("HOST").unwrap_or_else(|_| "127.0.0.1".to_owned());
    if port == 0 {
        println!("The chat prints its address when it is ready. Ctrl-C ends it.");
    } else {
        println!("The chat is at http://{host}:{port}/ - open it in two windows. Ctrl-C ends it.");
    }
    become_chat(port)
}

/// Gives this process to the server, so that a signal to it reaches the server itself.
fn become_chat(port: u16) -> Outcome {
    let mut chat = cargo(["run", "--quiet"].into_iter().chain(CHAT));
    chat.env("PORT", port.to_string());
    #[cfg(unix)]
    {
        let error = std::os::unix::process::CommandExt::exec(&mut chat);
        Err(Failure::new(format!("cannot start the chat: {error}")))
    }
    #[cfg(not(unix))]
    run_command(&mut chat)
}

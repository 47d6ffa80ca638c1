//! Engine.IO alone: sends every message back as it came.

use std::process::ExitCode;

use engineio::net::server::{Options, on_connection, serve};
use examples::{BadSetting, bind, engine_options, ready, terminated};

fn main() -> ExitCode {
    examples::main(run())
}

async fn run() -> Result<(), BadSetting> {
    let options = engine_options(Options::default())?;
    let listener = bind().await?;
    let service = on_connection(options, async |mut connection| {
        while let Some(message) = connection.recv().await {
            connection.send(message).ok();
        }
    });
    let server = service.server();
    ready(&listener)?;
    serve(listener, server, service, terminated())
        .await
        .map_err(|error| BadSetting::new("serve", error))
}

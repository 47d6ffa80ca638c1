//! Tasks over HTTP with live updates: axum, SQLite and Socket.IO. The routes are in `examples/src/tasks/mod.rs`.
//!
//! `DB` is the database file; without it the tasks are in memory.

use std::process::ExitCode;

use examples::tasks::Tasks;
use examples::{BadSetting, bind, engine_options, ready, setting, terminated};
use socketio_server::Options;

fn main() -> ExitCode {
    examples::main(run())
}

async fn run() -> Result<(), BadSetting> {
    let options = engine_options(Options::default())?;
    let database: Option<String> = setting("DB")?;
    let tasks = Tasks::new(options, database.as_deref())?;
    let listener = bind().await?;
    ready(&listener)?;
    tasks.serve(listener, terminated()).await
}

//! The server as a process: it sends to every client as much as that wants, and prints its lines of the ledger.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use socketio_server::Server;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::book::Book;
use crate::{Failure, Outcome, talk};

/// Serves until SIGTERM. `PORT`, `PING_INTERVAL_MS` and `PING_TIMEOUT_MS` are its settings.
///
/// # Errors
/// A setting that cannot be used, or a port.
pub fn serve() -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut builder = Server::builder();
        if let Some(interval) = millis("PING_INTERVAL_MS")? {
            builder = builder.ping_interval(interval);
        }
        if let Some(timeout) = millis("PING_TIMEOUT_MS")? {
            builder = builder.ping_timeout(timeout);
        }
        let book = Arc::new(Book::printed());
        let server = talk::server(builder, &book, &Arc::default())?;
        let port = setting("PORT")?.unwrap_or(0);
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let mut terminate = signal(SignalKind::terminate())?;
        writeln!(std::io::stdout(), "READY {}", listener.local_addr()?)?;
        // whoever started it may have been killed itself
        std::thread::spawn(|| {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
            std::process::exit(1);
        });
        let stop = async move { terminate.recv().await.unwrap_or_default() };
        Ok(server.serve(listener, stop).await?)
    })
}

fn setting<T: std::str::FromStr>(name: &str) -> Outcome<Option<T>> {
    let Ok(text) = std::env::var(name) else {
        return Ok(None);
    };
    let read = text.parse();
    let value = read.map_err(|_| Failure::new(format!("{name}: {text:?}")))?;
    Ok(Some(value))
}

fn millis(name: &str) -> Outcome<Option<Duration>> {
    Ok(setting(name)?.map(Duration::from_millis))
}

//! Servers in processes of their own: terminated, killed, stopped.

mod kill;
mod lateness;
mod stop;
mod term;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use testkit::ledger::{Record, Side, What};
use testkit::{Launch, Running};
use tokio::time::timeout;

use crate::book::{Book, Who};
use crate::{Failure, Outcome, Plan};

pub(crate) use kill::run as kill;
pub(crate) use stop::run as stop;
pub(crate) use term::run as term;

/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts the server; its lines go into the book.
async fn start(
    plan: &Plan,
    book: &Arc<Book>,
    settings: &[(&'static str, String)],
) -> Outcome<Running> {
    let mut launch = Launch::new(&plan.target);
    launch.settings = settings.to_vec();
    let book = Arc::clone(book);
    let starting = move || {
        Running::start_and_hear(&launch, move |line| {
            // one that was killed may leave half a line
            if let Ok(line) = line.parse() {
                book.enter(line);
            }
        })
    };
    Ok(tokio::task::spawn_blocking(starting).await??)
}

/// Until it has ended; its exit status says success.
async fn ended(mut running: Running, time: Duration) -> Outcome {
    let waiting = move || {
        let status = running.ends_within(time);
        // the rest of its lines is read by then
        (status, running.log())
    };
    let (status, log) = tokio::task::spawn_blocking(waiting).await?;
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Failure::new(format!("it ended with {status}: {log}"))),
        None => Err(Failure::new(format!(
            "it has not ended after {time:?}: {log}"
        ))),
    }
}

/// A server that was killed tells nobody: its sockets end with it.
fn bury(lines: &[Record], book: &Book) {
    let mut open = BTreeSet::new();
    for line in lines.iter().filter(|line| line.side == Side::Server) {
        let who = Who {
            client: line.client,
            connection: line.connection,
        };
        match line.what {
            What::Connected { .. } => drop(open.insert(who)),
            What::Disconnected { .. } => drop(open.remove(&who)),
            _ => {}
        }
    }
    for who in open {
        let reason = "killed".into();
        book.write(who, Side::Server, What::Disconnected { reason });
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> Outcome<T> {
    let done = timeout(PATIENCE, future).await;
    done.map_err(|_| Failure::new(format!("it took too long: {what}")))
}

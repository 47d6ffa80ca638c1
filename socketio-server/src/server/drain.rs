//! The end of a server: at once, or in an order that its clients do not notice.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Server;
use crate::sync::Ordering;

/// Time for what was sent before to leave, and for `on_disconnect` handlers.
const FLUSH: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);

/// How a server is emptied before it stops; see [`Server::drain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it is given to `Server::drain`"]
pub struct Drain {
    acks: Duration,
    spread: Duration,
    flush: Duration,
}

impl Default for Drain {
    /// Up to 10 s for answers, clients put out at once, and 5 s for what waits to leave.
    fn default() -> Self {
        Self {
            acks: Duration::from_secs(10),
            spread: Duration::ZERO,
            flush: FLUSH,
        }
    }
}

impl Drain {
    /// How long clients may take to give the answers that are awaited from them.
    pub fn wait_for_acks(mut self, time: Duration) -> Self {
        self.acks = time;
        self
    }

    /// Puts clients out evenly over this time: the servers that they come back to need not take
    /// all of them at once.
    pub fn spread(mut self, time: Duration) -> Self {
        self.spread = time;
        self
    }

    /// How long what was sent before may take to leave, and `on_disconnect` handlers to end.
    pub fn flush(mut self, time: Duration) -> Self {
        self.flush = time;
        self
    }
}

impl Server {
    /// Empties the server, step by step: refuses new clients, waits for answers that are
    /// outstanding, puts the clients out, and waits until what was sent has left. Clients see
    /// "transport close" and come back when there is a server; sockets learn "server shutting
    /// down".
    ///
    /// As the `stop` of [`Server::serve`] it keeps the port open meanwhile, so that polls of the
    /// clients that are still there are heard:
    ///
    /// ```no_run
    /// # use socketio_server::{Drain, Server};
    /// # use std::time::Duration;
    /// # async fn signal() {}
    /// # async fn run(server: Server, listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// let stop = {
    ///     let server = server.clone();
    ///     async move {
    ///         signal().await;
    ///         let drain = server.drain(Drain::default().spread(Duration::from_secs(20)));
    ///         // a second signal means now
    ///         tokio::select! { () = drain => {}, () = signal() => {} }
    ///     }
    /// };
    /// server.serve(listener, stop).await
    /// # }
    /// ```
    ///
    /// Cancel safe: what was not done yet is left to [`Server::close`].
    pub async fn drain(&self, how: Drain) {
        self.core.closing.store(true, Ordering::SeqCst);
        self.engine.refuse();
        let deadline = Instant::now() + how.acks;
        let answered = async {
            while self.core.pending_acks.load(Ordering::SeqCst) > 0 {
                sleep(LOOK).await;
            }
        };
        timeout_at(deadline, answered).await.ok();
        self.engine.close_spread(how.spread).await;
        self.finish(how.flush).await;
    }

    /// Ends all sessions and refuses new ones. Sockets learn "server shutting down", clients
    /// "transport close", so that they come back when there is a server again. Waits up to 5 s
    /// for what was sent before to leave and for `on_disconnect` handlers.
    pub async fn close(&self) {
        self.core.closing.store(true, Ordering::SeqCst);
        self.engine.close();
        self.finish(FLUSH).await;
    }

    pub(super) async fn finish(&self, time: Duration) {
        let idle = async {
            // a session that has ended and is still there waits for a poll
            let waits =
                || self.engine.open_sessions() > 0 || self.engine.tasks() > self.engine.sessions();
            while waits() || self.core.tasks.load(Ordering::SeqCst) > 0 {
                sleep(LOOK).await;
            }
        };
        timeout(time, idle).await.ok();
    }
}

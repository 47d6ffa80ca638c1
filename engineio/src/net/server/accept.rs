//! [`Acceptor`]: takes connections from a listener, also when no file descriptor is left for them.

use std::future::{Future, poll_fn};
use std::io::{Error, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::core::Core;
use super::listener::{Listener, Origin};
use super::metrics::Refused;
use crate::net::platform::{self, Reserve};
use crate::net::trace::warning;

/// Pause after a failed accept: file descriptors come back when connections end.
const PAUSE: Duration = Duration::from_millis(100);
/// Connections that are closed between two pauses while there is no descriptor for them: at most as many as wait at a
/// listener that `TcpListener::bind` made.
const AT_ONCE: usize = 128;
/// How often it is said.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// A listener, and one file descriptor in reserve. Without it, who connects when there is none left would wait for an
/// answer until somebody else goes; so he is closed at once and may look for another server. So does libuv, and thus Node.
pub(super) struct Acceptor<L> {
    listener: L,
    core: Arc<Core>,
    reserve: Reserve,
    said: Option<Instant>,
}

impl<L: Listener + Sync> Acceptor<L> {
    pub(super) fn new(listener: L, core: &Arc<Core>) -> Self {
        listener.prepare();
        Self {
            listener,
            core: Arc::clone(core),
            reserve: Reserve::new(),
            said: None,
        }
    }

    /// The next connection.
    ///
    /// Cancel safe: none is lost when the future is dropped.
    pub(super) async fn accept(&mut self) -> (L::Opening, Origin) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                // others have their turn: a listener may fail so every time
                Err(error) if is_of_the_peer(&error) => tokio::task::yield_now().await,
                Err(error) => {
                    if platform::is_without_descriptors(&error) {
                        self.turn_away().await;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Accepts and closes who waits, one after the other, with the descriptor in reserve.
    async fn turn_away(&mut self) {
        self.reserve.release();
        for _ in 0..AT_ONCE {
            let mut accept = pin!(self.listener.accept());
            let accepted = poll_fn(|cx| Poll::Ready(accept.as_mut().poll(cx))).await;
            let Poll::Ready(Ok(_)) = accepted else { break };
            self.core.counters.refused(Refused::NoDescriptor);
        }
        self.reserve.refill();
        let now = Instant::now();
        if self.said.is_none_or(|said| now - said > SAY_EVERY) {
            self.said = Some(now);
            warning!("no file descriptor is left: connections are closed as they come");
        }
    }
}

/// Whether the connection failed that was to be accepted, and not the listener.
fn is_of_the_peer(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

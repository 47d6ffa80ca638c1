//! The server: a tower and hyper service for long-polling and WebSocket.
//!
//! ```text
//! HTTP request ─▶ Service ─ command ─▶ Driver (one task a session)
//!                                        ├─ server::Session   what the protocol says
//!                                        ├─ Upper             the layer above
//!                                        └─ Link              its WebSocket, if it has one
//! Handle::send, from any thread ─ queue ─▶┘
//! ```
//!
//! Engine.IO alone, echoing every message:
//!
//! ```no_run
//! use engineio::net::server::{Options, on_connection, serve};
//!
//! # async fn run() -> std::io::Result<()> {
//! let service = on_connection(Options::default(), async |mut connection| {
//!     while let Some(message) = connection.recv().await {
//!         connection.send(message).ok();
//!     }
//! });
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! serve(listener, service.server(), service, std::future::pending()).await
//! # }
//! ```

mod accept;
mod addresses;
mod connection;
mod core;
mod cors;
mod driver;
mod files;
mod flusher;
mod foreign;
mod frames;
mod handshake;
mod head;
mod headers;
mod hooks;
mod http;
#[cfg(all(test, shuttle))]
mod interleavings;
mod io;
mod layer;
mod link;
mod listener;
mod memory;
mod metrics;
mod options;
mod peer;
mod queue;
mod requests;
mod serve;
mod service;
mod shared;
mod stall;
#[cfg(feature = "rustls")]
mod tls;
mod trusted;

use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

use crate::CloseReason;
use crate::server::Event;

pub use connection::{Connection, on_connection};
pub use cors::Cors;
pub use foreign::ForeignUpgrade;
pub use handshake::Handshake;
pub use headers::Headers;
pub use hooks::ConnectionError;
pub use http::Body;
pub use layer::{EitherBody, Layer, Layered};
pub use listener::{Listener, Origin};
pub use metrics::{Metrics, Refused};
pub use options::{Cookie, Options, Refusal};
pub use peer::{PeerAddr, Secure};
pub use serve::{Serve, serve};
pub use service::Service;
pub use shared::Handle;
#[cfg(feature = "rustls")]
pub use tls::Tls;
pub use trusted::{InvalidNetwork, TrustedProxies};

/// What runs on top of a session, in its task: Socket.IO, or a protocol of one's own.
///
/// It is called in the order of events, never at the same time. It sends through the
/// [`Handle`] that it was made with, from here or anywhere.
pub trait Upper: Unpin + Send + 'static {
    /// Something happened. After [`Event::Closed`] the session's task ends.
    fn on_event(&mut self, now: Instant, event: Event);

    /// Lets futures of the layer above run. Called after events, and when the waker of `cx`
    /// or [`Handle::wake`] was called.
    fn poll(&mut self, now: Instant, cx: &mut Context<'_>);

    /// When [`Upper::poll`] is due at the latest.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Whether it has enough to do for now: nothing is read while it says so.
    fn is_full(&self) -> bool {
        false
    }

    /// Gives back memory that is kept for what may come. Called when a timer of the session fires,
    /// which is with each ping at least: whoever is busy makes it again, and nobody keeps for hours
    /// what a burst has left.
    fn shrink(&mut self) {}

    /// Bytes that it holds of what came in; they count against [`Options::memory_budget`].
    fn held(&self) -> usize {
        0
    }
}

/// Reaches all sessions of a [`Service`].
#[derive(Clone, Debug)]
pub struct Server {
    core: Arc<core::Core>,
}

impl Server {
    /// How often what happened, since the server began.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.core.counters.read()
    }

    /// Sessions that are there. Node calls it `clientsCount`.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.core.sessions()
    }

    /// Sessions that have not ended. Of the others, long-polling ones are kept until a poll has
    /// told their client.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.core.open_sessions()
    }

    /// TCP connections that [`serve()`] has open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.core
            .connections
            .load(crate::net::sync::Ordering::SeqCst)
    }

    /// Tasks that sessions have: one each, and one for each WebSocket that is being closed.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.core.tasks.load(crate::net::sync::Ordering::SeqCst)
    }

    /// Bytes of memory that queues hold, against [`Options::memory_budget`]. What several share
    /// counts once, and what a queue has below 4 KiB does not.
    #[must_use]
    pub fn queue_memory(&self) -> usize {
        self.core.memory.used()
    }

    /// Bytes of what came in and is unfinished or waits for the layer above, against [`Options::memory_budget`], too.
    #[must_use]
    pub fn input_memory(&self) -> usize {
        self.core.incoming.used()
    }

    /// Sessions that ended because all queues together went over the budget.
    #[must_use]
    pub fn evicted(&self) -> usize {
        self.core.evicted.load(crate::net::sync::Ordering::Relaxed)
    }

    /// Bytes that wait for clients, as they go over the wire.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.core.queued_bytes()
    }

    /// Refuses new sessions; those that are there go on.
    pub fn refuse(&self) {
        self.core.refuse();
    }

    /// Refuses new sessions, and ends those that are there one after another, evenly spread
    /// over `time`: a new server need not take all clients at once. Cancel safe: those that
    /// were not ended yet go on.
    pub async fn close_spread(&self, time: Duration) {
        self.core.refuse();
        let sessions = self.core.all();
        let start = tokio::time::Instant::now();
        let count = u32::try_from(sessions.len()).unwrap_or(u32::MAX).max(1);
        for (index, session) in (0_u32..).zip(sessions) {
            tokio::time::sleep_until(start + time / count * index).await;
            session.close(CloseReason::ForcedClose);
        }
    }

    /// Refuses new sessions and ends those that are there. What was sent before still leaves,
    /// as far as the peers read.
    pub fn close(&self) {
        self.core.close(CloseReason::ForcedClose);
    }

    /// Whether new sessions are refused.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.core.is_closing()
    }
}

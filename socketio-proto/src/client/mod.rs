//! The client's end, as a machine: one for each manager. The Engine.IO connections underneath come
//! and go; namespaces, what waits to be sent, keys and offsets of recovery stay.
//!
//! ```text
//!                        opened             authenticate               CONNECT answer
//! ┌──────┐  connect ┌─────────┐ ┌────────────────┐     ┌────────────┐         ┌───────────┐
//! │ Idle │ ───────▶ │ Waiting │▶│ Authenticating │ ──▶ │ Connecting │ ──────▶ │ Connected │
//! └──────┘          └─────────┘ └────────────────┘     └────────────┘         └───────────┘
//!     ▲                  ▲              │                 │   │                 │   │
//!     │                  └──────────────┴──── closed ─────┘   │        closed ──┘   │
//!     │                        CONNECT_ERROR, disconnect      │                     │
//!     └───────────────────────────────────────────────────────┴─────── DISCONNECT ──┘
//! ```
//! # Contract
//! 1. Whoever asked for a namespace with [`Connection::connect`] is asked for its credentials
//!    ([`Event::AuthNeeded`]) at every connection anew, in the order of asking; an answer to an
//!    earlier question is refused.
//! 2. For every [`Event::Connected`] there is exactly one [`Event::Disconnected`].
//! 3. [`Event::Refused`] ends the wish: nothing is tried again until `connect`. So do
//!    `disconnect` and the server's DISCONNECT. When no namespace is wanted any more, the
//!    connection closes with [`CloseReason::ForcedClose`].
//! 4. Events of the server that come before the answer to CONNECT are kept and come out before
//!    `Connected`, what was emitted meanwhile leaves before it too, in order.
//! 5. An event that is emitted while its namespace is not connected waits, within
//!    [`Config::max_buffered`]; a volatile one is dropped.
//! 6. Every emit with an ack ends once: [`Event::Acked`] or [`Event::AckFailed`]. Its time counts
//!    from the emit when it was given, from the sending when it is [`Config::ack_timeout`]. When
//!    it ends before the event was sent, the event is not sent. A disconnect ends those whose
//!    event was sent.
//! 7. With [`Settings::retries`] one event at a time is out, volatile ones apart; it is sent
//!    again, under a new id, when its answer is late and after a reconnection, until it was sent
//!    `1 + retries` times. It ends as in 6 if an answer is wanted, and silently if not.
//! 8. An answer to an event of the server is never sent on a later connection.
//! 9. After a recovery key was given, CONNECT carries it (`pid`) and the offset of the last event
//!    that came out, if one did.
//! 10. What cannot be read closes the connection with [`CloseReason::ParseError`]. Packets for a
//!     namespace that nobody wants are ignored.
//! 11. A client that leaves a namespace while its CONNECT is out says so when the answer comes,
//!     if the connection lives on.
//! 12. Timers that are due fire before the input of the same call is looked at.

mod connection;
mod entering;
mod inbound;
mod leaving;
mod namespace;
mod outbound;

use std::time::Duration;

use engineio::{Batch, CloseReason, Text};

use crate::args::RawArgs;
use crate::error::DisconnectReason;
use crate::id::{AckId, NamespaceId, SocketId};
use crate::limits::Limits;
use crate::packet::ConnectError;

pub use connection::Connection;

/// The settings of a client's connections.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How long the answer to an event may take that was emitted without a time of its own, from
    /// when it was sent. 30 s; Node waits for ever.
    pub ack_timeout: Duration,
    /// Most bytes of events that wait for a connection or for their turn, of all namespaces
    /// together. 16 MiB; Node has no bound.
    pub max_buffered: usize,
    /// Most bytes of events that come before the answer to CONNECT; with more the connection
    /// closes. 16 MiB; Node has no bound.
    pub max_early: usize,
    /// How much a server may make us hold.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ack_timeout: Duration::from_secs(30),
            max_buffered: 16 * 1024 * 1024,
            max_early: 16 * 1024 * 1024,
            limits: Limits::default(),
        }
    }
}

/// What may differ between the namespaces of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How often an event is sent again that the server did not answer. With 0, the default,
    /// events leave at once and at most once.
    pub retries: u32,
    /// The time that an answer may take when an emit does not say. Default none, and so
    /// [`Config::ack_timeout`] from the sending.
    pub ack_timeout: Option<Duration>,
    /// Whether [`Event::Sent`] is wanted. Default no.
    pub watch_sent: bool,
}

/// How an event is emitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Emit {
    /// Drop it when the namespace is not connected. Whether the transport is busy is for the
    /// caller to look at before.
    pub volatile: bool,
    /// Under which name the answer is wanted, if it is.
    pub ack: Option<EmitId>,
    /// How long it may take, from now.
    pub timeout: Option<Duration>,
}

impl Emit {
    /// Sets [`Emit::volatile`].
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sets [`Emit::ack`].
    #[must_use]
    pub fn ack(mut self, emit: EmitId) -> Self {
        self.ack = Some(emit);
        self
    }

    /// Sets [`Emit::timeout`].
    #[must_use]
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }
}

/// The name of one emit, given by the caller, for the answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmitId(u64);

impl EmitId {
    /// Ids must not repeat.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self(id)
    }
}

/// The name of one question for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt(u64);

/// What the server's wish for an answer is answered with, on the same connection only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    id: AckId,
    life: u64,
}

impl Reply {
    /// The id on the wire.
    #[must_use]
    pub fn id(&self) -> AckId {
        self.id
    }
}

/// What the caller has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these frames.
    Send(Batch),
    /// Tell the application.
    Event(Event),
    /// Close the Engine.IO connection. Nothing follows before the next one opens.
    Close(CloseReason),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Credentials are wanted: answer with [`Connection::authenticate`], or give up with
    /// [`Connection::abandon`].
    AuthNeeded {
        /// For this namespace.
        namespace: NamespaceId,
        /// The name of the question.
        attempt: Attempt,
    },
    /// The server let us in.
    Connected {
        /// To this namespace.
        namespace: NamespaceId,
        /// Under this id.
        id: SocketId,
        /// With the session of before: nothing was missed, what it missed has come out.
        recovered: bool,
    },
    /// The server does not let us in.
    Refused {
        /// To this namespace.
        namespace: NamespaceId,
        /// Why.
        error: ConnectError,
    },
    /// It sent an event.
    Received {
        /// To this namespace.
        namespace: NamespaceId,
        /// The name of the event.
        name: Text,
        /// What it carries. While the server can recover sessions, the offset is a last argument
        /// more, as in Node.
        args: RawArgs,
        /// What it is answered with, if it wants to be.
        reply: Option<Reply>,
    },
    /// An event has left, with [`Settings::watch_sent`].
    Sent {
        /// To this namespace.
        namespace: NamespaceId,
        /// The name of the event.
        name: Text,
        /// What it carries.
        args: RawArgs,
    },
    /// The server answered an event.
    Acked {
        /// In this namespace.
        namespace: NamespaceId,
        /// The event.
        emit: EmitId,
        /// What the answer says.
        args: RawArgs,
    },
    /// No answer to an event will come.
    AckFailed {
        /// In this namespace.
        namespace: NamespaceId,
        /// The event.
        emit: EmitId,
        /// Why.
        failure: AckFailure,
    },
    /// We are not in the namespace any more.
    Disconnected {
        /// The namespace.
        namespace: NamespaceId,
        /// Why.
        reason: DisconnectReason,
    },
}

/// Why an event was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AckFailure {
    /// The connection ended between the event and its answer.
    #[error("the connection ended before the answer came")]
    Disconnected,
    /// A volatile event had nowhere to go, or its namespace was removed.
    #[error("the event was dropped")]
    Dropped,
    /// The answer did not come in time.
    #[error("the answer did not come in time")]
    Timeout,
}

#[cfg(test)]
mod tests;

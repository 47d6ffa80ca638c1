//! The server's end of one connection, as a machine: messages and the time in, [`Output`]s out.
//!
//! ```text
//!             CONNECT                accept
//!   (unknown) ───────▶ Connecting ───────────▶ Connected ──┬─ DISCONNECT ──────▶ (unknown)
//!       ▲                  │ refuse                        └─ disconnect() ───▶ Left ─┐
//!       └──────────────────┘                ▲                                         │
//!                                           └── Connecting ◀────── CONNECT ───────────┘
//! ```
//! # Contract
//! 1. A CONNECT makes one [`Event::ConnectRequested`], and the namespace is marked before
//!    anything else happens. It is answered by [`Connection::accept`] or [`Connection::refuse`],
//!    whenever the caller knows.
//! 2. A second CONNECT for a namespace that is connecting or connected, any other packet for a
//!    namespace that is not connected, a CONNECT_ERROR, and everything that is no packet close
//!    the connection. Where attachments follow, this is judged before the first of them.
//! 3. For every accepted namespace there is exactly one [`Event::Disconnected`], and nothing for
//!    that namespace between it and the next CONNECT.
//! 4. Closing, for whatever reason, is: `Disconnected` for every connected namespace, then
//!    [`Output::Close`] unless the transport closed first, then silence. Calls return
//!    [`Misuse::Closed`](crate::Misuse::Closed).
//! 5. After [`Connection::disconnect`] late packets of the client for that namespace are
//!    ignored until it connects again. (Node closes the connection: a client that had just sent
//!    something loses its other namespaces.)
//! 6. Leaving the last namespace does not close, but starts the connect timeout again. A
//!    namespace that is still connecting does not stop it.
//! 7. Events and acks come out in the order of their arrival. An ack that nobody expects (late,
//!    twice, unknown) is ignored.
//! 8. An expected ack ends once: [`Event::Acked`], [`Event::AckExpired`], or with the
//!    `Disconnected` of its namespace.
//! 9. A CONNECT beyond [`Limits::namespaces`](crate::Limits::namespaces) gets a CONNECT_ERROR.
//! 10. Timers that are due fire before the input of the same call is looked at.
//! 11. A client of [`Revision::V4`](crate::Revision::V4) asks for `/` by being there: the first
//!     event is [`Event::ConnectRequested`] for it. It is let in by `0` without payload and
//!     refused by a bare JSON value, and its auth payload is the query behind the namespace.
//! 12. Where a [user's parser](crate::UserParser) cannot write a packet of the machine's own, the
//!     connection closes with [`CloseReason::ServerError`].

mod connection;
mod end;
mod names;
mod packets;

use std::time::Duration;

use engineio::{Batch, CloseReason, Text};

use crate::args::RawArgs;
use crate::error::DisconnectReason;
use crate::id::{AckId, NamespaceId};
use crate::limits::Limits;

pub use connection::Connection;

/// The settings of a server's connections.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How long a connection may be without a namespace. 45 s, as Node's `connectTimeout`.
    pub connect_timeout: Duration,
    /// How long the attachments of a packet may take. 30 s.
    pub assembly_timeout: Duration,
    /// How much a client may make us hold.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(45),
            assembly_timeout: Duration::from_secs(30),
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Sets [`Config::connect_timeout`].
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`Config::assembly_timeout`].
    #[must_use]
    pub fn assembly_timeout(mut self, timeout: Duration) -> Self {
        self.assembly_timeout = timeout;
        self
    }

    /// Sets [`Config::limits`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// What the caller has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these frames.
    Send(Batch),
    /// Tell the application.
    Event(Event),
    /// Close the connection. Nothing follows.
    Close(CloseReason),
}

/// What the client did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// It asks to join: answer with [`Connection::accept`] or [`Connection::refuse`].
    ConnectRequested {
        /// Where to.
        namespace: NamespaceId,
        /// The JSON object of its credentials.
        auth: Option<Text>,
    },
    /// It sent an event.
    Received {
        /// To this namespace.
        namespace: NamespaceId,
        /// The name of the event.
        name: Text,
        /// What the event carries.
        args: RawArgs,
        /// It waits for an answer under this id.
        ack: Option<AckId>,
    },
    /// It answered an event.
    Acked {
        /// In this namespace.
        namespace: NamespaceId,
        /// The id given to [`Connection::expect_ack`].
        id: AckId,
        /// What the answer says.
        args: RawArgs,
    },
    /// It did not answer an event in time.
    AckExpired {
        /// In this namespace.
        namespace: NamespaceId,
        /// The id given to [`Connection::expect_ack`].
        id: AckId,
    },
    /// It is no longer in the namespace, and owes no ack there.
    Disconnected {
        /// The namespace.
        namespace: NamespaceId,
        /// Why.
        reason: DisconnectReason,
    },
}

#[cfg(test)]
mod tests;

//! Packets to messages and back.
//!
//! ```text
//! <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]      then one binary message for each
//! 0{"sid":"…"}      2["name",1]      3/chat,7["answer"]       attachment, in order
//! 51-/chat,7["name",{"_placeholder":true,"num":0}]
//! ```
//! (socket.io-protocol v5, "Packet encoding"; differences from Node's parser, all of them
//! stricter, are in `docs/parser-differences.md`.)

mod decode;
mod encode;
mod header;
mod scan;

use engineio::Batch;

use crate::args::IntoArgs;
use crate::error::EncodeError;
use crate::id::{AckId, NamespaceId, SessionKey, SocketId};
use crate::limits::Limits;
use crate::packet::ConnectError;

pub use decode::Decoder;

/// How packets are written: the same on both ends of a connection.
///
/// Whatever the parser, arguments pass through [`RawArgs`](crate::RawArgs): JSON text and
/// attachments.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Parser {
    /// JSON text, and a binary message for each attachment: the default of every implementation.
    #[default]
    Json,
}

impl Parser {
    /// A reader for the messages of one connection.
    #[must_use]
    pub fn decoder(&self, limits: Limits) -> Decoder {
        match self {
            Self::Json => Decoder::new(limits),
        }
    }

    /// An event: `2["name",…]`.
    ///
    /// # Errors
    /// A reserved name, too many attachments, or a payload that does not serialise.
    pub fn event<P: IntoArgs + ?Sized>(
        &self,
        namespace: &NamespaceId,
        name: &str,
        payload: &P,
        ack: Option<AckId>,
        limits: &Limits,
    ) -> Result<Batch, EncodeError> {
        match self {
            Self::Json => encode::event(namespace, name, payload, ack, limits),
        }
    }

    /// The answer to the event that asked for it under `id`: `37[…]`.
    ///
    /// # Errors
    /// Too many attachments, or a payload that does not serialise.
    pub fn ack<P: IntoArgs + ?Sized>(
        &self,
        namespace: &NamespaceId,
        id: AckId,
        payload: &P,
        limits: &Limits,
    ) -> Result<Batch, EncodeError> {
        match self {
            Self::Json => encode::ack(namespace, id, payload, limits),
        }
    }

    /// The server lets a client in: `0{"sid":"…"}`, with `"pid"` behind it when there is a key.
    #[must_use]
    pub fn connected(
        &self,
        namespace: &NamespaceId,
        id: &SocketId,
        key: Option<&SessionKey>,
    ) -> Batch {
        match self {
            Self::Json => encode::connected(namespace, id, key),
        }
    }

    /// A client wants in: `0` and the JSON object `auth`. Without it this is also how a server
    /// lets a client of [revision 4](crate::Revision::V4) in.
    #[must_use]
    pub fn connect(&self, namespace: &NamespaceId, auth: Option<&str>) -> Batch {
        match self {
            Self::Json => encode::connect(namespace, auth),
        }
    }

    /// The server refuses a client: `4{"message":"…"}`.
    #[must_use]
    pub fn connect_error(&self, namespace: &NamespaceId, error: &ConnectError) -> Batch {
        match self {
            Self::Json => encode::connect_error(namespace, error),
        }
    }

    /// The server refuses a client of [revision 4](crate::Revision::V4): `4"…"`, or `4` and the
    /// data if the error has any.
    #[must_use]
    pub fn error(&self, namespace: &NamespaceId, error: &ConnectError) -> Batch {
        match self {
            Self::Json => encode::error(namespace, error),
        }
    }

    /// The sender leaves the namespace, or puts the client out: `1`.
    #[must_use]
    pub fn disconnect(&self, namespace: &NamespaceId) -> Batch {
        match self {
            Self::Json => encode::disconnect(namespace),
        }
    }
}

#[cfg(test)]
mod tests;

//! Packets to messages and back: [`Parser`], one of three.
//!
//! What a packet carries is the same with all of them, [`RawArgs`]: JSON text and attachments.
//! Differences from Node's parsers, all of them stricter, are in `docs/parser-differences.md`.

mod decoder;
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
pub(crate) mod scan;
mod user;

use std::sync::Arc;

use engineio::{Batch, Text};

use crate::args::{IntoArgs, RawArgs};
use crate::error::EncodeError;
use crate::id::{AckId, NamespaceId, SessionKey, SocketId};
use crate::limits::Limits;
use crate::packet::{Body, ConnectError, Packet, is_reserved};

pub use decoder::Decoder;
pub use user::{UserDecoder, UserParser};

/// How packets are written: the same on both ends of a connection.
///
/// Whatever the parser, arguments pass through [`RawArgs`]: JSON text and attachments.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Parser {
    /// JSON text, and a binary message for each attachment: the default of every implementation.
    #[default]
    Json,
    /// One binary message for each packet, with bytes in their places: what
    /// `socket.io-msgpack-parser` of npm speaks.
    ///
    /// Of its extension types, a `Date` is read as the string that JSON makes of it, `undefined`
    /// as `null` and an `ArrayBuffer` as bytes; any other is an array of its number and its
    /// bytes, as in Node. Keys of maps are strings, or integers that become strings.
    #[cfg(feature = "msgpack")]
    Msgpack,
    /// Anything else.
    User(Arc<dyn UserParser>),
}

impl Parser {
    /// The parser of a user.
    #[must_use]
    pub fn user(parser: impl UserParser + 'static) -> Self {
        Self::User(Arc::new(parser))
    }

    /// A reader for the messages of one connection.
    #[must_use]
    pub fn decoder(&self, limits: Limits) -> Decoder {
        Decoder::new(self, limits)
    }

    /// Writes any packet.
    ///
    /// # Errors
    /// A reserved name, too many attachments, or arguments that this form cannot express.
    pub fn encode(&self, packet: &Packet, limits: &Limits) -> Result<Batch, EncodeError> {
        if matches!(&packet.body, Body::Event { name, .. } if is_reserved(name)) {
            return Err(EncodeError::Reserved);
        }
        match self {
            Self::Json => json::packet(packet, limits),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => msgpack::packet(packet),
            Self::User(parser) => parser.encode(packet, limits),
        }
    }

    /// An event: `2["name",…]` in JSON.
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
        if is_reserved(name) {
            return Err(EncodeError::Reserved);
        }
        if matches!(self, Self::Json) {
            return json::event(namespace, name, payload, ack, limits);
        }
        let (name, args) = (name.into(), RawArgs::encode(payload)?);
        self.body(namespace, Body::Event { name, args, ack }, limits)
    }

    /// The answer to the event that asked for it under `id`: `37[…]` in JSON.
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
        if matches!(self, Self::Json) {
            return json::ack(namespace, id, payload, limits);
        }
        let args = RawArgs::encode(payload)?;
        self.body(namespace, Body::Ack { id, args }, limits)
    }

    /// The server lets a client in: `0{"sid":"…"}` in JSON, with `"pid"` behind it when there is
    /// a key.
    ///
    /// # Errors
    /// Those of a [user's parser](UserParser::encode).
    pub fn connected(
        &self,
        namespace: &NamespaceId,
        id: &SocketId,
        key: Option<&SessionKey>,
    ) -> Result<Batch, EncodeError> {
        let mut payload = format!("{{\"sid\":\"{id}\"");
        if let Some(key) = key {
            payload.push_str(",\"pid\":");
            payload.push_str(&string(key.as_str()));
        }
        payload.push('}');
        self.connect(namespace, Some(payload.into()))
    }

    /// A client wants in: `0` in JSON, and the JSON object `auth`. Without it this is also how a
    /// server lets a client of [revision 4](crate::Revision::V4) in.
    ///
    /// # Errors
    /// The object has no form in this parser.
    pub fn connect(
        &self,
        namespace: &NamespaceId,
        auth: Option<Text>,
    ) -> Result<Batch, EncodeError> {
        self.control(namespace, Body::Connect { payload: auth })
    }

    /// The server refuses a client: `4{"message":"…"}` in JSON.
    ///
    /// # Errors
    /// The data of the error have no form in this parser.
    pub fn connect_error(
        &self,
        namespace: &NamespaceId,
        error: &ConnectError,
    ) -> Result<Batch, EncodeError> {
        let mut payload = format!("{{\"message\":{}", string(error.message()));
        if let Some(data) = error.data_json() {
            payload.push_str(",\"data\":");
            payload.push_str(data);
        }
        payload.push('}');
        let payload = payload.into();
        self.control(namespace, Body::ConnectError { payload })
    }

    /// The server refuses a client of [revision 4](crate::Revision::V4): `4"…"` in JSON, or `4`
    /// and the data if the error has any. The msgpack parser of those clients takes nothing but
    /// strings, and gets the message unless the data are one.
    ///
    /// # Errors
    /// As [`Parser::connect_error`].
    pub fn error(
        &self,
        namespace: &NamespaceId,
        error: &ConnectError,
    ) -> Result<Batch, EncodeError> {
        let data = error.data_json();
        #[cfg(feature = "msgpack")]
        let data = data.filter(|data| !matches!(self, Self::Msgpack) || data.starts_with('"'));
        let payload = data.map_or_else(|| string(error.message()), str::to_owned);
        let payload = payload.into();
        self.control(namespace, Body::ConnectError { payload })
    }

    /// The sender leaves the namespace, or puts the client out: `1` in JSON.
    ///
    /// # Errors
    /// Those of a [user's parser](UserParser::encode).
    pub fn disconnect(&self, namespace: &NamespaceId) -> Result<Batch, EncodeError> {
        self.control(namespace, Body::Disconnect)
    }

    /// A packet that has no attachments, so that their limit does not matter.
    fn control(&self, namespace: &NamespaceId, body: Body) -> Result<Batch, EncodeError> {
        self.body(namespace, body, &Limits::default())
    }

    fn body(
        &self,
        namespace: &NamespaceId,
        body: Body,
        limits: &Limits,
    ) -> Result<Batch, EncodeError> {
        let namespace = namespace.clone();
        self.encode(&Packet { namespace, body }, limits)
    }
}

/// A string in JSON.
fn string(text: &str) -> String {
    serde_json::to_string(text).expect("a string always has a form in JSON")
}

#[cfg(test)]
mod tests;

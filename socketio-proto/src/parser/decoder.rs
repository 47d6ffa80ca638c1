//! [`Decoder`]: the messages of one connection to packets, whatever the parser.

use engineio::Data;

#[cfg(feature = "msgpack")]
use super::msgpack;
use super::user::Checked;
use super::{Parser, json};
use crate::error::DecodeError;
use crate::id::NamespaceId;
use crate::limits::Limits;
use crate::packet::{Packet, Revision};

/// Reads the messages of one connection, one after the other.
///
/// After an error the connection has to end: what follows would be read out of step.
#[derive(Debug)]
pub struct Decoder(Form);

#[derive(Debug)]
enum Form {
    Json(json::Decoder),
    #[cfg(feature = "msgpack")]
    Msgpack(msgpack::Decoder),
    /// Larger than the others, and rare.
    User(Box<Checked>),
}

impl Decoder {
    pub(super) fn new(parser: &Parser, limits: Limits) -> Self {
        Self(match parser {
            Parser::Json => Form::Json(json::Decoder::new(limits)),
            #[cfg(feature = "msgpack")]
            Parser::Msgpack => Form::Msgpack(msgpack::Decoder::new(limits)),
            Parser::User(parser) => {
                Form::User(Box::new(Checked::new(parser.decoder(limits), limits)))
            }
        })
    }

    /// Reads what a client of this revision sends. Of a CONNECT in revision 4 the payload is the
    /// query behind the namespace, as a JSON object of strings. The parser of a user is not told.
    #[must_use]
    pub fn revision(self, revision: Revision) -> Self {
        Self(match self.0 {
            Form::Json(decoder) => Form::Json(decoder.revision(revision)),
            #[cfg(feature = "msgpack")]
            Form::Msgpack(decoder) => Form::Msgpack(decoder.revision(revision)),
            Form::User(decoder) => Form::User(decoder),
        })
    }

    /// Takes the next message. `None`: the packet needs more messages.
    ///
    /// # Errors
    /// The peer does not speak the protocol, or exceeds a limit.
    pub fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError> {
        match &mut self.0 {
            Form::Json(decoder) => decoder.feed(data),
            #[cfg(feature = "msgpack")]
            Form::Msgpack(decoder) => decoder.feed(data).map(Some),
            Form::User(decoder) => decoder.feed(data),
        }
    }

    /// Whether a packet has come without all of its messages.
    #[must_use]
    pub fn is_assembling(&self) -> bool {
        match &self.0 {
            Form::Json(decoder) => decoder.assembling().is_some(),
            #[cfg(feature = "msgpack")]
            Form::Msgpack(_) => false,
            Form::User(decoder) => decoder.is_assembling(),
        }
    }

    /// The namespace of the packet that has come without all of its messages, where it is known:
    /// the parser of a user does not tell.
    #[must_use]
    pub fn assembling(&self) -> Option<&NamespaceId> {
        match &self.0 {
            Form::Json(decoder) => decoder.assembling(),
            #[cfg(feature = "msgpack")]
            Form::Msgpack(_) => None,
            Form::User(_) => None,
        }
    }

    /// Bytes of the unfinished packet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        match &self.0 {
            Form::Json(decoder) => decoder.buffered(),
            #[cfg(feature = "msgpack")]
            Form::Msgpack(_) => 0,
            Form::User(decoder) => decoder.buffered(),
        }
    }
}

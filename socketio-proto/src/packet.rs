//! [`Packet`]: what travels between the two ends, once it has been told from its wire form.

use std::fmt;

use engineio::{Protocol, Text};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::args::RawArgs;
use crate::error::EncodeError;
use crate::id::{AckId, NamespaceId};

/// The revision of Socket.IO that a client speaks, which goes with that of Engine.IO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Revision {
    /// Clients 1.x and 2.x, over Engine.IO 3: they are in `/` without asking, and have no auth
    /// payload but the query behind the name of a namespace.
    V4,
    /// Clients since 3.0, over Engine.IO 4.
    #[default]
    V5,
}

impl From<Protocol> for Revision {
    fn from(engine: Protocol) -> Self {
        match engine {
            Protocol::V3 => Self::V4,
            Protocol::V4 => Self::V5,
        }
    }
}

/// One packet (socket.io-protocol v5, "Packet encoding"), with its attachments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The namespace that it is for.
    pub namespace: NamespaceId,
    /// What it says.
    pub body: Body,
}

/// The kinds of packets. Whether there are attachments is a property of the arguments, although
/// the wire has two more types for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// `0`: the client asks to join and the server says that it did.
    Connect {
        /// A JSON object: the client's credentials, or the server's `{"sid":…}`.
        payload: Option<Text>,
    },
    /// `1`: the sender leaves, or puts the receiver out.
    Disconnect,
    /// `2`, or `5` with attachments.
    Event {
        /// The first element of the payload. A number is seen as its text.
        name: Text,
        /// The other elements.
        args: RawArgs,
        /// The sender waits for an answer under this id.
        ack: Option<AckId>,
    },
    /// `3`, or `6` with attachments: the answer to an event.
    Ack {
        /// That of the event.
        id: AckId,
        /// What the answer says.
        args: RawArgs,
    },
    /// `4`: the server refuses the client.
    ConnectError {
        /// A JSON object or string.
        payload: Text,
    },
}

/// Whether an event of this name is the library's own and may not be sent.
#[must_use]
pub const fn is_reserved(name: &str) -> bool {
    matches!(
        name.as_bytes(),
        b"connect"
            | b"connect_error"
            | b"disconnect"
            | b"disconnecting"
            | b"newListener"
            | b"removeListener"
    )
}

/// Why a client is not let into a namespace: `{"message":"…","data":…}`, where `data` is left out
/// when there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError {
    message: Text,
    data: Option<Text>,
}

impl ConnectError {
    /// A refusal without data.
    #[must_use]
    pub fn new(message: impl Into<Text>) -> Self {
        Self {
            message: message.into(),
            data: None,
        }
    }

    /// Adds what the client's code may look at. Bytes in it become arrays of numbers: this
    /// packet has no attachments.
    ///
    /// # Errors
    /// The value does not serialise.
    pub fn data<T: Serialize + ?Sized>(mut self, data: &T) -> Result<Self, EncodeError> {
        let text = serde_json::to_string(data)
            .map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
        self.data = Some(text.into());
        Ok(self)
    }

    /// Reads the payload of a CONNECT_ERROR: an object with a message, or whatever a server of
    /// another making says, which is the message then.
    #[must_use]
    pub fn from_payload(payload: &str) -> Self {
        #[derive(Deserialize)]
        struct Refusal<'a> {
            message: String,
            #[serde(borrow, default)]
            data: Option<&'a RawValue>,
        }
        match serde_json::from_str(payload) {
            Ok(Refusal { message, data }) => Self {
                message: message.into(),
                data: data.map(|data| data.get().into()),
            },
            Err(_) => {
                let message = serde_json::from_str::<String>(payload);
                Self::new(message.unwrap_or_else(|_| payload.to_owned()))
            }
        }
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The JSON text of the data.
    #[must_use]
    pub fn data_json(&self) -> Option<&str> {
        self.data.as_deref()
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectError {}

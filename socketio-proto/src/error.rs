//! Errors by family: the peer's faults, the payload's, the caller's. And why a socket left.

use std::fmt;

use engineio::CloseReason;

/// Why a message of the peer is not a Socket.IO packet. The connection ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The first byte is not one of `0` to `6`, or there is none.
    #[error("expected a packet type from 0 to 6")]
    UnknownType,
    /// The attachment count is not a positive number with a `-` behind it.
    #[error("expected a count of attachments from 1 on, and '-'")]
    InvalidAttachments,
    /// More attachments than [`Limits::attachments`](crate::Limits::attachments).
    #[error("too many attachments")]
    TooManyAttachments,
    /// More arguments than [`Limits::arguments`](crate::Limits::arguments).
    #[error("too many arguments")]
    TooManyArguments,
    /// The namespace is too long or has a control character.
    #[error("expected a namespace")]
    InvalidNamespace,
    /// The ack id is missing where it is due, or is not at most 16 digits up to 2^53-1.
    #[error("expected an ack id of 1 to 16 digits up to 2^53-1")]
    InvalidAckId,
    /// The content is not the JSON that the packet type demands.
    #[error("expected the JSON that belongs to the packet type")]
    InvalidPayload,
    /// The event has no name: neither a string nor a number comes first.
    #[error("expected a string or a number as the name of the event")]
    InvalidName,
    /// The name of the event belongs to the library.
    #[error("the name of the event is reserved")]
    ReservedName,
    /// Arrays and objects lie deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("the payload is nested too deep")]
    TooDeep,
    /// More bytes than [`Limits::packet_bytes`](crate::Limits::packet_bytes).
    #[error("the packet is larger than allowed")]
    TooLarge,
    /// The placeholders do not name every attachment exactly once.
    #[error("expected one placeholder for each attachment")]
    InvalidPlaceholder,
    /// The message is not of the form that the parser reads: cut off, longer than it says, with
    /// something that the form does not have. Not in JSON, where it is told what was expected.
    #[error("expected a message in the form of the parser")]
    Malformed,
    /// A binary message that no packet announced, or that the parser never reads.
    #[error("expected a text message before a binary one")]
    UnexpectedBinary,
    /// A text message where an attachment was due, or that the parser never reads.
    #[error("expected a binary message")]
    UnexpectedText,
}

/// Why arguments do not have the type that their reader wants. The connection survives it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argument {index}: {message}")]
pub struct ArgsError {
    index: usize,
    message: Box<str>,
}

impl ArgsError {
    /// The argument number `index` (from 0) does not decode.
    #[must_use]
    pub fn new(index: usize, message: impl fmt::Display) -> Self {
        Self {
            index,
            message: message.to_string().into(),
        }
    }

    /// Which argument it was, counted from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// What was expected.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Why a payload cannot be sent. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Something in the payload has the shape of a placeholder for an attachment, beside real
    /// attachments: the receiver could not tell them apart.
    #[error("the payload imitates a placeholder for an attachment")]
    Placeholder,
    /// The name of the event belongs to the library.
    #[error("the name of the event is reserved")]
    Reserved,
    /// The value refused to be serialised, or has no form in JSON.
    #[error("the value does not serialise: {0}")]
    Serialize(Box<str>),
    /// The payload has 4 GiB or more.
    #[error("the payload is too large")]
    TooLarge,
    /// More attachments than [`Limits::attachments`](crate::Limits::attachments), which is what
    /// the peer accepts.
    #[error("too many attachments")]
    TooManyAttachments,
}

/// A fault of the caller of a machine, or a call that lost a race with the peer. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
    /// Credentials are a JSON object.
    #[error("expected a JSON object as credentials")]
    InvalidAuth,
    /// An acknowledgement with this id is already awaited in this namespace.
    #[error("the ack id is in use")]
    DuplicateAck,
    /// The namespace is not connected.
    #[error("the namespace is not connected")]
    NotConnected,
    /// The namespace has not asked to be connected, or was answered already.
    #[error("the namespace is not connecting")]
    NotConnecting,
    /// No acknowledgement with this id is awaited.
    #[error("the ack is not expected")]
    NotExpected,
    /// The connection owes [`Limits::pending_acks`](crate::Limits::pending_acks) already.
    #[error("too many pending acks")]
    TooManyAcks,
}

/// Why a client's machine does not take an event. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection that this belongs to is gone.
    #[error("the connection is closed")]
    Closed,
    /// What is to be sent cannot be.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Too much waits to be sent already.
    #[error("too many bytes wait to be sent")]
    Full,
    /// The server owes [`Limits::pending_acks`](crate::Limits::pending_acks) already.
    #[error("too many pending acks")]
    TooManyAcks,
}

/// Why a socket left its namespace. `Display` is the string that Node reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// On the server: the client left the namespace.
    ClientNamespaceDisconnect,
    /// This side closed the connection.
    ForcedClose,
    /// The server closed the connection.
    ForcedServerClose,
    /// On the client: it left by its own wish.
    IoClientDisconnect,
    /// On the client: the server put it out of the namespace.
    IoServerDisconnect,
    /// The peer sent something that is not the protocol.
    ParseError,
    /// No sign of life within ping interval and ping timeout.
    PingTimeout,
    /// The server ended the connection because of a fault of its own. Not a reason of Node's.
    ServerError,
    /// On the server: it put the client out of the namespace.
    ServerNamespaceDisconnect,
    /// The server is going down.
    ServerShuttingDown,
    /// The outgoing queue stayed over its byte budget. Not a reason of Node's.
    SlowConsumer,
    /// The peer closed the transport.
    TransportClose,
    /// The transport broke.
    TransportError,
}

impl DisconnectReason {
    /// The string that Node reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::IoClientDisconnect => "io client disconnect",
            Self::IoServerDisconnect => "io server disconnect",
            Self::ParseError => "parse error",
            Self::PingTimeout => "ping timeout",
            Self::ServerError => "server error",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::ServerShuttingDown => "server shutting down",
            Self::SlowConsumer => "slow consumer",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<CloseReason> for DisconnectReason {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::ForcedClose => Self::ForcedClose,
            CloseReason::ParseError => Self::ParseError,
            CloseReason::PingTimeout => Self::PingTimeout,
            CloseReason::SlowConsumer => Self::SlowConsumer,
            CloseReason::ServerError => Self::ServerError,
            CloseReason::TransportClose => Self::TransportClose,
            // a reason that engineio may add is a fault of the transport until it is named here
            _ => Self::TransportError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_s_reasons_keep_their_words() {
        for reason in [
            CloseReason::ForcedClose,
            CloseReason::ParseError,
            CloseReason::PingTimeout,
            CloseReason::SlowConsumer,
            CloseReason::ServerError,
            CloseReason::TransportClose,
            CloseReason::TransportError,
        ] {
            let said = DisconnectReason::from(reason).to_string();
            assert_eq!(said, reason.to_string());
        }
    }

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<ArgsError>() <= 32);
        assert!(size_of::<EncodeError>() <= 32);
        assert!(size_of::<DecodeError>() == 1 && size_of::<Misuse>() == 1);
    }
}

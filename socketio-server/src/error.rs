//! Errors by family.

use std::fmt;

use engineio::Text;
use socketio_proto::{ArgsError, EncodeError, InvalidNamespace};

/// Why an event was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The socket is disconnected.
    #[error("the socket is disconnected")]
    Closed,
    /// The name is reserved, or the payload cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// `try_emit` alone: the client's queue is over its soft budget.
    #[error("the outgoing queue is full")]
    Full,
}

impl From<engineio::SendError> for SendError {
    fn from(error: engineio::SendError) -> Self {
        match error {
            engineio::SendError::Full => Self::Full,
            _ => Self::Closed,
        }
    }
}

/// Why a namespace was not mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// The name is longer than 255 bytes or has characters that cannot travel.
    #[error(transparent)]
    Name(#[from] InvalidNamespace),
    /// There is a namespace of that name.
    #[error("a namespace of that name is mounted already")]
    Taken,
}

/// Why the wait for an ack ended without one. Every wait ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The client did not answer in time. Node's words.
    #[error("operation has timed out")]
    Timeout,
    /// The socket disconnected first. Node's words.
    #[error("socket has been disconnected")]
    Disconnected,
    /// The answer is not of the type that was asked for.
    #[error("the answer does not decode: {0}")]
    Decode(#[from] ArgsError),
    /// The event was not sent at all.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The client owes too many answers already.
    #[error("too many pending acks")]
    TooMany,
}

/// What went wrong in a handler. Ends in `on_error`; the connection survives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventError {
    /// The event; `connect` and `disconnect` for those handlers.
    pub event: Text,
    /// What happened.
    pub kind: EventErrorKind,
}

/// What went wrong in a handler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventErrorKind {
    /// The payload is not of the handler's type.
    #[error("the payload does not decode: {0}")]
    Payload(ArgsError),
    /// The handler panicked with this message.
    #[error("the handler panicked: {0}")]
    Panic(Box<str>),
    /// A step of [`before_event`](crate::Namespace::before_event) refused it.
    #[error("{0}")]
    Refused(Refused),
    /// Its answer cannot be encoded.
    #[error("the answer cannot be sent: {0}")]
    Answer(#[from] EncodeError),
}

/// Why an event was refused before its listeners saw it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused: {0}")]
pub struct Refused(Text);

impl Refused {
    /// Refuses with these words.
    #[must_use]
    pub fn new(message: impl Into<Text>) -> Self {
        Self(message.into())
    }

    /// The words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event: String = self.event.chars().take(64).collect();
        write!(f, "event {event:?}: {}", self.kind)
    }
}

impl std::error::Error for EventError {}

/// The words of a panic.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> Box<str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
        .into()
}

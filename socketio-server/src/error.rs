//! Errors by family.

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

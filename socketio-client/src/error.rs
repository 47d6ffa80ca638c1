//! Errors by family.

use std::fmt;

use engineio::CloseReason;
use engineio::client::Detail;
use socketio_proto::client::AckFailure;
use socketio_proto::{ArgsError, ConnectError, InvalidNamespace, SendError};

/// Why a manager was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL names no server.
    #[error(transparent)]
    Url(#[from] engineio::net::client::UrlError),
    /// The path of the URL names no namespace.
    #[error(transparent)]
    Namespace(#[from] InvalidNamespace),
    /// What the connections shall be like is impossible.
    #[error(transparent)]
    Options(#[from] engineio::net::client::BuildError),
}

/// Why a socket is not connected. In Node the `connect_error` event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectFailed {
    /// The server refused: nothing is tried again until [`Socket::connect`](crate::Socket::connect).
    Refused(ConnectError),
    /// There was no connection. With reconnection it is tried again.
    Transport {
        /// What it ended with.
        reason: CloseReason,
        /// What was said of it.
        detail: Option<Detail>,
    },
    /// Somebody called `disconnect`, or dropped the last handle.
    Disconnected,
}

impl ConnectFailed {
    /// The message: the server's, or what went wrong on the way to it (`timeout` as in Node).
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Refused(error) => error.message().to_owned(),
            Self::Transport {
                detail: Some(Detail::OpenTimeout),
                ..
            } => "timeout".to_owned(),
            Self::Transport {
                detail: Some(detail),
                ..
            } => detail.to_string(),
            Self::Transport { reason, .. } => reason.to_string(),
            Self::Disconnected => "the socket was disconnected".to_owned(),
        }
    }

    /// The JSON text of the server's data, where it sent some.
    #[must_use]
    pub fn data_json(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => error.data_json(),
            Self::Transport { .. } | Self::Disconnected => None,
        }
    }
}

impl fmt::Display for ConnectFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(_) => write!(f, "the server refused: {}", self.message()),
            Self::Transport { .. } => write!(f, "no connection: {}", self.message()),
            Self::Disconnected => f.write_str(&self.message()),
        }
    }
}

impl std::error::Error for ConnectFailed {}

/// Why the wait for an answer ended without one. Every wait ends, once its event was sent or when
/// the time that it was given is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The server did not answer in time. Node's words.
    #[error("operation has timed out")]
    Timeout,
    /// The connection ended between the event and its answer. Node's words.
    #[error("socket has been disconnected")]
    Disconnected,
    /// The event was volatile and had nowhere to go, or its socket was removed.
    #[error("the event was dropped")]
    Dropped,
    /// The answer is not of the type that was asked for.
    #[error("the answer does not decode: {0}")]
    Decode(#[from] ArgsError),
    /// The event was not sent at all.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl From<AckFailure> for AckError {
    fn from(failure: AckFailure) -> Self {
        match failure {
            AckFailure::Timeout => Self::Timeout,
            AckFailure::Dropped => Self::Dropped,
            // the machine may learn to tell more
            _ => Self::Disconnected,
        }
    }
}

//! Errors by family, and the reasons for which a session ends.

use std::fmt;

/// Why a session ended. `Display` is the string that Node's engine reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side closed it.
    ForcedClose,
    /// The peer sent something that is not the protocol.
    ParseError,
    /// No sign of life within ping interval and ping timeout.
    PingTimeout,
    /// The outgoing queue stayed over its byte budget. Not a reason of Node's, which buffers
    /// without bound.
    SlowConsumer,
    /// The server ended the session because of a fault of its own. Not a reason of Node's.
    ServerError,
    /// The peer closed the transport.
    TransportClose,
    /// The transport broke.
    TransportError,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ForcedClose => "forced close",
            Self::ParseError => "parse error",
            Self::PingTimeout => "ping timeout",
            Self::SlowConsumer => "slow consumer",
            Self::ServerError => "server error",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
        })
    }
}

/// Why bytes from a peer are not an Engine.IO packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A packet or payload without content.
    #[error("expected a packet, found nothing")]
    Empty,
    /// The first character names no packet type, or the rest does not fit it.
    #[error("expected an Engine.IO packet")]
    UnknownPacket,
    /// The content of a `b` packet is not base64.
    #[error("expected base64 after 'b'")]
    InvalidBase64,
    /// The open packet's content is not the JSON that the protocol demands.
    #[error("expected the handshake's JSON object")]
    InvalidHandshake,
    /// A text that is not UTF-8.
    #[error("expected UTF-8")]
    InvalidUtf8,
    /// More packets in one payload than allowed.
    #[error("too many packets in one payload")]
    TooManyPackets,
    /// More bytes in one packet or payload than allowed.
    #[error("larger than the maximum payload")]
    TooLarge,
}

/// Why a batch was not taken for sending. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is closing or closed.
    #[error("the session is closed")]
    Closed,
    /// The outgoing queue is over its byte budget.
    #[error("the outgoing queue is full")]
    Full,
}

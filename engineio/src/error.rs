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

impl CloseReason {
    /// Node's words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ForcedClose => "forced close",
            Self::ParseError => "parse error",
            Self::PingTimeout => "ping timeout",
            Self::SlowConsumer => "slow consumer",
            Self::ServerError => "server error",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
    /// The length before a packet (revision 3) is no number, or not the packet's.
    #[error("expected the packet's length")]
    InvalidLength,
    /// What stands before the payload in a form (JSONP) is missing.
    #[error("expected a form with one field 'd'")]
    InvalidForm,
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

/// Why a request was refused, with Node's code and message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Code 0.
    #[error("Transport unknown")]
    UnknownTransport,
    /// Code 1.
    #[error("Session ID unknown")]
    UnknownSession,
    /// Code 2.
    #[error("Bad handshake method")]
    BadMethod,
    /// Code 3.
    #[error("Bad request")]
    BadRequest,
    /// Code 4, with the words of whoever forbade it.
    #[error("{0}")]
    Forbidden(std::borrow::Cow<'static, str>),
    /// Code 5.
    #[error("Unsupported protocol version")]
    UnsupportedVersion,
}

impl HandshakeError {
    /// Code 4 with Node's own message.
    pub const FORBIDDEN: Self = Self::Forbidden(std::borrow::Cow::Borrowed("Forbidden"));

    /// The number in the error body.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSession => 1,
            Self::BadMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden(_) => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    /// The HTTP status: 403 for code 4, else 400.
    #[must_use]
    pub fn status(&self) -> u16 {
        if matches!(self, Self::Forbidden(_)) {
            403
        } else {
            400
        }
    }

    /// The error body, as Node's: `{"code":1,"message":"Session ID unknown"}`.
    #[must_use]
    pub fn body(&self) -> String {
        let mut message = String::new();
        for c in self.to_string().chars() {
            match c {
                '"' | '\\' => message.extend(['\\', c]),
                c if c.is_control() => message.extend(format!("\\u{:04x}", c as u32).chars()),
                c => message.push(c),
            }
        }
        format!("{{\"code\":{},\"message\":\"{message}\"}}", self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_nodes_to_the_letter() {
        let body = HandshakeError::UnknownSession.body();
        assert_eq!(body, "{\"code\":1,\"message\":\"Session ID unknown\"}");
        let body = HandshakeError::Forbidden("no \"bots\"\n".into()).body();
        assert_eq!(body, "{\"code\":4,\"message\":\"no \\\"bots\\\"\\u000a\"}");
    }

    #[test]
    fn public_errors_stay_small() {
        assert!(size_of::<DecodeError>() <= 32);
        assert!(size_of::<HandshakeError>() <= 32);
        assert!(size_of::<SendError>() <= 32);
    }
}

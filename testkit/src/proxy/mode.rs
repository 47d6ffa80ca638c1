//! [`Mode`]: what is done with a new connection.

use std::fmt;

use super::script::Script;

/// What is done with a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It gets through.
    Forward,
    /// It is closed at once.
    Close,
    /// It is accepted, and nothing is ever said.
    Silence,
    /// Whatever it asks for is answered with these bytes, and closed.
    Answer(Vec<u8>),
    /// It gets through, and is harmed on its way.
    Harm(Script),
}

impl Mode {
    /// An HTTP answer that is none of Engine.IO's, as gateways and captive portals give it.
    #[must_use]
    pub fn html(status: &str) -> Self {
        let body = "<!doctype html><title>not the server</title>";
        let length = body.len();
        let head = "content-type: text/html\r\nconnection: close";
        let answer =
            format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}");
        Self::Answer(answer.into_bytes())
    }
}

/// A connection that has begun to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// How many were accepted before.
    pub number: usize,
    /// The first line of its first request.
    pub request_line: String,
}

impl Opening {
    /// Whether it is to become a WebSocket.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        self.request_line.contains("transport=websocket")
    }
}

/// Who decides.
pub(super) enum Chooser {
    Always(Mode),
    ByOpening(Box<dyn FnMut(&Opening) -> Mode + Send>),
}

impl fmt::Debug for Chooser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always(mode) => mode.fmt(f),
            Self::ByOpening(_) => f.write_str("by the first line"),
        }
    }
}

//! The client's session machine, the mirror of [`crate::server`]: one session from the first
//! request to close, over long-polling, WebSocket and the upgrade from one to the other
//! (engine.io-protocol v4). No I/O, no clock, no task.
//!
//! ```text
//!            open packet          may upgrade            3probe           no request is out: 5
//! ┌─────────┐ by GET  ┌─────────┐ ─────────▶ ┌─────────┐ ─────▶ ┌─────────┐ ─────▶ ┌────────┐
//! │ Opening │ ──────▶ │ Polling │            │ Probing │        │ Pausing │        │ Linked │
//! └─────────┘         └─────────┘ ◀───────── └─────────┘        └─────────┘        └────────┘
//!    │   │ open packet     │   ▲ probe fails      │                │  │               ▲  │
//!    │   │ by link         │   └──────────────────┼────────────────┘  │               │  │
//!    │   └─────────────────┼──────────────────────┼───────────────────┼───────────────┘  │
//!    │ close,              │ close: the upgrade goes on to its end,   │                  │
//!    │ nothing left to try │ then what is queued and 1 leave  ┌───────▼─┐                │
//!    │                     └──────────────────────┴──────────▶│ Closing │                │
//!    │                                                        └─────────┘                │
//!    │                    answered, failed or too late  ┌────────┐ │        close, fault  │
//!    └─────────────────────────────────────────────────▶│ Closed │◀┴───────────────────────┘
//!                                                       └────────┘
//! ```
//!
//! A fault, a lost heartbeat and the server's close packet lead from every state to Closed.
//!
//! # Contract
//!
//! 1. Inputs may be batched before outputs are drained; outputs keep their order.
//! 2. At most one GET and one POST are out. A request that the session no longer waits for is
//!    [abandoned](Output::Abandon); an answer that comes all the same is ignored.
//! 3. After [`Event::Closed`] there are no more events and nothing more is taken for sending; what
//!    was taken before still leaves. Once the session [is closed](Session::is_closed) and drained,
//!    there are no more outputs, and [`Session::poll_timeout`] is `None`.
//! 4. An early [`Session::handle_timeout`] is a no-op; a late one fires everything due, in the
//!    order of the deadlines. Due timers fire before an input is handled.
//! 5. Messages are delivered once and in order across an upgrade; a probe that fails or stays
//!    silent leaves long-polling as it was.
//! 6. No input can panic. What is queued is bounded by [`Config::max_buffered`], what one answer
//!    holds by [`Config::max_packets`]; the size of an answer is bounded by whoever reads it.
//! 7. The session ends `ping_interval` and `ping_timeout` after the handshake, the newest ping or
//!    the upgrade, and not before. A ping is answered ahead of all that is queued.
//! 8. A [`Batch`](crate::Batch) is taken or refused whole, and its messages stay neighbours.
//! 9. Messages that are sent while outputs are being drained leave together. No POST is larger
//!    than the server's `maxPayload`, separators and base64 counted, unless it is one packet.
//! 10. Transports are tried in order, a second one only with [`Config::try_all_transports`]; each
//!     gets [`Config::open_timeout`].
//! 11. A close during an upgrade waits for its end.
//! 12. What a server or a link said when it ended the session is in [`Session::detail`].
//! 13. A POST that fails ends the session once GETs have brought what the server had to say: when
//!     one fails or brings the close packet, and within a second. Nothing more is posted.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Instant;
//!
//! use engineio::client::{Config, Event, Input, Output, Session};
//! use engineio::{Batch, Data};
//!
//! let now = Instant::now(); // yours; tests use a time of their own
//! let mut session = Session::new(Arc::new(Config::default()), now);
//! let Some(Output::Get { request }) = session.poll_output(now) else { unreachable!() };
//! // the caller sends it, with the query that `session.query` gives, and brings back the answer
//! let open = r#"0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
//! session.handle_input(now, Input::Answered { request, status: 200, body: open.into() });
//! session.send(Batch::from(Data::from("hello")))?;
//! assert_eq!(session.poll_output(now), Some(Output::Event(Event::Opened)));
//! assert!(matches!(session.poll_output(now), Some(Output::Get { .. }))); // the next poll
//! let Some(Output::Post { body, .. }) = session.poll_output(now) else { unreachable!() };
//! assert_eq!(body, "4hello");
//! # Ok::<(), engineio::SendError>(())
//! ```

mod begin;
mod config;
mod end;
mod outbox;
mod polling;
mod probe;
mod session;

use bytes::Bytes;

use crate::json::{self, Value};
use crate::{CloseReason, Data, Frame, Transport};

pub use crate::event::{Event, LinkId, RequestId};
pub use config::Config;
pub use session::Session;

/// A fact about the outside, never a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// A request was answered.
    Answered {
        /// Its name.
        request: RequestId,
        /// The HTTP status.
        status: u16,
        /// The complete body.
        body: Bytes,
    },
    /// A request will not be answered.
    Failed {
        /// Its name.
        request: RequestId,
    },
    /// A link is open.
    LinkOpened {
        /// Its name.
        link: LinkId,
    },
    /// A message arrived on a link.
    Link {
        /// Its name.
        link: LinkId,
        /// Its content.
        data: Data,
    },
    /// A link ended, or could not be opened.
    LinkClosed {
        /// Its name.
        link: LinkId,
        /// Why: [`CloseReason::TransportClose`] or what went wrong.
        reason: CloseReason,
        /// What was said of it.
        detail: Option<Detail>,
    },
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Send a GET with the [query](Session::query) of long-polling.
    Get {
        /// Its name.
        request: RequestId,
    },
    /// Send a POST with the same query, `text/plain; charset=UTF-8`.
    Post {
        /// Its name.
        request: RequestId,
        /// The payload.
        body: Bytes,
    },
    /// Give up a request: nobody waits for its answer.
    Abandon {
        /// Its name.
        request: RequestId,
    },
    /// Open a link with the [query](Session::query) of its kind.
    OpenLink {
        /// Its name.
        link: LinkId,
        /// What it has to be.
        kind: Transport,
    },
    /// Write a frame to a link: its [payload](Frame::payload), masked by whoever writes it.
    Frame {
        /// Its name.
        link: LinkId,
        /// The frame.
        frame: Frame,
    },
    /// Close a link, after what was output for it before, or stop opening it.
    CloseLink {
        /// Its name.
        link: LinkId,
    },
    /// Tell the layer above.
    Event(Event),
}

/// What was said when a session ended, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// An HTTP status that refuses, with code and message of an Engine.IO error body (`1`,
    /// `Session ID unknown`) where there was one.
    Http {
        /// The status.
        status: u16,
        /// The number in the body.
        code: Option<u8>,
        /// The message in the body, or nothing.
        message: String,
    },
    /// A close frame of a WebSocket, for example 1009 for a message that was too large.
    Frame {
        /// The status code.
        code: u16,
        /// The reason in it, or nothing.
        message: String,
    },
    /// No handshake came in time.
    OpenTimeout,
    /// What went wrong below HTTP, or with an answer that was none: name resolution, TCP, proxy,
    /// TLS, a frame that breaks the WebSocket protocol.
    Io(String),
}

/// Nothing that is worth reading is longer.
const MAX_MESSAGE: usize = 1024;

impl Detail {
    /// What an answer says that is not 200 (for a WebSocket: not 101).
    #[must_use]
    pub fn http(status: u16, body: &[u8]) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let (mut code, mut message) = (None, String::new());
        for (key, value) in json::object(text).unwrap_or_default() {
            match (key.as_str(), value) {
                ("code", Value::Number(number)) => code = number.and_then(|n| n.try_into().ok()),
                ("message", Value::String(text)) => {
                    message = text.chars().take(MAX_MESSAGE).collect();
                }
                _ => {}
            }
        }
        Self::Http {
            status,
            code,
            message,
        }
    }
}

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http {
                status,
                code: None,
                message,
            } if message.is_empty() => write!(f, "status {status}"),
            Self::Http {
                status,
                code: None,
                message,
            } => write!(f, "status {status}: {message}"),
            Self::Http {
                status,
                code: Some(code),
                message,
            } => write!(f, "status {status}, code {code}: {message}"),
            Self::Frame { code, message } if message.is_empty() => write!(f, "close code {code}"),
            Self::Frame { code, message } => write!(f, "close code {code}: {message}"),
            Self::OpenTimeout => f.write_str("no handshake in time"),
            Self::Io(words) => f.write_str(words),
        }
    }
}

//! The server's session machine: one session from handshake to close, over long-polling,
//! WebSocket and the upgrade from one to the other. No I/O, no clock, no task.
//!
//! ```text
//!                 LinkOpened          2probe, then 5
//!   ┌─────────┐ ───────────▶ ┌─────────┐ ───────────▶ ┌────────┐
//!   │ Polling │              │ Probing │              │ Linked │
//!   └─────────┘ ◀─────────── └─────────┘              └────────┘
//!     │    │   probe fails        │                        │
//!     │    └───── close ─────┐    │ close                  │ close
//!     │ fault           ┌────▼────▼┐  next poll   ┌────────▼┐
//!     │                 │ Closing  │ ───────────▶ │ Closed  │
//!     │                 └──────────┘  or timeout  └─────────┘
//!     └───────────────────────────────────────────────▲
//! ```
//!
//! # Contract
//!
//! 1. Inputs may be batched before outputs are drained; outputs keep their order.
//! 2. Every [`RequestId`] gets exactly one [`Output::Reply`], unless it was reported dropped
//!    before.
//! 3. After [`Event::Closed`] there are no more events, and [`Session::poll_timeout`] is `None`
//!    once the session [is closed](Session::is_closed).
//! 4. An early [`Session::handle_timeout`] is a no-op; a late one fires everything due, in the
//!    order of the deadlines. Due timers fire before an input is handled.
//! 5. Messages are delivered once and in order across an upgrade; a failed probe leaves
//!    long-polling intact.
//! 6. No input can panic, and memory is bounded by [`Config`](crate::Config).
//! 7. A ping leaves `ping_interval` after the open packet and after each pong; a pong is due
//!    `ping_timeout` after the ping. Other packets that arrive meanwhile extend the wait, once.
//!    In revision 3 the client pings and is answered: its next ping is due `ping_interval` and
//!    `ping_timeout` after its last, whatever else arrives. Whoever calls more than a second late
//!    stood still: clients are judged a second later, when what they sent has been read.
//! 8. A [`Batch`](crate::Batch) is taken or refused whole and stays adjacent on the wire.
//! 9. Messages that are sent while outputs are being drained leave together: a poll is
//!    answered when nothing else is left to output.
//! 10. A client that closes on long-polling frees its poll with a NOOP, also the one that its
//!     close packet overtook on another connection.

mod end;
mod heartbeat;
mod polling;
mod session;
mod upgrade;

use bytes::Bytes;

use crate::{CloseReason, Data, Frame, HandshakeError};

pub use crate::event::{Event, LinkId, RequestId};
pub use session::Session;

/// What the session starts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The GET that asked for the handshake.
    Polling(RequestId),
    /// A WebSocket.
    Link(LinkId),
}

/// A fact about the outside, never a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// A GET waits for packets.
    Poll {
        /// Its name.
        request: RequestId,
    },
    /// The client of a GET went away before it had the answer. When that was on its way
    /// already it is lost, and the session ends: it would go on with a hole.
    PollDropped {
        /// Its name.
        request: RequestId,
    },
    /// The head of a POST arrived; [`Input::PostBody`] or [`Input::PostFailed`] follows.
    Post {
        /// Its name.
        request: RequestId,
    },
    /// The complete body of a POST.
    PostBody {
        /// Its name.
        request: RequestId,
        /// The payload.
        body: Bytes,
    },
    /// The body of a POST will not come.
    PostFailed {
        /// Its name.
        request: RequestId,
        /// Why.
        failure: PostFailure,
    },
    /// A WebSocket with this session's id was opened.
    LinkOpened {
        /// Its name.
        link: LinkId,
        /// Whether it wants binary as base64 text (`b64`).
        base64: bool,
    },
    /// A message arrived on a WebSocket.
    Link {
        /// Its name.
        link: LinkId,
        /// Its content.
        data: Data,
    },
    /// A WebSocket ended.
    LinkClosed {
        /// Its name.
        link: LinkId,
        /// Why: [`CloseReason::TransportClose`] or what went wrong.
        reason: CloseReason,
    },
}

/// Why the body of a POST is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostFailure {
    /// The client went away: there is nobody to answer.
    Dropped,
    /// Larger than `max_payload`.
    TooLarge,
    /// Slower than the limits of the HTTP server allow.
    TooSlow,
    /// A content type that the session's revision does not have (`application/octet-stream` in
    /// revision 4), or a form that is none.
    WrongType,
    /// The server holds as much of what came in as it may.
    NoMemory,
}

impl std::fmt::Display for PostFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dropped => "the client gave up a POST",
            Self::TooLarge => "the body of a POST is larger than allowed",
            Self::TooSlow => "the body of a POST came too slowly",
            Self::WrongType => "the body of a POST has a type that the protocol does not know",
            Self::NoMemory => "the server has no memory for the body of a POST",
        })
    }
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Answer a request.
    Reply {
        /// Its name.
        request: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// Write a frame to a WebSocket. It has the form that the client wants.
    Frame {
        /// Its name.
        link: LinkId,
        /// The frame.
        frame: Frame,
    },
    /// Close a WebSocket, after what was output for it before.
    CloseLink {
        /// Its name.
        link: LinkId,
    },
    /// Tell the layer above.
    Event(Event),
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// 200 with a payload, `text/plain; charset=UTF-8`.
    Payload(Bytes),
    /// 200 with a payload, `application/octet-stream`: revision 3, with binary in it.
    BinaryPayload(Bytes),
    /// 200 `ok`, `text/html`.
    Ok,
    /// 400 (403 for code 4) with Node's error body, `application/json`.
    Refused(HandshakeError),
    /// 408 without body.
    TooSlow,
    /// 503: the server has no memory for the body of the POST.
    NoMemory,
    /// 413 without body.
    TooLarge,
}

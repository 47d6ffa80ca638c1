//! What both session machines have in common: names of requests and links, and events.

use crate::{CloseReason, Data};

/// The name of an HTTP request, given by whoever brings it to the machine or by the machine
/// that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// Ids must not repeat within a session.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self(id)
    }
}

/// The name of a connection which carries frames (a WebSocket), given in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u64);

impl LinkId {
    /// Ids must not repeat within a session.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self(id)
    }
}

/// What the layer above learns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is done.
    Opened,
    /// A message arrived.
    Message(Data),
    /// The session moved to WebSocket.
    Upgraded,
    /// Clients only: the server's heartbeat came, and is answered.
    Ping,
    /// The session ended. The last event.
    Closed(CloseReason),
}

//! [`Record`]: a line of the ledger.

use std::sync::Arc;
use std::time::Duration;

/// What one party did or saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Since the start of the run.
    pub at: Duration,
    /// The client that it is about, whoever wrote it.
    pub client: u32,
    /// The number of that client's connection; it grows.
    pub connection: u32,
    /// Where.
    pub namespace: Arc<str>,
    /// Who wrote it.
    pub side: Side,
    /// What happened.
    pub what: What,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Side {
    /// The one at the other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The side that writes sends a message to the other one.
    Sent {
        /// What is in order among itself.
        channel: u32,
        /// Grows from message to message of the channel.
        seq: u64,
        /// Of the payload, see [`hash`].
        hash: u64,
    },
    /// The message that the side was about to send was refused, and it knows. As if there were
    /// no [`What::Sent`].
    Refused {
        /// As in [`What::Sent`].
        channel: u32,
        /// As in [`What::Sent`].
        seq: u64,
    },
    /// The side that writes got a message of the other one.
    Received {
        /// As the sender named it.
        channel: u32,
        /// As the sender counted.
        seq: u64,
        /// Of the payload as it came.
        hash: u64,
    },
    /// An answer is waited for.
    AckWaited {
        /// Which, among those of this side of the client in the namespace. With [`Promise::P3`]
        /// it is the [`ack_id`] of the message.
        ///
        /// [`Promise::P3`]: super::Promise::P3
        id: u64,
    },
    /// An answer is waited for no more.
    AckEnded {
        /// As in [`What::AckWaited`].
        id: u64,
        /// Why.
        how: How,
    },
    /// The application was told of a new socket.
    Connected {
        /// Whether the state before was recovered.
        recovered: bool,
    },
    /// The application was told of the socket's end.
    Disconnected {
        /// In the words of the side that writes.
        reason: Arc<str>,
    },
    /// Whoever runs the test broke this connection, so that [`Promise::Told`] can be judged.
    ///
    /// [`Promise::Told`]: super::Promise::Told
    Broken,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By its answer.
    Answered,
    /// By its deadline.
    TimedOut,
    /// By the end of the connection.
    Disconnected,
    /// Otherwise, with an error that the application saw.
    Failed,
}

/// The id of the ack of a message: `seq`, for channel 0.
#[must_use]
pub const fn ack_id(channel: u32, seq: u64) -> u64 {
    ((channel as u64) << 40) | seq
}

/// The same on every side and in every process (FNV-1a, 64 bits).
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

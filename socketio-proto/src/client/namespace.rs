//! What a namespace keeps through all connections.

use std::collections::VecDeque;
use std::time::Duration;

use engineio::{Batch, Text};

use super::{Attempt, EmitId, Reply, Settings};
use crate::args::RawArgs;
use crate::id::{AckId, SessionKey};

/// See the diagram in the [module](super).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Idle,
    /// Wanted, and there is no connection.
    Waiting,
    Authenticating(Attempt),
    /// CONNECT is out.
    Connecting,
    /// CONNECT is out, and nobody wants the answer.
    Leaving,
    /// With the number of this life of the namespace.
    Connected(u64),
}

impl State {
    pub(super) fn is_wanted(self) -> bool {
        !matches!(self, Self::Idle | Self::Leaving)
    }
}

#[derive(Debug, Default)]
pub(super) struct Namespace {
    pub(super) state: State,
    pub(super) settings: Settings,
    /// When it was asked for, among the others.
    pub(super) turn: u64,
    /// What opens the session of before.
    pub(super) key: Option<SessionKey>,
    /// Of the last event that came out.
    pub(super) offset: Option<Text>,
    pub(super) acks: u64,
    /// Emitted while it was not connected.
    pub(super) unsent: VecDeque<Unsent>,
    /// Received before the answer to CONNECT.
    pub(super) early: VecDeque<Early>,
    /// What is sent until it is answered, the first of which is out.
    pub(super) queue: VecDeque<Queued>,
}

impl Namespace {
    pub(super) fn next_ack(&mut self) -> AckId {
        let id = AckId::new(self.acks).unwrap_or(AckId::MIN);
        self.acks = id.get() + 1;
        id
    }
}

/// An event, encoded: it waits for nothing but a connection.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) batch: Batch,
    pub(super) ack: Option<AckId>,
    /// For [`Settings::watch_sent`].
    pub(super) shown: Option<Shown>,
}

/// An event as listeners see it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) name: Text,
    pub(super) args: RawArgs,
}

#[derive(Debug)]
pub(super) struct Early {
    pub(super) shown: Shown,
    pub(super) reply: Option<Reply>,
}

impl Early {
    pub(super) fn size(&self) -> usize {
        self.shown.size()
    }
}

impl Shown {
    /// Bytes that it keeps in memory.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.args.size()
    }
}

/// An event that is sent until it is answered.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) emit: Option<EmitId>,
    pub(super) shown: Shown,
    pub(super) timeout: Option<Duration>,
    /// How often it was sent.
    pub(super) tries: u32,
    /// Whether it waits for an answer.
    pub(super) out: bool,
}

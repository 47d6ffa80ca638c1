//! [`Connection`]: the namespaces and their states.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use engineio::CloseReason;

use super::namespace::{Namespace, State};
use super::{Config, EmitId, Event, Output};
use crate::acks::Acks;
use crate::error::EncodeError;
use crate::id::{AckId, NamespaceId};
use crate::parser::{Decoder, Parser};

/// Room for outputs that an idle connection keeps.
const KEPT: usize = 64;

/// The client's end of all connections to one server. The module's page has the contract.
#[derive(Debug)]
pub struct Connection {
    pub(super) parser: Parser,
    pub(super) config: Arc<Config>,
    pub(super) decoder: Decoder,
    pub(super) namespaces: BTreeMap<NamespaceId, Namespace>,
    pub(super) acks: Acks<Pending>,
    /// The acks whose answers the caller wants.
    pub(super) emits: BTreeMap<EmitId, (NamespaceId, AckId)>,
    /// Whether there is an Engine.IO connection, and no reason to close it.
    pub(super) is_open: bool,
    /// Numbers that do not repeat.
    names: u64,
    /// Bytes of events that wait to be sent.
    pub(super) buffered: usize,
    /// Bytes of events that wait for the answer to CONNECT.
    pub(super) early: usize,
    pub(super) outputs: VecDeque<Output>,
}

/// An answer that is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) emit: Option<EmitId>,
    /// Whether the event has left.
    pub(super) sent: bool,
    /// Whether the event is the first of the queue of its namespace.
    pub(super) queued: bool,
}

/// What happened
impl Connection {
    /// A client that has no connection and wants no namespace.
    #[must_use]
    pub fn new(parser: Parser, config: Arc<Config>) -> Self {
        Self {
            decoder: parser.decoder(config.limits),
            parser,
            config,
            namespaces: BTreeMap::new(),
            acks: Acks::default(),
            emits: BTreeMap::new(),
            is_open: false,
            names: 0,
            buffered: 0,
            early: 0,
            outputs: VecDeque::new(),
        }
    }

    /// A new Engine.IO connection is open. If nobody told the end of the one before, it has ended.
    pub fn handle_opened(&mut self, now: Instant) {
        self.handle_closed(now, CloseReason::TransportClose);
        self.decoder = self.parser.decoder(self.config.limits);
        self.is_open = true;
        let is_wanted = |namespace: &Namespace| namespace.state.is_wanted();
        for name in self.in_turn(is_wanted) {
            self.ask(&name);
        }
    }

    /// The Engine.IO connection is gone.
    pub fn handle_closed(&mut self, now: Instant, reason: CloseReason) {
        self.handle_timeout(now);
        self.end(reason.into());
    }

    /// The time that [`Connection::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((namespace, id, pending)) = self.acks.expired(now) {
            self.expired(now, namespace, id, pending);
        }
    }
}

/// What to do next
impl Connection {
    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() && self.outputs.capacity() > KEPT {
            self.outputs = VecDeque::new();
        }
        output
    }

    /// When [`Connection::handle_timeout`] has to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.acks.deadline()
    }

    /// Whether a namespace is wanted: without one there is no need for a connection.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.namespaces.values().any(|n| n.state.is_wanted())
    }

    /// Whether this namespace is entered, or to be entered.
    #[must_use]
    pub fn is_active(&self, name: &NamespaceId) -> bool {
        self.namespaces
            .get(name)
            .is_some_and(|n| n.state.is_wanted())
    }

    /// Whether this namespace is entered: what is emitted leaves at once.
    #[must_use]
    pub fn is_connected(&self, name: &NamespaceId) -> bool {
        let namespace = self.namespaces.get(name);
        namespace.is_some_and(|n| matches!(n.state, State::Connected(_)))
    }

    /// Bytes of events that wait to be sent, against [`Config::max_buffered`].
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffered
    }

    /// Answers that are waited for, against
    /// [`Limits::pending_acks`](crate::Limits::pending_acks).
    #[must_use]
    pub fn pending_acks(&self) -> usize {
        self.acks.len()
    }
}

impl Connection {
    pub(super) fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    /// The state of a namespace, which is made when it is new.
    pub(super) fn namespace(&mut self, name: &NamespaceId) -> &mut Namespace {
        self.namespaces.entry(name.clone()).or_default()
    }

    /// The name as the map has it, so that no event keeps a packet's memory alive.
    pub(super) fn own_name(&self, name: &NamespaceId) -> NamespaceId {
        let known = self.namespaces.get_key_value(name);
        known.map_or_else(|| name.clone(), |(name, _)| name.clone())
    }

    /// The names of some namespaces, in the order of asking for them.
    pub(super) fn in_turn(&self, is_meant: impl Fn(&Namespace) -> bool) -> Vec<NamespaceId> {
        let all = self.namespaces.iter();
        let mut meant: Vec<_> = all.filter(|(_, namespace)| is_meant(namespace)).collect();
        meant.sort_by_key(|(_, namespace)| namespace.turn);
        meant.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// Sends a packet of our own making; without it the two ends would disagree.
    pub(super) fn send_control(&mut self, batch: Result<engineio::Batch, EncodeError>) {
        match batch {
            Ok(batch) => self.outputs.push_back(Output::Send(batch)),
            Err(_) => self.close(CloseReason::TransportError),
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

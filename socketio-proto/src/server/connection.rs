//! [`Connection`]: the machine itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use engineio::{Batch, CloseReason, Data, Spare, Text};

use super::names::Names;
use super::{Config, Event, Output};
use crate::acks::Acks;
use crate::error::{DisconnectReason, EncodeError, Misuse};
use crate::id::{AckId, NamespaceId, SessionKey, SocketId};
use crate::packet::{Body, ConnectError, Packet, Revision};
use crate::parser::{Decoder, Parser};

/// The server's end of one connection. The module's page has the contract.
#[derive(Debug)]
pub struct Connection {
    parser: Parser,
    revision: Revision,
    config: Arc<Config>,
    decoder: Decoder,
    namespaces: Names<State>,
    acks: Acks<()>,
    connect_deadline: Option<Instant>,
    assembly_deadline: Option<Instant>,
    outputs: VecDeque<Output>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The client asked to join and waits for the answer.
    Connecting,
    Connected,
    /// The server put the client out; the client may not know yet.
    Left,
}

/// Input
impl Connection {
    /// A connection that has just been opened.
    #[must_use]
    pub fn new(parser: Parser, config: Arc<Config>, now: Instant) -> Self {
        Self::speaking(Revision::V5, parser, config, now)
    }

    /// As [`Connection::new`], with a client of this revision.
    #[must_use]
    pub fn speaking(revision: Revision, parser: Parser, config: Arc<Config>, now: Instant) -> Self {
        let mut connection = Self {
            decoder: parser.decoder(config.limits).revision(revision),
            parser,
            revision,
            namespaces: Names::default(),
            acks: Acks::default(),
            connect_deadline: now.checked_add(config.connect_timeout),
            assembly_deadline: None,
            outputs: VecDeque::new(),
            closed: false,
            config,
        };
        if revision == Revision::V4 {
            connection.connect_requested(NamespaceId::ROOT, None);
        }
        connection
    }

    /// The revision that the client speaks.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// A message came.
    pub fn handle_data(&mut self, now: Instant, data: Data) {
        self.handle_timeout(now);
        if self.closed {
            return;
        }
        let packet = self.decoder.feed(data);
        if self.decoder.is_assembling() {
            let timeout = self.config.assembly_timeout;
            self.assembly_deadline = self.assembly_deadline.or_else(|| now.checked_add(timeout));
        } else {
            self.assembly_deadline = None;
        }
        match packet {
            Ok(Some(packet)) => self.packet(now, packet),
            Ok(None) if self.assembles_for_nobody() => self.close(CloseReason::ParseError),
            Ok(None) => {}
            Err(_) => self.close(CloseReason::ParseError),
        }
    }

    /// The transport is gone.
    pub fn handle_closed(&mut self, now: Instant, reason: CloseReason) {
        self.handle_timeout(now);
        self.end(reason.into());
    }

    /// The time that [`Connection::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((namespace, id, ())) = self.acks.expired(now) {
            self.event(Event::AckExpired { namespace, id });
        }
        if self
            .connect_deadline
            .is_some_and(|deadline| deadline <= now)
        {
            self.close(CloseReason::ForcedClose);
        }
        if self
            .assembly_deadline
            .is_some_and(|deadline| deadline <= now)
        {
            self.close(CloseReason::ParseError);
        }
    }

    /// Lets the client in, under `id`; with the `key` it may recover its session.
    ///
    /// # Errors
    /// The namespace is not connecting, or the connection is closed.
    pub fn accept(
        &mut self,
        now: Instant,
        namespace: &NamespaceId,
        id: SocketId,
        key: Option<&SessionKey>,
    ) -> Result<(), Misuse> {
        self.expire(now)?;
        let state = self.namespaces.get_mut(namespace);
        *state
            .filter(|state| **state == State::Connecting)
            .ok_or(Misuse::NotConnecting)? = State::Connected;
        self.connect_deadline = None;
        let batch = match self.revision {
            // it makes its id itself
            Revision::V4 => self.parser.connect(namespace, None),
            Revision::V5 => self.parser.connected(namespace, &id, key),
        };
        self.send_control(batch);
        Ok(())
    }

    /// Keeps the client out of the namespace, for this time.
    ///
    /// # Errors
    /// The namespace is not connecting, or the connection is closed.
    pub fn refuse(
        &mut self,
        now: Instant,
        namespace: &NamespaceId,
        error: &ConnectError,
    ) -> Result<(), Misuse> {
        self.expire(now)?;
        if self.namespaces.get(namespace) != Some(&State::Connecting) {
            return Err(Misuse::NotConnecting);
        }
        self.namespaces.remove(namespace);
        self.send_error(namespace, error);
        Ok(())
    }

    /// Sends frames that the parser of this connection made for `namespace`.
    ///
    /// # Errors
    /// The namespace is not connected, or the connection is closed.
    pub fn send(&mut self, namespace: &NamespaceId, batch: Batch) -> Result<(), Misuse> {
        self.connected(namespace)?;
        self.outputs.push_back(Output::Send(batch));
        Ok(())
    }

    /// From now until `until` an ack under `id` is expected. The event that asks for it is the
    /// caller's to send.
    ///
    /// # Errors
    /// The namespace is not connected, the id is in use, or too many acks are pending.
    pub fn expect_ack(
        &mut self,
        now: Instant,
        namespace: &NamespaceId,
        id: AckId,
        until: Instant,
    ) -> Result<(), Misuse> {
        self.expire(now)?;
        let namespace = self.connected(namespace)?;
        if self.acks.len() >= self.config.limits.pending_acks {
            return Err(Misuse::TooManyAcks);
        }
        self.acks.insert(namespace, id, Some(until), ())
    }

    /// Moves the deadline of an ack that is expected.
    ///
    /// # Errors
    /// The connection is closed, or no such ack is expected.
    pub fn limit_ack(
        &mut self,
        now: Instant,
        namespace: &NamespaceId,
        id: AckId,
        until: Instant,
    ) -> Result<(), Misuse> {
        self.expire(now)?;
        if self.acks.remove(namespace, id).is_none() {
            return Err(Misuse::NotExpected);
        }
        self.acks.insert(namespace.clone(), id, Some(until), ())
    }

    /// Puts the client out of the namespace.
    ///
    /// # Errors
    /// The namespace is not connected, or the connection is closed.
    pub fn disconnect(&mut self, now: Instant, namespace: &NamespaceId) -> Result<(), Misuse> {
        self.expire(now)?;
        let namespace = self.connected(namespace)?;
        let batch = self.parser.disconnect(&namespace);
        self.send_control(batch);
        if self.closed {
            return Ok(());
        }
        self.namespaces.insert(namespace.clone(), State::Left);
        self.left(now, namespace, DisconnectReason::ServerNamespaceDisconnect);
        Ok(())
    }
}

/// Output
impl Connection {
    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Lets outputs stand in the memory of `spare`, unless some stand in its own.
    pub fn borrow_memory(&mut self, spare: &mut Spare<Output>) {
        spare.lend(&mut self.outputs);
    }

    /// Keeps no memory for outputs, when they are drained.
    pub fn return_memory(&mut self, spare: &mut Spare<Output>) {
        spare.take_back(&mut self.outputs);
    }

    /// Gives back memory that is kept for acks when none is expected.
    pub fn shrink(&mut self) {
        self.acks.shrink();
    }

    /// When [`Connection::handle_timeout`] has to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.connect_deadline,
            self.assembly_deadline,
            self.acks.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Bytes of the packet whose attachments are awaited.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.decoder.buffered()
    }
}

impl Connection {
    fn packet(&mut self, now: Instant, packet: Packet) {
        // the name in the map, so that no event keeps the packet's memory alive
        let known = self.namespaces.entry(&packet.namespace);
        let (namespace, state) = match known {
            Some((name, state)) => (name.clone(), Some(*state)),
            None => (packet.namespace, None),
        };
        match (state, packet.body) {
            (None | Some(State::Left), Body::Connect { payload }) => {
                self.connect_requested(namespace, payload);
            }
            (_, Body::ConnectError { .. })
            | (Some(State::Connecting | State::Connected), Body::Connect { .. })
            | (
                None | Some(State::Connecting),
                Body::Event { .. } | Body::Ack { .. } | Body::Disconnect,
            ) => self.close(CloseReason::ParseError),
            (Some(State::Connected), Body::Event { name, args, ack }) => {
                self.event(Event::Received {
                    namespace,
                    name,
                    args,
                    ack,
                });
            }
            (Some(State::Connected), Body::Ack { id, args }) => {
                if self.acks.remove(&namespace, id).is_some() {
                    self.event(Event::Acked {
                        namespace,
                        id,
                        args,
                    });
                }
            }
            (Some(State::Connected), Body::Disconnect) => {
                self.namespaces.remove(&namespace);
                self.left(now, namespace, DisconnectReason::ClientNamespaceDisconnect);
            }
            (Some(State::Left), Body::Disconnect) => {
                self.namespaces.remove(&namespace);
            }
            (Some(State::Left), Body::Event { .. } | Body::Ack { .. }) => {}
        }
    }

    /// Whether attachments would be kept for a client that is not in their namespace.
    fn assembles_for_nobody(&self) -> bool {
        self.decoder.assembling().is_some_and(|namespace| {
            let state = self.namespaces.get(namespace);
            matches!(state, None | Some(State::Connecting))
        })
    }

    fn connect_requested(&mut self, namespace: NamespaceId, auth: Option<Text>) {
        let namespace = namespace.detached();
        if self.namespaces.get(&namespace).is_none() && !self.make_room() {
            let error = ConnectError::new("too many namespaces");
            self.send_error(&namespace, &error);
            return;
        }
        self.namespaces.insert(namespace.clone(), State::Connecting);
        self.event(Event::ConnectRequested { namespace, auth });
    }

    fn send_error(&mut self, namespace: &NamespaceId, error: &ConnectError) {
        let batch = match self.revision {
            Revision::V4 => self.parser.error(namespace, error),
            Revision::V5 => self.parser.connect_error(namespace, error),
        };
        self.send_control(batch);
    }

    /// Sends a packet of our own making; without it the two ends would disagree.
    fn send_control(&mut self, batch: Result<Batch, EncodeError>) {
        match batch {
            Ok(batch) => self.outputs.push_back(Output::Send(batch)),
            Err(_) => self.close(CloseReason::ServerError),
        }
    }

    /// Whether one more namespace may be known; the memory of one that was left gives way.
    fn make_room(&mut self) -> bool {
        if self.namespaces.len() < self.config.limits.namespaces {
            return true;
        }
        let left = |(_, state): &&(NamespaceId, State)| *state == State::Left;
        let left = self.namespaces.iter().find(left);
        let Some(name) = left.map(|(name, _)| name.clone()) else {
            return false;
        };
        self.namespaces.remove(&name);
        true
    }

    /// A namespace is no longer connected.
    fn left(&mut self, now: Instant, namespace: NamespaceId, reason: DisconnectReason) {
        for id in self.acks.ids(&namespace) {
            self.acks.remove(&namespace, id);
        }
        let is_last = self.namespaces.iter().all(|(_, s)| *s != State::Connected);
        if is_last {
            self.connect_deadline = now.checked_add(self.config.connect_timeout);
        }
        self.event(Event::Disconnected { namespace, reason });
    }

    fn close(&mut self, reason: CloseReason) {
        if self.end(reason.into()) {
            self.outputs.push_back(Output::Close(reason));
        }
    }

    /// Tells every connected namespace, then keeps silent. Whether it was open.
    fn end(&mut self, reason: DisconnectReason) -> bool {
        if self.closed {
            return false;
        }
        self.closed = true;
        self.acks = Acks::default();
        self.connect_deadline = None;
        self.assembly_deadline = None;
        self.decoder = self
            .parser
            .decoder(self.config.limits)
            .revision(self.revision);
        for (namespace, state) in self.namespaces.take() {
            if state == State::Connected {
                self.event(Event::Disconnected { namespace, reason });
            }
        }
        true
    }

    /// Fires what is due before a call that needs an open connection.
    fn expire(&mut self, now: Instant) -> Result<(), Misuse> {
        self.handle_timeout(now);
        if self.closed {
            return Err(Misuse::Closed);
        }
        Ok(())
    }

    /// The name as the map has it, if the namespace is connected.
    fn connected(&self, namespace: &NamespaceId) -> Result<NamespaceId, Misuse> {
        if self.closed {
            return Err(Misuse::Closed);
        }
        match self.namespaces.entry(namespace) {
            Some((name, State::Connected)) => Ok(name.clone()),
            _ => Err(Misuse::NotConnected),
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

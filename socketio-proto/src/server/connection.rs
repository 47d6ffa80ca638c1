//! [`Connection`]: the machine itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use engineio::{Batch, CloseReason, Data, Spare};

use super::names::Names;
use super::{Config, Event, Output};
use crate::acks::Acks;
use crate::error::{DisconnectReason, Misuse};
use crate::id::{AckId, NamespaceId, SessionKey, SocketId};
use crate::packet::{ConnectError, Revision};
use crate::parser::{Decoder, Parser};

/// The server's end of one connection. The module's page has the contract.
#[derive(Debug)]
pub struct Connection {
    pub(super) parser: Parser,
    pub(super) revision: Revision,
    pub(super) config: Arc<Config>,
    pub(super) decoder: Decoder,
    pub(super) namespaces: Names<State>,
    pub(super) acks: Acks<()>,
    pub(super) connect_deadline: Option<Instant>,
    pub(super) assembly_deadline: Option<Instant>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
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

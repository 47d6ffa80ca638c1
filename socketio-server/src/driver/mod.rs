//! [`Driver`]: Socket.IO on top of an Engine.IO session, in its task.

mod acks;
mod connecting;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::task::Context;
use std::time::Instant;

use engineio::net::server::{Handle, Handshake as Request, Upper};
use engineio::server::Event as EngineEvent;
use engineio::{CloseReason, Data, Spare};
use socketio_proto::server::{Connection as Machine, Event, Output};
use socketio_proto::{AckId, DisconnectReason, NamespaceId};

use self::connecting::Resolving;
use crate::ack::{Patience, Waiter};
use crate::clock;
use crate::connection::{Command, Connection};
use crate::core::Core;
use crate::error::AckError;
use crate::rate::Rate;
use crate::session::SessionList;
use crate::sync::Arc;

thread_local! {
    /// Where outputs of machines stand until they are drained.
    static SPARE: RefCell<Spare<Output>> = const { RefCell::new(Spare::new()) };
}

/// Owns the protocol machine of one connection and the sessions of its namespaces.
pub struct Driver {
    core: Arc<Core>,
    connection: Arc<Connection>,
    machine: Machine,
    sessions: SessionList,
    resolving: Vec<Resolving>,
    waiters: BTreeMap<(NamespaceId, AckId), Waiter>,
    rate: Option<Box<Rate>>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

impl Driver {
    pub(crate) fn new(core: Arc<Core>, request: Arc<Request>, handle: Handle) -> Self {
        let settings = &core.settings;
        let protocol = Arc::clone(&settings.protocol);
        let (revision, parser) = (request.protocol().into(), settings.parser.clone());
        let machine = Machine::speaking(revision, parser, protocol, clock::now());
        let rate = settings
            .max_event_rate
            .map(|rate| Box::new(Rate::new(rate, clock::now())));
        let connection = Connection::new(handle, request);
        Self {
            core,
            connection,
            machine,
            sessions: SessionList::new(),
            resolving: Vec::new(),
            waiters: BTreeMap::new(),
            rate,
        }
    }

    fn on_data(&mut self, now: Instant, data: Data) {
        // an ack is known to be expected before the client can have sent it
        self.read_mail(now);
        SPARE.with_borrow_mut(|spare| self.machine.borrow_memory(spare));
        self.machine.handle_data(now, data);
        self.drain(now);
        self.return_memory();
    }

    /// What outputs stood in stays with the thread.
    fn return_memory(&mut self) {
        SPARE.with_borrow_mut(|spare| self.machine.return_memory(spare));
    }

    fn read_mail(&mut self, now: Instant) {
        for command in self.connection.take_mail() {
            match command {
                Command::ExpectAck {
                    namespace,
                    id,
                    waiter,
                } => {
                    self.expect_ack(now, namespace, id, waiter);
                }
                Command::LimitAck {
                    namespace,
                    id,
                    until,
                } => {
                    self.machine.limit_ack(now, &namespace, id, until).ok();
                    if let Some(waiter) = self.waiters.get_mut(&(namespace, id)) {
                        waiter.patience = Patience::Until(until);
                    }
                }
                Command::Disconnect { namespace, socket } => {
                    let session = self.sessions.get(&namespace);
                    // its client may have left, and be there again
                    if session.is_some_and(|session| session.id() == Some(&socket)) {
                        self.machine.disconnect(now, &namespace).ok();
                        self.drain(now);
                    }
                }
                Command::Close => {
                    let joined: Vec<_> = self.sessions.iter().map(|(id, _)| id.clone()).collect();
                    for namespace in joined {
                        self.machine.disconnect(now, &namespace).ok();
                    }
                    self.drain(now);
                    self.connection.handle.close(CloseReason::ForcedClose);
                }
            }
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send(batch) => {
                    self.connection.handle.send(batch).ok();
                }
                Output::Event(event) => self.on_protocol_event(now, event),
                Output::Close(reason) => self.connection.handle.close(reason),
            }
        }
    }

    fn on_protocol_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::ConnectRequested { namespace, auth } => {
                self.connect(now, namespace.detached(), auth);
            }
            Event::Received {
                namespace,
                name,
                args,
                ack,
            } => {
                if let Some(rate) = &mut self.rate {
                    rate.take(now);
                }
                if let Some(session) = self.sessions.wake(&namespace) {
                    session.received(name, args, ack);
                }
            }
            Event::Acked {
                namespace,
                id,
                args,
            } => self.acked(namespace, id, args),
            Event::AckExpired { namespace, id } => self.ack_expired(now, namespace, id),
            Event::Disconnected { namespace, reason } => self.disconnected(&namespace, reason),
            _ => {}
        }
    }

    fn disconnected(&mut self, namespace: &NamespaceId, reason: DisconnectReason) {
        let all = (namespace.clone(), AckId::MIN)..=(namespace.clone(), AckId::MAX);
        let ended: Vec<_> = self
            .waiters
            .range(all)
            .map(|(key, _)| key.clone())
            .collect();
        for key in ended {
            if let Some(waiter) = self.waiters.remove(&key) {
                waiter.end(Err(AckError::Disconnected));
            }
        }
        if let Some(session) = self.sessions.remove(namespace) {
            session.disconnected(self.reason(reason));
        }
    }

    /// Until then nothing is read, where the client is ahead of its rate.
    fn opens_at(&self) -> Option<Instant> {
        self.rate.as_ref()?.opens_at()
    }

    /// A connection that ends because the whole server does says so.
    fn reason(&self, reason: DisconnectReason) -> DisconnectReason {
        match reason {
            DisconnectReason::ForcedClose if self.core.is_closing() => {
                DisconnectReason::ServerShuttingDown
            }
            other => other,
        }
    }
}

impl Upper for Driver {
    fn on_event(&mut self, now: Instant, event: EngineEvent) {
        match event {
            EngineEvent::Message(data) => self.on_data(now, data),
            EngineEvent::Closed(reason) => {
                self.read_mail(now);
                self.machine.handle_closed(now, reason);
                self.drain(now);
                self.connection.end();
                // those that were still connecting: their auth step is dropped
                drop(self.sessions.drain());
                self.resolving.clear();
            }
            EngineEvent::Upgraded => {
                self.sessions
                    .iter()
                    .for_each(|(_, session)| session.upgraded());
            }
            // an old client has joined `/` with that
            EngineEvent::Opened => self.drain(now),
            _ => {}
        }
    }

    fn poll(&mut self, now: Instant, cx: &mut Context<'_>) {
        if let Some(rate) = &mut self.rate {
            rate.handle_timeout(now);
        }
        self.read_mail(now);
        if self.machine.poll_timeout().is_some_and(|at| at <= now) {
            self.machine.handle_timeout(now);
            self.drain(now);
        }
        if !self.resolving.is_empty() {
            self.poll_resolving(now, cx);
        }
        loop {
            let machine = &mut self.machine;
            let accepted = self.sessions.poll(|session| session.poll(now, machine, cx));
            self.drain(now);
            if !accepted {
                return;
            }
            self.return_memory();
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [self.machine.poll_timeout(), self.opens_at()];
        deadlines.into_iter().flatten().min()
    }

    fn shrink(&mut self) {
        self.machine.shrink();
        self.return_memory();
        self.sessions.shrink();
        // an emptied tree keeps its last node
        if self.waiters.is_empty() {
            self.waiters = BTreeMap::new();
        }
    }

    fn held(&self) -> usize {
        self.machine.buffered() + self.sessions.inbox_bytes()
    }

    fn is_full(&self) -> bool {
        self.sessions.inbox_bytes() > self.core.settings.inbox_bytes || self.opens_at().is_some()
    }
}

/// A task that is dropped (the runtime stops) leaves no socket registered.
impl Drop for Driver {
    fn drop(&mut self) {
        self.connection.end();
        self.waiters.clear();
        for session in self.sessions.drain() {
            session.disconnected(DisconnectReason::ServerShuttingDown);
        }
    }
}

//! [`NamespaceSession`]: one client in one namespace, inside the connection's task: the auth
//! step, then its events, one handler after another.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Instant;

use engineio::Text;
use socketio_proto::server::Connection as Machine;
use socketio_proto::{AckId, ConnectError, DisconnectReason, RawArgs, Revision, SocketId};

use crate::afterlife;
use crate::connection::Connection;
use crate::core::Core;
use crate::error::{EventError, EventErrorKind, panic_message};
use crate::events::{Events, Inbox};
use crate::handler::{Answered, Incoming, Running, empty_ack};
use crate::handshake::Handshake;
use crate::namespace::{Joining, Mounted};
use crate::socket::{Socket, SocketCore};
use crate::sync::Arc;
use crate::trace::{debug, warning};

/// What an event costs in the inbox beyond its bytes.
const EVENT_COST: usize = 64;

/// A session without the type of its data.
pub(crate) trait Session: Send {
    fn received(&mut self, name: Text, args: RawArgs, ack: Option<AckId>);

    /// Lets the auth step and handlers run.
    fn poll(&mut self, now: Instant, machine: &mut Machine, cx: &mut Context<'_>) -> Progress;

    /// Bytes of events that wait for handlers.
    fn inbox_bytes(&self) -> usize;

    fn disconnected(self: Box<Self>, reason: DisconnectReason);
}

/// What polling a session came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Waits,
    /// The client was accepted: its handlers run when it was told so.
    Accepted,
    Refused,
}

pub(crate) struct NamespaceSession<D> {
    namespace: Arc<Mounted<D>>,
    server: Arc<Core>,
    connection: Arc<Connection>,
    phase: Phase<D>,
}

enum Phase<D> {
    Joining {
        step: Joining<D>,
        handshake: Handshake,
    },
    Joined(Joined<D>),
}

pub(crate) struct Joined<D> {
    pub(crate) socket: Socket<D>,
    pub(crate) namespace: Arc<Mounted<D>>,
    inbox: VecDeque<Event>,
    inbox_bytes: usize,
    pub(crate) running: Vec<Job>,
    served: Option<Arc<Inbox>>,
}

#[derive(Debug)]
struct Event {
    name: Text,
    args: RawArgs,
    ack: Option<AckId>,
}

impl Event {
    fn bytes(&self) -> usize {
        self.args.size() + self.name.len() + EVENT_COST
    }
}

/// An event whose handlers run, or `connect`.
pub(crate) struct Job {
    event: Event,
    future: Running,
    /// The listener whose future it is.
    listener: usize,
    answered: Answered,
}

const CONNECT: Text = Text::from_static("connect");

impl<D: Send + Sync + 'static> NamespaceSession<D> {
    pub(crate) fn new(
        namespace: Arc<Mounted<D>>,
        server: Arc<Core>,
        connection: Arc<Connection>,
        handshake: Handshake,
    ) -> Self {
        let auth = AssertUnwindSafe(|| (namespace.auth)(handshake.clone()));
        let step = catch_unwind(auth)
            .unwrap_or_else(|_| Box::pin(std::future::ready(Err(internal_error()))));
        Self {
            namespace,
            server,
            connection,
            phase: Phase::Joining { step, handshake },
        }
    }

    /// Polls the auth step, and answers the client when it is done.
    fn join(&mut self, now: Instant, machine: &mut Machine, cx: &mut Context<'_>) -> Progress {
        let Phase::Joining { step, handshake } = &mut self.phase else {
            return Progress::Waits;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| step.as_mut().poll(cx)));
        let result = match polled {
            Ok(Poll::Pending) => return Progress::Waits,
            Ok(Poll::Ready(result)) => result,
            Err(_) => Err(internal_error()),
        };
        let namespace = &self.namespace.core.id;
        let entropy = || {
            let mut entropy = [0; 15];
            getrandom::fill(&mut entropy).map(|()| SocketId::from_entropy(entropy))
        };
        let revision = machine.revision();
        let accepted = result.and_then(|data| {
            let id = match revision {
                // it makes the same by itself
                Revision::V4 => SocketId::of_session(namespace, &self.connection.handle.sid()),
                Revision::V5 => entropy().map_err(|_| internal_error())?,
            };
            machine
                .accept(now, namespace, id.clone(), None)
                .map_err(|_| internal_error())?;
            Ok((id, data))
        });
        match accepted {
            Ok((id, data)) => {
                debug!("socket {id} joined {namespace}");
                let core = SocketCore::register(
                    id,
                    Arc::clone(&self.server),
                    Arc::clone(&self.namespace.core),
                    Arc::clone(&self.connection),
                    handshake.clone(),
                );
                let joined = Joined::new(Arc::clone(&self.namespace), Socket::new(core, data));
                self.phase = Phase::Joined(joined);
                Progress::Accepted
            }
            Err(error) => {
                machine.refuse(now, namespace, &error).ok();
                Progress::Refused
            }
        }
    }
}

fn internal_error() -> ConnectError {
    ConnectError::new("internal server error")
}

impl<D: Send + Sync + 'static> Session for NamespaceSession<D> {
    fn received(&mut self, name: Text, args: RawArgs, ack: Option<AckId>) {
        if let Phase::Joined(joined) = &mut self.phase {
            joined.push(Event { name, args, ack });
        }
    }

    fn poll(&mut self, now: Instant, machine: &mut Machine, cx: &mut Context<'_>) -> Progress {
        match &mut self.phase {
            Phase::Joining { .. } => self.join(now, machine, cx),
            Phase::Joined(joined) => {
                joined.poll(cx);
                Progress::Waits
            }
        }
    }

    fn inbox_bytes(&self) -> usize {
        match &self.phase {
            Phase::Joined(joined) => {
                joined.inbox_bytes + joined.served.as_ref().map_or(0, |served| served.bytes())
            }
            Phase::Joining { .. } => 0,
        }
    }

    fn disconnected(self: Box<Self>, reason: DisconnectReason) {
        if let Phase::Joined(joined) = self.phase {
            debug!("socket {} left: {reason}", joined.socket.id());
            joined.socket.core().end(reason);
            joined.namespace.remove(joined.socket.slot());
            if let Some(served) = &joined.served {
                served.end(reason);
            }
            afterlife::start(self.server, joined, reason);
        }
    }
}

impl<D: Send + Sync + 'static> Joined<D> {
    fn new(namespace: Arc<Mounted<D>>, socket: Socket<D>) -> Self {
        namespace.insert(socket.clone());
        let mut joined = Self {
            socket,
            namespace,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            running: Vec::new(),
            served: None,
        };
        joined.start_connect(0);
        joined
    }

    /// Starts the connect handler number `index`; the loop of `serve` comes after the last.
    fn start_connect(&mut self, index: usize) {
        let event = Event {
            name: CONNECT,
            args: RawArgs::default(),
            ack: None,
        };
        let namespace = Arc::clone(&self.namespace);
        let socket = self.socket.clone();
        let start = AssertUnwindSafe(|| -> Option<Running> {
            if let Some(handler) = namespace.handlers.connect.get(index) {
                return Some(handler(socket));
            }
            let run = namespace
                .handlers
                .serve
                .as_ref()
                .filter(|_| self.served.is_none())?;
            let (events, inbox) = Events::new(socket);
            self.served = Some(inbox);
            let future = run(events);
            Some(Box::pin(async move {
                future.await;
                Ok(Answered::Default)
            }))
        });
        match catch_unwind(start) {
            Ok(Some(future)) => {
                let answered = Answered::Default;
                self.running.push(Job {
                    event,
                    future,
                    listener: index,
                    answered,
                });
            }
            Ok(None) => {}
            Err(panic) => {
                self.failed(&event, EventErrorKind::Panic(panic_message(&*panic)));
                self.start_connect(index + 1);
            }
        }
    }

    fn push(&mut self, event: Event) {
        if let Some(served) = &self.served {
            let bytes = event.bytes();
            let Event { name, args, ack } = event;
            served.push(Incoming { name, args, ack }, bytes);
        } else {
            self.inbox_bytes += event.bytes();
            self.inbox.push_back(event);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        let mut index = 0;
        while index < self.running.len() {
            if !self.poll_job(index, cx) {
                index += 1;
            }
        }
        loop {
            // the loop of `serve` came up while events were waiting
            if self.served.is_some() {
                self.inbox_bytes = 0;
                for event in std::mem::take(&mut self.inbox) {
                    self.push(event);
                }
                return;
            }
            let busy = self.running.len() >= self.namespace.handlers.max_in_flight
                || self
                    .running
                    .first()
                    .is_some_and(|job| job.event.name == CONNECT);
            if busy {
                return;
            }
            let Some(event) = self.inbox.pop_front() else {
                if self.inbox.capacity() > 64 {
                    self.inbox = VecDeque::new();
                }
                return;
            };
            self.inbox_bytes -= event.bytes();
            self.start(event, 0, Answered::Default);
            let index = self.running.len().saturating_sub(1);
            while self.running.len() > index && self.poll_job(index, cx) {}
        }
    }

    /// Starts the listener number `index` of an event; behind the last, the event is done.
    fn start(&mut self, event: Event, index: usize, answered: Answered) {
        let namespace = Arc::clone(&self.namespace);
        let Some(listener) = namespace.handlers.listeners(&event.name).get(index) else {
            if let (Some(ack), Answered::Default, 1..) = (event.ack, answered, index) {
                empty_ack(self.socket.core(), ack);
            }
            return;
        };
        let Event { name, args, ack } = &event;
        let ack = ack.filter(|_| answered != Answered::Sent);
        let started = AssertUnwindSafe(|| listener.call(&self.socket, name, args, ack));
        match catch_unwind(started) {
            Ok(future) => self.running.push(Job {
                event,
                future,
                listener: index,
                answered,
            }),
            Err(panic) => {
                let kind = EventErrorKind::Panic(panic_message(&*panic));
                let answered = self.failed(&event, kind);
                self.start(event, index + 1, answered);
            }
        }
    }

    /// `true` when the job gave way to its successor, or to none.
    fn poll_job(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let Some(job) = self.running.get_mut(index) else {
            return false;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| job.future.as_mut().poll(cx)));
        let result = match polled {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(result)) => result,
            Err(panic) => Err(EventErrorKind::Panic(panic_message(&*panic))),
        };
        let Job {
            event,
            future,
            listener,
            answered,
        } = self.running.remove(index);
        // what a panicking future holds may panic again
        catch_unwind(AssertUnwindSafe(|| drop(future))).ok();
        let answered = match (result, answered) {
            (Ok(_), Answered::Sent) => Answered::Sent,
            (Ok(Answered::Default), before) => before,
            (Ok(now), _) => now,
            (Err(kind), _) => self.failed(&event, kind),
        };
        if event.name == CONNECT {
            self.start_connect(listener + 1);
        } else {
            self.start(event, listener + 1, answered);
        }
        true
    }

    /// Tells `on_error`, which may answer.
    fn failed(&self, event: &Event, kind: EventErrorKind) -> Answered {
        let error = EventError {
            event: event.name.clone(),
            kind,
        };
        let Some(handler) = &self.namespace.handlers.error else {
            warning!("socket {}: {error}", self.socket.id());
            return Answered::Never;
        };
        let told = catch_unwind(AssertUnwindSafe(|| {
            handler(&self.socket, &error, event.ack)
        }));
        match told {
            Ok(Ok(Answered::Sent)) => Answered::Sent,
            _ => Answered::Never,
        }
    }
}

impl Job {
    pub(crate) fn into_future(self) -> Running {
        self.future
    }
}

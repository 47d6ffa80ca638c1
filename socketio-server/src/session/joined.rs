//! [`Joined`]: a client that was let in: its events, one handler after another.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Context;

use engineio::Text;
use socketio_proto::answer::Answered;
use socketio_proto::{AckId, DisconnectReason, EventError, EventErrorKind, RawArgs, SessionKey};

use crate::clock;
use crate::events::Inbox;
use crate::handler::Handlers;
use crate::namespace::Mounted;
use crate::recovery::Saved;
use crate::registry::Lease;
use crate::socket::Socket;
use crate::sync::Arc;
use crate::trace::{Span, warning};

use super::job::{Event, Job, Stage};

pub(crate) struct Joined<D> {
    pub(crate) socket: Socket<D>,
    pub(crate) namespace: Arc<Mounted<D>>,
    inbox: VecDeque<Event>,
    inbox_bytes: usize,
    pub(crate) running: Vec<Job>,
    /// Whether `connect` was told.
    begun: bool,
    pub(super) served: Option<Arc<Inbox>>,
    pub(crate) span: Span,
    /// What its client may recover it with.
    key: Option<Box<SessionKey>>,
}

const CONNECT: Text = Text::from_static("connect");
const DISCONNECTING: Text = Text::from_static("disconnecting");
const UPGRADE: Text = Text::from_static("upgrade");

impl<D: Send + Sync + 'static> Joined<D> {
    pub(super) fn new(
        namespace: Arc<Mounted<D>>,
        socket: Socket<D>,
        key: Option<SessionKey>,
    ) -> Self {
        namespace.insert(socket.clone());
        let span = Span::socket(&socket.core().shown(), &namespace.core.id);
        Self {
            span,
            key: key.map(Box::new),
            socket,
            namespace,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            running: Vec::new(),
            begun: false,
            served: None,
        }
    }

    pub(super) fn handlers(&self) -> &Handlers<D> {
        &self.namespace.definition.handlers
    }

    pub(super) fn inbox_bytes(&self) -> usize {
        self.inbox_bytes + self.served.as_ref().map_or(0, |served| served.bytes())
    }

    /// Whether no handler runs and no event waits for one.
    pub(super) fn is_idle(&self) -> bool {
        self.begun && self.running.is_empty() && self.inbox.is_empty() && self.inbox_bytes() == 0
    }

    /// Gives back memory that is kept for events.
    pub(super) fn shrink(&mut self) {
        self.inbox.shrink_to_fit();
        self.running.shrink_to_fit();
    }

    pub(super) fn push(&mut self, event: Event) {
        if let Some(served) = &self.served {
            self.observe(&event);
            let bytes = event.bytes();
            served.push(event.incoming(event.ack), bytes);
        } else {
            self.inbox_bytes += event.bytes();
            self.inbox.push_back(event);
        }
    }

    /// Shows the event to those who want to see all.
    fn observe(&self, event: &Event) {
        let observers = &self.handlers().any;
        if observers.is_empty() {
            return;
        }
        let incoming = event.incoming(event.ack);
        self.each(&event.name, observers, |observer| {
            observer(&self.socket, &incoming);
        });
    }

    /// Runs handlers that do not wait; a panic ends one of them.
    fn each<H>(&self, name: &Text, handlers: &[H], run: impl Fn(&H)) {
        for handler in handlers {
            let run = AssertUnwindSafe(|| self.span.run(|| run(handler)));
            if let Err(panic) = catch_unwind(run) {
                self.failed(name, None, EventErrorKind::panicked(&*panic));
            }
        }
    }

    pub(super) fn upgraded(&self) {
        self.each(&UPGRADE, &self.handlers().upgrade, |handler| {
            handler(&self.socket);
        });
    }

    /// The socket is disconnected from here on.
    pub(super) fn end(&self, reason: DisconnectReason, lease: Option<Box<Lease>>) {
        self.each(&DISCONNECTING, &self.handlers().disconnecting, |handler| {
            handler(&self.socket, reason);
        });
        let history = self.socket.core().end(reason);
        self.namespace.remove(&self.socket);
        if let (Some(sessions), Some(key)) = (&self.namespace.sessions, self.key.as_deref()) {
            match history.filter(|_| is_recoverable(reason)) {
                Some(history) => {
                    let saved = Saved {
                        id: self.socket.id().clone(),
                        start: self.socket.core().start,
                        history,
                        data: self.socket.shared_data(),
                        _lease: lease,
                    };
                    sessions.save(key.clone(), clock::now(), saved);
                }
                None => sessions.forget(key),
            }
        }
        if let Some(served) = &self.served {
            served.end(reason);
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        if !std::mem::replace(&mut self.begun, true) {
            let connect = Event {
                name: CONNECT,
                args: RawArgs::default(),
                ack: None,
            };
            self.run(connect, Stage::Connect(0), Answered::Default, cx);
        }
        self.go_on(cx);
        loop {
            // the loop of `serve` came up while events were waiting
            if self.served.is_some() {
                self.inbox_bytes = 0;
                for event in std::mem::take(&mut self.inbox) {
                    self.push(event);
                }
                return;
            }
            let connecting = |job: &Job| matches!(job.stage, Stage::Connect(_));
            if self.running.len() >= self.handlers().max_in_flight
                || self.running.first().is_some_and(connecting)
            {
                return;
            }
            let Some(event) = self.inbox.pop_front() else {
                if self.inbox.capacity() > 64 {
                    self.inbox = VecDeque::new();
                }
                return;
            };
            self.inbox_bytes -= event.bytes();
            self.observe(&event);
            self.run(event, self.first_stage(), Answered::Default, cx);
        }
    }

    fn first_stage(&self) -> Stage {
        match self.handlers().before_event.is_empty() {
            true => Stage::Listener(0),
            false => Stage::Before(0),
        }
    }

    /// Tells `on_error`, which may answer.
    pub(super) fn failed(
        &self,
        event: &Text,
        ack: Option<AckId>,
        kind: EventErrorKind,
    ) -> Answered {
        self.socket.core().count_failed(&kind);
        let error = EventError::new(event.clone(), kind);
        let Some(handler) = &self.handlers().error else {
            warning!("socket {}: {error}", self.socket.core().shown());
            return Answered::Never;
        };
        let told = catch_unwind(AssertUnwindSafe(|| handler(&self.socket, &error, ack)));
        match told {
            Ok(Ok(Answered::Sent)) => Answered::Sent,
            _ => Answered::Never,
        }
    }
}

/// Whether the client lost its connection, rather than left or was put out.
fn is_recoverable(reason: DisconnectReason) -> bool {
    matches!(
        reason,
        DisconnectReason::ForcedClose
            | DisconnectReason::PingTimeout
            | DisconnectReason::SlowConsumer
            | DisconnectReason::TransportClose
            | DisconnectReason::TransportError
    )
}

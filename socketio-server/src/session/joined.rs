//! [`Joined`]: a client that was let in: its events, one handler after another.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Context;

use engineio::Text;
use socketio_proto::answer::Answered;
use socketio_proto::{AckId, DisconnectReason, EventError, EventErrorKind, RawArgs, SessionKey};

use crate::clock;
use crate::events::{Events, Inbox};
use crate::handler::{Handlers, Running, empty_ack};
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
    served: Option<Arc<Inbox>>,
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
        let mut joined = Self {
            span,
            key: key.map(Box::new),
            socket,
            namespace,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            running: Vec::new(),
            served: None,
        };
        let event = Event {
            name: CONNECT,
            args: RawArgs::default(),
            ack: None,
        };
        let job = joined.start(event, Stage::Connect(0), Answered::Default);
        joined.running.extend(job);
        joined
    }

    fn handlers(&self) -> &Handlers<D> {
        &self.namespace.definition.handlers
    }

    pub(super) fn inbox_bytes(&self) -> usize {
        self.inbox_bytes + self.served.as_ref().map_or(0, |served| served.bytes())
    }

    /// Whether no handler runs and no event waits for one.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.inbox.is_empty() && self.inbox_bytes() == 0
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
            let mut job = self.start(event, self.first_stage(), Answered::Default);
            // most are done before they would have to be kept
            while let Some(mut current) = job {
                let Some(result) = current.poll(cx) else {
                    self.running.push(current);
                    break;
                };
                job = self.go_on(current, result);
            }
        }
    }

    fn first_stage(&self) -> Stage {
        match self.handlers().before_event.is_empty() {
            true => Stage::Listener(0),
            false => Stage::Before(0),
        }
    }

    /// Starts the stage of an event, or the next one that there is; `None`: the event is done.
    fn start(&mut self, mut event: Event, mut stage: Stage, mut answered: Answered) -> Option<Job> {
        let span = self.span.event(&event.name);
        loop {
            let ack = event.ack.filter(|_| answered != Answered::Sent);
            let call = AssertUnwindSafe(|| span.run(|| self.call(stage, &mut event, ack)));
            match catch_unwind(call) {
                Ok(Some((future, last))) => {
                    return Some(Job {
                        event,
                        future,
                        stage,
                        last,
                        answered,
                        span,
                    });
                }
                Ok(None) => match stage {
                    Stage::Before(_) => stage = Stage::Listener(0),
                    Stage::Listener(1..) => {
                        self.done(&event, answered);
                        return None;
                    }
                    Stage::Listener(0) | Stage::Connect(_) => return None,
                },
                Err(panic) => {
                    let kind = EventErrorKind::panicked(&*panic);
                    answered = self.failed(&event.name, event.ack, kind);
                    // who would have judged the event cannot
                    if matches!(stage, Stage::Before(_)) {
                        return None;
                    }
                    stage = stage.next();
                }
            }
        }
    }

    /// All listeners had it: who waits for an answer and got none gets an empty one.
    fn done(&self, event: &Event, answered: Answered) {
        if let (Some(ack), Answered::Default) = (event.ack, answered) {
            empty_ack(self.socket.core(), ack);
        }
    }

    /// The future of a stage, if there is such a stage, and whether it is known to be the last.
    fn call(
        &mut self,
        stage: Stage,
        event: &mut Event,
        ack: Option<AckId>,
    ) -> Option<(Running, bool)> {
        let handlers = &self.namespace.definition.handlers;
        match stage {
            Stage::Connect(index) => match handlers.connect.get(index) {
                Some(handler) => Some((handler(self.socket.clone()), false)),
                None => Some((self.serve()?, false)),
            },
            Stage::Before(index) => {
                let judge = handlers.before_event.get(index)?;
                let judging = judge(self.socket.clone(), event.incoming(ack));
                let judging: Running = Box::pin(async move {
                    let agreed = judging.await.map_err(EventErrorKind::Refused);
                    agreed.map(|()| Answered::Default)
                });
                Some((judging, false))
            }
            Stage::Listener(index) => {
                let listeners = handlers.listeners(&event.name);
                let listener = listeners.get(index)?;
                let last = index + 1 == listeners.len();
                let args = match last {
                    true => std::mem::take(&mut event.args),
                    false => event.args.clone(),
                };
                let running = listener.call(&self.socket, &event.name, args, ack);
                Some((running, last))
            }
        }
    }

    /// Starts the loop, once.
    fn serve(&mut self) -> Option<Running> {
        let run = self.namespace.definition.handlers.serve.as_ref()?;
        if self.served.is_some() {
            return None;
        }
        let (events, inbox) = Events::new(self.socket.clone());
        self.served = Some(inbox);
        let future = run(events);
        Some(Box::pin(async move {
            future.await;
            Ok(Answered::Default)
        }))
    }

    /// `true` when the job gave way to its successor, or to none.
    fn poll_job(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let Some(result) = self.running.get_mut(index).and_then(|job| job.poll(cx)) else {
            return false;
        };
        let job = self.running.remove(index);
        let next = self.go_on(job, result);
        self.running.extend(next);
        true
    }

    /// What follows a stage that came to this result.
    fn go_on(&mut self, job: Job, result: Result<Answered, EventErrorKind>) -> Option<Job> {
        let Job {
            event,
            future,
            stage,
            last,
            answered,
            ..
        } = job;
        // what a panicking future holds may panic again
        catch_unwind(AssertUnwindSafe(|| drop(future))).ok();
        let answered = match (result, answered) {
            (Ok(_), Answered::Sent) => Answered::Sent,
            (Ok(Answered::Default), before) => before,
            (Ok(now), _) => now,
            (Err(kind), _) => {
                let answered = self.failed(&event.name, event.ack, kind);
                if matches!(stage, Stage::Before(_)) {
                    return None;
                }
                answered
            }
        };
        if last {
            self.done(&event, answered);
            return None;
        }
        self.start(event, stage.next(), answered)
    }

    /// Tells `on_error`, which may answer.
    fn failed(&self, event: &Text, ack: Option<AckId>, kind: EventErrorKind) -> Answered {
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

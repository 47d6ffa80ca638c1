//! Events that the application emits, and what becomes of the answers to them.

use std::time::{Duration, Instant};

use engineio::{Batch, Text};

use super::connection::Pending;
use super::namespace::{Queued, Shown, State, Unsent};
use super::{AckFailure, Connection, Emit, EmitId, Event, Output, Reply};
use crate::args::RawArgs;
use crate::error::{EncodeError, Misuse, SendError};
use crate::id::{AckId, NamespaceId};
use crate::packet::{Body, Packet, is_reserved};

impl Connection {
    /// Sends an event, now or when its turn comes.
    ///
    /// # Errors
    /// A reserved name or arguments that cannot be sent, [`SendError::Full`] over
    /// [`Config::max_buffered`](super::Config::max_buffered) and [`SendError::TooManyAcks`].
    /// Nothing was taken then.
    pub fn emit(
        &mut self,
        now: Instant,
        name: &NamespaceId,
        event: Text,
        args: RawArgs,
        options: Emit,
    ) -> Result<(), SendError> {
        self.handle_timeout(now);
        if is_reserved(&event) {
            return Err(EncodeError::Reserved.into());
        }
        let is_connected = self.is_connected(name);
        if options.volatile && !is_connected {
            self.failed(name, options.ack, AckFailure::Dropped);
            return Ok(());
        }
        let shown = Shown { name: event, args };
        if self.namespace(name).settings.retries > 0 && !options.volatile {
            return self.enqueue(now, name, shown, options);
        }
        if options.ack.is_some() && self.acks.len() >= self.config.limits.pending_acks {
            return Err(SendError::TooManyAcks);
        }
        // the id is spent only when nothing can go wrong any more
        let spent = self.namespace(name).acks;
        let ack = options.ack.map(|_| self.namespace(name).next_ack());
        let taken = self.encode(name, &shown, ack).and_then(|batch| {
            if is_connected || self.buffered + batch.size() <= self.config.max_buffered {
                Ok(batch)
            } else {
                Err(SendError::Full)
            }
        });
        let batch = match taken {
            Ok(batch) => batch,
            Err(error) => {
                self.namespace(name).acks = spent;
                return Err(error);
            }
        };
        if let Some(id) = ack {
            let settings = self.namespace(name).settings;
            let given = options.timeout.or(settings.ack_timeout);
            let default = self.config.ack_timeout;
            let timeout = given.or_else(|| is_connected.then_some(default));
            let until = timeout.and_then(|timeout| now.checked_add(timeout));
            let pending = Pending {
                emit: options.ack,
                sent: is_connected,
                queued: false,
            };
            self.expect(name, id, until, pending);
        }
        let shown = self.namespace(name).settings.watch_sent.then_some(shown);
        let event = Unsent { batch, ack, shown };
        if is_connected {
            self.send(name, event);
        } else {
            self.buffered += event.batch.size();
            self.namespace(name).unsent.push_back(event);
        }
        Ok(())
    }

    /// Gives an answer that is waited for a time, from now; with retries, each sending of the
    /// event. Nothing happens when it is not waited for any more.
    pub fn limit_ack(&mut self, now: Instant, name: &NamespaceId, emit: EmitId, timeout: Duration) {
        self.handle_timeout(now);
        let queue = &mut self.namespace(name).queue;
        if let Some(event) = queue.iter_mut().find(|event| event.emit == Some(emit)) {
            event.timeout = Some(timeout);
        }
        if let Some((name, id)) = self.emits.get(&emit).cloned()
            && let Some((_, pending)) = self.acks.take(&name, id)
        {
            self.expect(&name, id, now.checked_add(timeout), pending);
        }
    }

    /// Answers an event of the server.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the connection it came on is gone, and arguments that cannot be
    /// sent.
    pub fn answer(
        &mut self,
        name: &NamespaceId,
        reply: Reply,
        args: RawArgs,
    ) -> Result<(), SendError> {
        let namespace = self.namespaces.get(name);
        if !namespace.is_some_and(|n| n.state == State::Connected(reply.life)) {
            return Err(SendError::Closed);
        }
        let id = reply.id;
        let batch = self.packet(name, Body::Ack { id, args })?;
        self.outputs.push_back(Output::Send(batch));
        Ok(())
    }

    // What waited

    /// The namespace is connected: what waited leaves.
    pub(super) fn flush(&mut self, now: Instant, name: &NamespaceId) {
        let unsent = std::mem::take(&mut self.namespace(name).unsent);
        for event in unsent {
            self.buffered -= event.batch.size();
            if let Some(id) = event.ack {
                self.mark_sent(now, name, id);
            }
            self.send(name, event);
        }
        self.drain(now, name);
    }

    /// The time for an answer that was not given one begins.
    fn mark_sent(&mut self, now: Instant, name: &NamespaceId, id: AckId) {
        let default = now.checked_add(self.config.ack_timeout);
        if let Some((until, mut pending)) = self.acks.take(name, id) {
            pending.sent = true;
            self.expect(name, id, until.or(default), pending);
        }
    }

    fn send(&mut self, name: &NamespaceId, event: Unsent) {
        self.outputs.push_back(Output::Send(event.batch));
        if let Some(Shown { name: event, args }) = event.shown {
            let namespace = self.own_name(name);
            let name = event;
            self.event(Event::Sent {
                namespace,
                name,
                args,
            });
        }
    }

    // Events that are sent until they are answered

    fn enqueue(
        &mut self,
        now: Instant,
        name: &NamespaceId,
        shown: Shown,
        options: Emit,
    ) -> Result<(), SendError> {
        // with the largest id, so that what passes now passes later
        self.encode(name, &shown, Some(AckId::MAX))?;
        if self.buffered + shown.size() > self.config.max_buffered {
            return Err(SendError::Full);
        }
        self.buffered += shown.size();
        self.namespace(name).queue.push_back(Queued {
            emit: options.ack,
            shown,
            timeout: options.timeout,
            tries: 0,
            out: false,
        });
        self.drain(now, name);
        Ok(())
    }

    /// Sends the first of the queue, unless it is out.
    fn drain(&mut self, now: Instant, name: &NamespaceId) {
        let default = self.config.ack_timeout;
        let namespace = self.namespace(name);
        let timeout = namespace.settings.ack_timeout.unwrap_or(default);
        let watched = namespace.settings.watch_sent;
        let State::Connected(_) = namespace.state else {
            return;
        };
        let Some(first) = namespace.queue.front_mut().filter(|first| !first.out) else {
            return;
        };
        first.out = true;
        first.tries += 1;
        let emit = first.emit;
        let timeout = first.timeout.unwrap_or(timeout);
        let shown = first.shown.clone();
        let id = namespace.next_ack();
        let Ok(batch) = self.encode(name, &shown, Some(id)) else {
            // it was encoded before; a user's parser that changes its mind loses the event
            self.unqueue(name);
            return self.failed(name, emit, AckFailure::Dropped);
        };
        let pending = Pending {
            emit,
            sent: true,
            queued: true,
        };
        self.expect(name, id, now.checked_add(timeout), pending);
        let shown = watched.then_some(shown);
        let ack = Some(id);
        self.send(name, Unsent { batch, ack, shown });
    }

    fn unqueue(&mut self, name: &NamespaceId) {
        if let Some(done) = self.namespace(name).queue.pop_front() {
            self.buffered -= done.shown.size();
        }
    }

    // Answers

    pub(super) fn acked(&mut self, now: Instant, name: &NamespaceId, id: AckId, args: RawArgs) {
        let Some(pending) = self.expected(name, id) else {
            return;
        };
        if let Some(emit) = pending.emit {
            let namespace = self.own_name(name);
            self.event(Event::Acked {
                namespace,
                emit,
                args,
            });
        }
        if pending.queued {
            self.unqueue(name);
            self.drain(now, name);
        }
    }

    /// An answer did not come in time.
    pub(super) fn expired(&mut self, now: Instant, name: NamespaceId, id: AckId, pending: Pending) {
        if let Some(emit) = pending.emit {
            self.emits.remove(&emit);
        }
        if !pending.sent {
            self.withdraw(&name, id);
        }
        self.unanswered(&name, pending, AckFailure::Timeout);
        self.drain(now, &name);
    }

    /// An event that nobody waits for any more does not leave.
    fn withdraw(&mut self, name: &NamespaceId, id: AckId) {
        let unsent = &mut self.namespace(name).unsent;
        let place = unsent.iter().position(|event| event.ack == Some(id));
        if let Some(event) = place.and_then(|place| unsent.remove(place)) {
            self.buffered -= event.batch.size();
        }
    }

    /// The connection is gone, and the answers to what was sent with it.
    pub(super) fn fail_sent(&mut self, name: &NamespaceId) {
        for id in self.acks.ids(name) {
            if self.acks.get(name, id).is_some_and(|pending| pending.sent)
                && let Some(pending) = self.expected(name, id)
            {
                self.unanswered(name, pending, AckFailure::Disconnected);
            }
        }
    }

    /// There will be no answer: to this sending of the event, or to the event.
    fn unanswered(&mut self, name: &NamespaceId, pending: Pending, failure: AckFailure) {
        if pending.queued {
            let namespace = self.namespace(name);
            let retries = namespace.settings.retries;
            if let Some(first) = namespace.queue.front_mut()
                && first.tries <= retries
            {
                first.out = false;
                return;
            }
            self.unqueue(name);
        }
        self.failed(name, pending.emit, failure);
    }

    pub(super) fn failed(&mut self, name: &NamespaceId, emit: Option<EmitId>, failure: AckFailure) {
        let Some(emit) = emit else {
            return;
        };
        let namespace = self.own_name(name);
        self.event(Event::AckFailed {
            namespace,
            emit,
            failure,
        });
    }

    /// What was expected under this id, which is so no longer.
    pub(super) fn expected(&mut self, name: &NamespaceId, id: AckId) -> Option<Pending> {
        let pending = self.acks.remove(name, id)?;
        if let Some(emit) = pending.emit {
            self.emits.remove(&emit);
        }
        Some(pending)
    }

    fn expect(&mut self, name: &NamespaceId, id: AckId, until: Option<Instant>, what: Pending) {
        let name = self.own_name(name);
        if let Some(emit) = what.emit {
            self.emits.insert(emit, (name.clone(), id));
        }
        let expected = self.acks.insert(name, id, until, what);
        debug_assert_ne!(expected, Err(Misuse::DuplicateAck), "ids do not repeat");
    }

    // Packets

    fn encode(
        &self,
        name: &NamespaceId,
        shown: &Shown,
        ack: Option<AckId>,
    ) -> Result<Batch, SendError> {
        let body = Body::Event {
            name: shown.name.clone(),
            args: shown.args.clone(),
            ack,
        };
        self.packet(name, body)
    }

    fn packet(&self, name: &NamespaceId, body: Body) -> Result<Batch, SendError> {
        let namespace = name.clone();
        let packet = Packet { namespace, body };
        Ok(self.parser.encode(&packet, &self.config.limits)?)
    }
}

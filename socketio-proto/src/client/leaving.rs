//! Leaving a namespace, and the end of a connection.

use std::collections::VecDeque;
use std::time::Instant;

use engineio::CloseReason;

use super::namespace::State;
use super::{AckFailure, Connection, Event, Output};
use crate::error::DisconnectReason;
use crate::id::NamespaceId;

/// What the application wants
impl Connection {
    /// Leaves a namespace. What waits to be sent stays for the next time.
    pub fn disconnect(&mut self, now: Instant, name: &NamespaceId) {
        self.handle_timeout(now);
        let Some(namespace) = self.namespaces.get_mut(name) else {
            return;
        };
        match namespace.state {
            State::Idle | State::Leaving => return,
            State::Waiting | State::Authenticating(_) => namespace.state = State::Idle,
            State::Connecting => namespace.state = State::Leaving,
            State::Connected(_) => {
                self.say_goodbye(name);
                // a parser that cannot say it has closed the connection, and told so
                if self.is_connected(name) {
                    self.left(name, State::Idle, DisconnectReason::IoClientDisconnect);
                }
                self.namespace(name).state = State::Idle;
            }
        }
        self.close_if_unwanted();
    }

    /// Leaves a namespace for good: what waits to be sent is gone, and answers that are waited for
    /// fail with [`AckFailure::Dropped`].
    pub fn remove(&mut self, now: Instant, name: &NamespaceId) {
        self.disconnect(now, name);
        let Some(namespace) = self.namespaces.get_mut(name) else {
            return;
        };
        let forgotten = std::mem::take(namespace);
        if forgotten.state == State::Leaving {
            // its last word is still to be said
            namespace.state = State::Leaving;
        } else {
            self.namespaces.remove(name);
        }
        for id in self.acks.ids(name) {
            let pending = self.expected(name, id);
            self.failed(name, pending.and_then(|p| p.emit), AckFailure::Dropped);
        }
        for event in &forgotten.unsent {
            self.buffered -= event.batch.size();
        }
        for event in &forgotten.queue {
            self.buffered -= event.shown.size();
            // one that is out had its answer above
            let emit = event.emit.filter(|_| !event.out);
            self.failed(name, emit, AckFailure::Dropped);
        }
    }
}

impl Connection {
    /// A namespace is connected no more.
    pub(super) fn left(&mut self, name: &NamespaceId, state: State, reason: DisconnectReason) {
        let namespace = self.own_name(name);
        self.namespace(name).state = state;
        self.event(Event::Disconnected { namespace, reason });
        self.fail_sent(name);
    }

    pub(super) fn say_goodbye(&mut self, name: &NamespaceId) {
        let batch = self.parser.disconnect(name);
        self.send_control(batch);
    }

    pub(super) fn close_if_unwanted(&mut self) {
        if self.is_open && !self.is_wanted() {
            self.close(CloseReason::ForcedClose);
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        if self.end(reason.into()) {
            self.outputs.push_back(Output::Close(reason));
        }
    }

    /// Tells every connected namespace. Whether there was a connection.
    pub(super) fn end(&mut self, reason: DisconnectReason) -> bool {
        if !std::mem::take(&mut self.is_open) {
            return false;
        }
        self.decoder = self.parser.decoder(self.config.limits);
        self.early = 0;
        for name in self.in_turn(|_| true) {
            let namespace = self.namespace(&name);
            namespace.early = VecDeque::new();
            match namespace.state {
                State::Idle | State::Waiting => {}
                State::Leaving => namespace.state = State::Idle,
                State::Authenticating(_) | State::Connecting => namespace.state = State::Waiting,
                State::Connected(_) => self.left(&name, State::Waiting, reason),
            }
        }
        true
    }
}

//! Who is connected, and how that ends.

use std::time::Instant;

use engineio::CloseReason;

use super::connection::State;
use super::{Connection, Event, Output};
use crate::acks::Acks;
use crate::error::{DisconnectReason, Misuse};
use crate::id::NamespaceId;

impl Connection {
    /// A namespace is no longer connected.
    pub(super) fn left(&mut self, now: Instant, namespace: NamespaceId, reason: DisconnectReason) {
        for id in self.acks.ids(&namespace) {
            self.acks.remove(&namespace, id);
        }
        let is_last = self.namespaces.iter().all(|(_, s)| *s != State::Connected);
        if is_last {
            self.connect_deadline = now.checked_add(self.config.connect_timeout);
        }
        self.event(Event::Disconnected { namespace, reason });
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        if self.end(reason.into()) {
            self.outputs.push_back(Output::Close(reason));
        }
    }

    /// Tells every connected namespace, then keeps silent. Whether it was open.
    pub(super) fn end(&mut self, reason: DisconnectReason) -> bool {
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
    pub(super) fn expire(&mut self, now: Instant) -> Result<(), Misuse> {
        self.handle_timeout(now);
        if self.closed {
            return Err(Misuse::Closed);
        }
        Ok(())
    }

    /// The name as the map has it, if the namespace is connected.
    pub(super) fn connected(&self, namespace: &NamespaceId) -> Result<NamespaceId, Misuse> {
        if self.closed {
            return Err(Misuse::Closed);
        }
        match self.namespaces.entry(namespace) {
            Some((name, State::Connected)) => Ok(name.clone()),
            _ => Err(Misuse::NotConnected),
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

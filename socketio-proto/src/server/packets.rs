//! What a packet of the client does.

use std::time::Instant;

use engineio::{Batch, CloseReason, Text};

use super::connection::State;
use super::{Connection, Event, Output};
use crate::error::{DisconnectReason, EncodeError};
use crate::id::NamespaceId;
use crate::packet::{Body, ConnectError, Packet, Revision};

impl Connection {
    pub(super) fn packet(&mut self, now: Instant, packet: Packet) {
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
    pub(super) fn assembles_for_nobody(&self) -> bool {
        self.decoder.assembling().is_some_and(|namespace| {
            let state = self.namespaces.get(namespace);
            matches!(state, None | Some(State::Connecting))
        })
    }

    pub(super) fn connect_requested(&mut self, namespace: NamespaceId, auth: Option<Text>) {
        let namespace = namespace.detached();
        if self.namespaces.get(&namespace).is_none() && !self.make_room() {
            let error = ConnectError::new("too many namespaces");
            self.send_error(&namespace, &error);
            return;
        }
        self.namespaces.insert(namespace.clone(), State::Connecting);
        self.event(Event::ConnectRequested { namespace, auth });
    }

    pub(super) fn send_error(&mut self, namespace: &NamespaceId, error: &ConnectError) {
        let batch = match self.revision {
            Revision::V4 => self.parser.error(namespace, error),
            Revision::V5 => self.parser.connect_error(namespace, error),
        };
        self.send_control(batch);
    }

    /// Sends a packet of our own making; without it the two ends would disagree.
    pub(super) fn send_control(&mut self, batch: Result<Batch, EncodeError>) {
        match batch {
            Ok(batch) => self.outputs.push_back(Output::Send(batch)),
            Err(_) => self.close(CloseReason::ServerError),
        }
    }

    /// Whether one more namespace may be known; the memory of one that was left gives way.
    pub(super) fn make_room(&mut self) -> bool {
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
}

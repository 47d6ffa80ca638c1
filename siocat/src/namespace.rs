//! [`Namespace`]: a socket, and what siocat knows of it.

use std::fmt::Display;

use socketio_client::{EncodeError, Events, Manager, NamespaceId, Socket};
use tokio::sync::mpsc::UnboundedSender;

use crate::options::Each;
use crate::watch::{self, Item};

#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) socket: Socket,
    pub(crate) events: Events,
    /// Whether it was connected before.
    pub(crate) was_connected: bool,
    /// Emits whose acks are waited for.
    pub(crate) open_acks: usize,
}

impl Namespace {
    /// The namespace of that number; it is not connected yet.
    ///
    /// # Errors
    /// The credentials do not serialise.
    pub(crate) fn new(
        manager: &Manager,
        name: NamespaceId,
        number: usize,
        settings: &Each,
        items: &UnboundedSender<Item>,
    ) -> Result<Self, EncodeError> {
        let socket = manager.of(name);
        if let Some(auth) = &settings.auth {
            socket.auth(auth)?;
        }
        if let Some(timeout) = settings.ack_timeout {
            socket.ack_timeout(timeout);
        }
        if settings.retries > 0 {
            socket.retries(settings.retries);
        }
        let events = watch::socket(&socket, number, items);
        Ok(Self {
            socket,
            events,
            was_connected: false,
            open_acks: 0,
        })
    }

    pub(crate) fn name(&self) -> &NamespaceId {
        self.socket.namespace()
    }

    pub(crate) fn report(&self, words: impl Display) {
        crate::report(&format!("{}: {words}", self.name()));
    }
}

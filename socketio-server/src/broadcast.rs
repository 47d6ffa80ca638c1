//! [`Broadcast`]: one event for many.

use socketio_proto::{IntoArgs, SocketId};

use crate::core::{Core, NamespaceCore, Settings};
use crate::error::SendError;
use crate::rooms::{Room, Selection};
use crate::sync::Arc;

/// A broadcast under construction: who gets it, and how. Made by `to`, `except` and the like.
///
/// Every client gets it once, however many of the rooms it is in. Encoded once for all.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `emit`"]
pub struct Broadcast {
    core: Arc<Core>,
    namespace: Arc<NamespaceCore>,
    selection: Selection,
    volatile: bool,
}

impl Broadcast {
    pub(crate) fn new(core: Arc<Core>, namespace: Arc<NamespaceCore>) -> Self {
        Self {
            core,
            namespace,
            selection: Selection::default(),
            volatile: false,
        }
    }

    pub(crate) fn from(mut self, sender: SocketId) -> Self {
        self.selection.sender = Some(sender);
        self
    }

    /// Also those in this room; of several, each client once. The id of a socket is its room.
    pub fn to(mut self, room: impl Into<Room>) -> Self {
        self.selection.rooms.push(room.into());
        self
    }

    /// Not those in this room.
    pub fn except(mut self, room: impl Into<Room>) -> Self {
        self.selection.except.push(room.into());
        self
    }

    /// May be lost: clients for which something is still queued, or whose poll is not there,
    /// do not get it.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sends `2["event",…]` to all of them.
    ///
    /// One argument is sent for a serialisable payload; use
    /// [`Args`](socketio_proto::Args) for several, `&Args(())` for none.
    ///
    /// # Errors
    /// [`SendError::Encode`]: a reserved name, or a payload that cannot be encoded.
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        let Settings {
            parser, protocol, ..
        } = &self.core.settings;
        let id = &self.namespace.id;
        let batch = parser.event(id, event, payload, None, &protocol.limits)?;
        self.namespace
            .dispatch(&self.selection, &batch, self.volatile);
        Ok(())
    }
}

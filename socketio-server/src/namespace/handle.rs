//! [`NamespaceHandle`]: reaching a namespace once it is mounted.

use std::fmt;

use socketio_proto::{FromArgs, IntoArgs, NamespaceId, SocketId};

use super::mounted::Mounted;
use crate::broadcast::{Answers, Broadcast};
use crate::core::Core;
use crate::error::SendError;
use crate::peers::{self, ServerId};
use crate::rooms::Room;
use crate::socket::Socket;
use crate::sync::Arc;

/// Reaches a mounted namespace from anywhere, such as an HTTP route. Clones are cheap.
pub struct NamespaceHandle<D = ()> {
    pub(crate) server: Arc<Core>,
    pub(crate) mounted: Arc<Mounted<D>>,
}

impl<D> Clone for NamespaceHandle<D> {
    fn clone(&self) -> Self {
        Self {
            server: Arc::clone(&self.server),
            mounted: Arc::clone(&self.mounted),
        }
    }
}

impl<D> fmt::Debug for NamespaceHandle<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceHandle")
            .field("id", &self.mounted.core.id)
            .finish_non_exhaustive()
    }
}

impl<D> NamespaceHandle<D> {
    pub(super) fn new(server: &Arc<Core>, mounted: Arc<Mounted<D>>) -> Self {
        Self {
            server: Arc::clone(server),
            mounted,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &NamespaceId {
        &self.mounted.core.id
    }

    /// Addresses everybody.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::new(Arc::clone(&self.server), Arc::clone(&self.mounted.core))
    }

    /// Addresses a room.
    pub fn to(&self, room: impl Into<Room>) -> Broadcast {
        self.broadcast().to(room)
    }

    /// Addresses everybody who is not in `room`.
    pub fn except(&self, room: impl Into<Room>) -> Broadcast {
        self.broadcast().except(room)
    }

    /// Sends an event to everybody.
    ///
    /// # Errors
    /// As [`Broadcast::emit`].
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.broadcast().emit(event, payload)
    }

    /// The socket of that id.
    #[must_use]
    pub fn socket(&self, id: &SocketId) -> Option<Socket<D>> {
        let slot = self.mounted.core.with_rooms(|rooms| rooms.find(id))?;
        self.mounted.find(slot, id)
    }

    /// The sockets that are connected.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket<D>> {
        self.mounted.all()
    }

    /// How many sockets are connected.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mounted.core.len()
    }

    /// Whether nobody is connected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the namespace out of service: its clients are put out ("server namespace
    /// disconnect"), others are refused ("Invalid namespace"), and the name is free again.
    /// `false` when that was done before.
    pub fn remove(&self) -> bool {
        let core = &self.mounted.core;
        if !self.server.registry.remove(core) {
            return false;
        }
        for socket in self.sockets() {
            socket.core().put_out();
        }
        true
    }

    /// Sends an event to this namespace on the other servers, the [`Peers`](crate::Peers) of this one; not
    /// to clients, and not to this server. Node's `serverSideEmit`.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`SendError::Encode`]: the payload cannot be encoded.
    pub fn server_side_emit<P: IntoArgs + ?Sized>(
        &self,
        event: &str,
        payload: &P,
    ) -> Result<(), SendError> {
        peers::emit(&self.server, self.id(), event, payload)
    }

    /// As [`NamespaceHandle::server_side_emit`], and collects the answers of the other servers,
    /// for 5 s. Dropping the future forgets them.
    ///
    /// # Errors
    /// [`SendError::Encode`]: the payload cannot be encoded.
    pub async fn server_side_emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> Result<Answers<R, ServerId>, SendError> {
        peers::emit_with_ack(&self.server, self.id(), event, payload).await
    }
}

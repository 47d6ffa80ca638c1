//! [`Socket`]: one client in one namespace.

mod conn;
mod core;
mod modifiers;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use socketio_proto::{DisconnectReason, Event, FromArgs, IntoArgs, NamespaceId, SocketId};

use self::core::{End, How};
use crate::ack::AckFuture;
use crate::broadcast::Broadcast;
use crate::connection::Command;
use crate::error::SendError;
use crate::handshake::Handshake;
use crate::rooms::{Room, Slot};
use crate::sync::Arc;

pub use self::conn::Conn;
pub(crate) use self::core::SocketCore;
use self::modifiers::Closed;
pub use self::modifiers::Emitter;

/// One client in one namespace. Clones are cheap and share it.
///
/// `D` is what the namespace's auth step returned; `()` without one. A socket may outlive its
/// connection: it is disconnected then and takes nothing more.
pub struct Socket<D = ()> {
    inner: Arc<Inner<D>>,
}

pub(crate) struct Inner<D> {
    core: SocketCore,
    data: Arc<D>,
}

impl<D> Clone for Socket<D> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<D> fmt::Debug for Socket<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.inner.core.id)
            .field("namespace", &self.inner.core.namespace.id)
            .finish_non_exhaustive()
    }
}

impl<D> Socket<D> {
    pub(crate) fn new(core: SocketCore, data: Arc<D>) -> Self {
        Self {
            inner: Arc::new(Inner { core, data }),
        }
    }

    pub(crate) fn core(&self) -> &SocketCore {
        &self.inner.core
    }

    /// What a session that is recovered keeps.
    pub(crate) fn shared_data(&self) -> Arc<D> {
        Arc::clone(&self.inner.data)
    }

    /// Whether they are clones of the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn slot(&self) -> Slot {
        self.inner.core.slot
    }

    /// The public id, also the name of a room with this socket alone in it. It differs from
    /// the session's secret id, and from namespace to namespace; but that of a client of Socket.IO
    /// 1.x or 2.x is made of the secret, see [`Builder::allow_eio3`](crate::Builder::allow_eio3).
    #[must_use]
    pub fn id(&self) -> &SocketId {
        &self.inner.core.id
    }

    /// What the auth step returned.
    #[must_use]
    pub fn data(&self) -> &D {
        &self.inner.data
    }

    /// The request and the auth payload.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.inner.core.handshake
    }

    /// The namespace it is in.
    #[must_use]
    pub fn namespace(&self) -> &NamespaceId {
        &self.inner.core.namespace.id
    }

    /// Whether the client came back to this session after its connection broke: it has its id,
    /// its rooms, its data, and got all that it missed; Node's `socket.recovered`. See
    /// [`Builder::recovery`](crate::Builder::recovery).
    #[must_use]
    pub fn is_recovered(&self) -> bool {
        self.inner.core.recovered
    }

    /// Whether it has not been disconnected yet.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.inner.core.is_connected()
    }

    /// Sends `2["event",…]` to this client.
    ///
    /// One argument is sent for a serialisable payload (`&()` is `null`); use
    /// [`Args`](socketio_proto::Args) for several, `&Args(())` for none. Never waits. A client
    /// whose queue stays over its byte budget is disconnected ("slow consumer"), not robbed of
    /// single events.
    ///
    /// # Errors
    /// [`SendError::Closed`]; [`SendError::Encode`] for a reserved name or a payload that
    /// cannot be encoded.
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.inner.core.emit(event, payload, None, How::Queue)
    }

    /// As [`Socket::emit`], but takes nothing when the client's queue is over its soft budget.
    ///
    /// # Errors
    /// As [`Socket::emit`], and [`SendError::Full`].
    pub fn try_emit<P: IntoArgs + ?Sized>(
        &self,
        event: &str,
        payload: &P,
    ) -> Result<(), SendError> {
        self.inner.core.emit(event, payload, None, How::IfRoom)
    }

    /// Waits until at most half of the client's soft budget (of 1 MiB) is queued: for producers
    /// that can go as fast as the client reads. Cancel safe.
    ///
    /// ```
    /// # async fn run(socket: socketio_server::Socket) -> Result<(), socketio_server::SendError> {
    /// for chunk in 0..1_000_000 {
    ///     socket.emit_ready().await?;
    ///     socket.emit("chunk", &chunk)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SendError::Closed`], also when the socket is disconnected meanwhile.
    pub async fn emit_ready(&self) -> Result<(), SendError> {
        if !self.is_connected() {
            return Err(SendError::Closed);
        }
        Ok(self.inner.core.connection.handle.ready().await?)
    }

    /// Sends an event and waits for the answer, for 30 s unless told otherwise.
    ///
    /// The event leaves now, not when the future is first polled.
    pub fn emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> AckFuture<R> {
        self.inner
            .core
            .emit_with_ack(event, payload, None, How::Queue)
    }

    /// Sends the event `message`; Node's `send`.
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn send<P: IntoArgs + ?Sized>(&self, payload: &P) -> Result<(), SendError> {
        self.emit("message", payload)
    }

    /// Sends a typed event, without asking for an answer.
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn notify<E: Event>(&self, event: &E) -> Result<(), SendError> {
        self.emit(E::NAME, event)
    }

    /// Sends a typed event and waits for the answer, as [`Socket::emit_with_ack`].
    pub fn call<E: Event>(&self, event: &E) -> AckFuture<E::Ack> {
        self.emit_with_ack(E::NAME, event)
    }

    /// Sends with a deadline for the answer: `socket.timeout(d).emit_with_ack(…)`.
    pub fn timeout(&self, timeout: Duration) -> Emitter<'_> {
        Emitter::new(&self.inner.core).timeout(timeout)
    }

    /// Sends events that may be lost: while something is still queued for the client, or its
    /// poll is not there.
    pub fn volatile(&self) -> Emitter<'_> {
        Emitter::new(&self.inner.core).volatile()
    }

    /// Sends compressed or not, once a transport can compress; until then it changes nothing.
    pub fn compress(&self, compress: bool) -> Emitter<'_> {
        Emitter::new(&self.inner.core).compress(compress)
    }

    /// Addresses a room, without this socket.
    pub fn to(&self, room: impl Into<Room>) -> Broadcast {
        self.broadcast().to(room)
    }

    /// Addresses everybody in the namespace who is not in `room`, without this socket.
    pub fn except(&self, room: impl Into<Room>) -> Broadcast {
        self.broadcast().except(room)
    }

    /// Addresses everybody in the namespace, without this socket.
    pub fn broadcast(&self) -> Broadcast {
        let SocketCore {
            id,
            server,
            namespace,
            ..
        } = &self.inner.core;
        Broadcast::new(Arc::clone(server), Arc::clone(namespace)).from(id.clone())
    }

    /// Addresses everybody in the namespace, this socket too. Node's `io.of(name)`, without
    /// having to know the name.
    pub fn everyone(&self) -> Broadcast {
        let SocketCore {
            server, namespace, ..
        } = &self.inner.core;
        Broadcast::new(Arc::clone(server), Arc::clone(namespace))
    }

    /// Joins a room. Joining twice, or after the disconnect, changes nothing.
    ///
    /// The id of another socket is a room as well: whoever joins it gets what is sent to that
    /// socket, as in Node. Do not let clients choose such a name; give rooms a prefix.
    pub fn join(&self, room: impl Into<Room>) {
        self.try_join(room);
    }

    /// As [`Socket::join`]; `false` when the socket is disconnected, or in as many rooms as
    /// [`Builder::max_rooms`](crate::Builder::max_rooms) allows and not in this one.
    pub fn try_join(&self, room: impl Into<Room>) -> bool {
        let room = room.into();
        let limit = self.core().settings().max_rooms.unwrap_or(usize::MAX);
        let joined = self.core().with_rooms(|rooms, slot| {
            let free = rooms.count(slot) < limit || rooms.is_in(slot, &room);
            if free {
                rooms.join(slot, room);
            }
            free
        });
        joined.unwrap_or(false)
    }

    /// Leaves a room.
    pub fn leave(&self, room: impl Into<Room>) {
        let room = room.into();
        self.core()
            .with_rooms(|rooms, slot| rooms.leave(slot, &room));
    }

    /// The rooms it is in, its own id first; none after the disconnect.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        let rooms = self.core().with_rooms(|rooms, slot| rooms.of(slot));
        rooms.unwrap_or_default()
    }

    /// Puts the client out of this namespace. It is told and does not come back by itself.
    pub fn disconnect(&self) {
        self.core().put_out();
    }

    /// Puts the client out of all its namespaces and closes the connection. Node's
    /// `disconnect(true)`.
    pub fn disconnect_all(&self) {
        self.inner.core.connection.command(Command::Close);
    }

    /// Ready when the socket has been disconnected. Cancel safe.
    pub fn closed(&self) -> impl Future<Output = DisconnectReason> + Send + use<D>
    where
        D: Send + Sync,
    {
        Closed {
            socket: self.clone(),
        }
    }

    /// What is known of the reason of the disconnect, in words for a log: Node's `description`.
    /// `None` before it, and where the reason says it all.
    #[must_use]
    pub fn disconnect_detail(&self) -> Option<Box<str>> {
        match &*self.inner.core.end.lock() {
            End::Awaited(_) => None,
            End::Come { detail, .. } => detail.clone(),
        }
    }

    /// The connection below.
    #[must_use]
    pub fn conn(&self) -> Conn<'_> {
        Conn(&self.inner.core.connection)
    }

    /// Bytes that wait for this client, whatever the namespace.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.inner.core.connection.handle.queued_bytes()
    }
}

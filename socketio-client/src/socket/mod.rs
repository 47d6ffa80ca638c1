//! [`Socket`]: one namespace of a connection.

mod core;
mod emitter;
mod listen;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::Serialize;
use socketio_proto::client::Settings;
use socketio_proto::{
    ConnectError, EncodeError, Event, FromArgs, IntoArgs, NamespaceId, SendError, SocketId,
};
use tokio::sync::oneshot;

use crate::ack::AckFuture;
use crate::auth::{self, Auth};
use crate::error::ConnectFailed;
use crate::listeners::OnError;
use crate::manager::Manager;
use crate::order::Order;
use crate::shared::{Handle, Shared};
use crate::sync::Arc;

pub(crate) use self::core::SocketCore;
pub use emitter::Emitter;

/// A client's end of one namespace. Clones are the same socket.
///
/// It exists before, between and after connections: listeners stay, and what is emitted while it
/// is not connected is sent when it is. Dropping the last handle (of all sockets and the
/// [`Manager`]) disconnects; what was emitted before still leaves, if it is connected. A listener
/// that owns a handle keeps it: use the one that it is given.
#[derive(Clone)]
pub struct Socket {
    core: Arc<SocketCore>,
    client: Arc<Handle>,
}

/// Coming and going
impl Socket {
    pub(crate) fn new(client: Arc<Handle>, core: Arc<SocketCore>) -> Self {
        Self { core, client }
    }

    #[cfg(all(test, shuttle))]
    pub(crate) fn core(&self) -> &Arc<SocketCore> {
        &self.core
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.client
    }

    /// Connects, and stays connected until somebody disconnects. Nothing happens when it is
    /// connected or being connected already.
    ///
    /// What comes back is a future, which need not be awaited: it ends with the first success, or
    /// with an error when nothing more is tried: the server refused, the attempts of
    /// [`Reconnect`](crate::Reconnect) are used up, somebody disconnected. With unlimited
    /// attempts, which is the default, it waits for a server that comes up later. Cancel safe.
    ///
    /// # Panics
    /// Outside of a tokio runtime: the first socket of a [`Manager`] that connects starts a task.
    pub fn connect(&self) -> Connecting {
        let (told, receiver) = oneshot::channel();
        Shared::start(&self.client);
        let mut state = self.core.state.lock();
        state.active = true;
        let left = state.left;
        drop(state);
        let core = Arc::clone(&self.core);
        self.client.order(Order::Connect { core, left, told });
        let client = Arc::clone(&self.client);
        Connecting { receiver, client }
    }

    /// Disconnects, and does not come back before [`Socket::connect`]. What was emitted before
    /// still leaves; what could not leave stays for the next connect. With the last socket the
    /// connection ends.
    pub fn disconnect(&self) {
        self.core.state.lock().leave();
        let namespace = self.core.namespace.clone();
        self.client.order(Order::Disconnect { namespace });
    }

    /// Disconnects for good: events that wait are dropped, answers that are waited for end, and
    /// listeners are told nothing more. [`Manager::socket`] makes a new socket for the namespace;
    /// this one must not be used again. For clients that enter ever new namespaces: a socket is
    /// kept with its manager otherwise.
    pub fn remove(self) {
        self.core.state.lock().leave();
        self.client.remove(self.core.namespace.clone());
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &NamespaceId {
        &self.core.namespace
    }

    /// The id that the server gave it, while it is connected.
    #[must_use]
    pub fn id(&self) -> Option<SocketId> {
        self.core.state.lock().id.clone()
    }

    /// Whether it is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.core.state.lock().id.is_some()
    }

    /// Whether it is connected or is to be: after a disconnect, whether it comes back by itself.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.core.state.lock().active
    }

    /// Whether the last connect took the session of before up again: with its id and rooms, and
    /// with nothing missed.
    #[must_use]
    pub fn is_recovered(&self) -> bool {
        self.core.state.lock().recovered
    }

    pub(crate) fn error_handler(&self) -> Option<OnError> {
        self.core.listeners.lock().error.clone()
    }

    /// What carries this and other namespaces. Node's `socket.io`.
    #[must_use]
    pub fn manager(&self) -> Manager {
        Manager::new(Arc::clone(&self.client))
    }
}

/// Settings
impl Socket {
    /// Sets the credentials that the server's `auth` sees: a value that is a JSON object. They are
    /// sent at every connect from now on.
    ///
    /// # Errors
    /// The value is no object, or does not serialise.
    pub fn auth<T: Serialize + ?Sized>(&self, auth: &T) -> Result<(), EncodeError> {
        self.set_auth(Auth::Value(auth::object(auth)?));
        Ok(())
    }

    /// Sets where the credentials come from, asked anew at every connect. An error counts as a
    /// refusal of the server, and so does a value that is no object.
    pub fn auth_with<F, Fut, T>(&self, function: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, ConnectError>> + Send + 'static,
        T: Serialize,
    {
        self.set_auth(auth::function(function));
    }

    fn set_auth(&self, auth: Auth) {
        // dropped without the lock, as listeners are
        let before = std::mem::replace(&mut *self.core.auth.lock(), auth);
        drop(before);
    }

    /// Sends every event until the server answers it, at most `1 + retries` times, one event at a
    /// time: in order, and at least once. Node's `retries`. Each sending has the time of
    /// [`Socket::ack_timeout`]. The server's handlers see an event again whose answer was lost, and
    /// have to answer; a volatile event stays one. Default 0: at most once, at once.
    pub fn retries(&self, retries: u32) {
        self.configure(|settings| settings.retries = retries);
    }

    /// How long answers may take that are not given another time. Node's `ackTimeout`. Default:
    /// 30 s from the sending.
    pub fn ack_timeout(&self, timeout: Duration) {
        self.configure(|settings| settings.ack_timeout = Some(timeout));
    }

    fn configure(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.core.settings.lock();
        change(&mut settings);
        self.client.order(Order::Configure {
            namespace: self.core.namespace.clone(),
            settings: *settings,
        });
    }
}

/// Emitting
impl Socket {
    /// Sends an event: `2["event",payload]`. [`Args`](crate::Args) are several arguments, and
    /// `Args(())` is none. While the socket is not connected it waits, within
    /// [`Builder::max_buffered`](crate::Builder::max_buffered).
    ///
    /// # Errors
    /// [`SendError::Encode`]; [`SendError::Full`] when too much waits already.
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        Emitter::new(self).emit(event, payload)
    }

    /// Waits until at most half of what may wait to be sent does, for producers that would
    /// otherwise meet [`SendError::Full`]. Cancel safe.
    pub async fn emit_ready(&self) {
        self.client.room().await;
    }

    /// Sends an event called `message`, as Node's `send`.
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn send<P: IntoArgs + ?Sized>(&self, payload: &P) -> Result<(), SendError> {
        self.emit("message", payload)
    }

    /// Sends an event and waits for the answer: `20["event",payload]`, answered by `30[answer]`.
    ///
    /// ```no_run
    /// # async fn run(socket: socketio_client::Socket) -> Result<(), socketio_client::AckError> {
    /// let sum: u32 = socket.emit_with_ack("add", &socketio_client::Args((1, 2))).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> AckFuture<R> {
        Emitter::new(self).emit_with_ack(event, payload)
    }

    /// Sends an event of a type that both ends share.
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn notify<E: Event>(&self, event: &E) -> Result<(), SendError> {
        Emitter::new(self).notify(event)
    }

    /// Sends an event of a type that both ends share, and waits for its answer.
    pub fn call<E: Event>(&self, event: &E) -> AckFuture<E::Ack> {
        Emitter::new(self).call(event)
    }

    /// Emits that are dropped rather than kept.
    pub fn volatile(&self) -> Emitter<'_> {
        Emitter::new(self).volatile()
    }

    /// Emits whose answers may take that long.
    pub fn timeout(&self, timeout: Duration) -> Emitter<'_> {
        Emitter::new(self).timeout(timeout)
    }

    /// Bytes of events and answers of all sockets of the connection that wait to leave.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.client.buffered()
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("namespace", &self.core.namespace)
            .field("state", &*self.core.state.lock())
            .finish_non_exhaustive()
    }
}

/// Whether a [`Socket::connect`] succeeds.
#[derive(Debug)]
pub struct Connecting {
    receiver: oneshot::Receiver<Result<(), ConnectFailed>>,
    #[expect(
        dead_code,
        reason = "it keeps the connection alive while it is waited for"
    )]
    client: Arc<Handle>,
}

impl Future for Connecting {
    type Output = Result<(), ConnectFailed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let told = Pin::new(&mut self.receiver).poll(cx);
        told.map(|told| told.unwrap_or(Err(ConnectFailed::Disconnected)))
    }
}

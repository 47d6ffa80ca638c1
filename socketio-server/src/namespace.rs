//! [`Namespace`]: what a namespace does; [`NamespaceHandle`]: reaching it once it is mounted.

use std::fmt;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::pin::Pin;

use engineio::Text;
use socketio_proto::{
    ConnectError, DisconnectReason, Event, FromArgs, IntoArgs, InvalidNamespace, NamespaceId,
    SocketId,
};

use crate::broadcast::Broadcast;
use crate::connection::Connection;
use crate::core::{Core, NamespaceCore};
use crate::error::{EventError, SendError};
use crate::events::Events;
use crate::handler::{Ack, Answer, Answered, Handlers, Incoming, Listener, Raw, Typed};
use crate::handshake::Handshake;
use crate::rooms::{Room, Slot};
use crate::session::{NamespaceSession, Session};
use crate::socket::Socket;
use crate::sync::{Arc, Mutex};

pub(crate) type Joining<D> = Pin<Box<dyn Future<Output = Result<D, ConnectError>> + Send>>;
type Auth<D> = Box<dyn Fn(Handshake) -> Joining<D> + Send + Sync>;

/// A namespace under construction: who may connect, and what happens then.
///
/// Handlers take two arguments, who and what, and what they return is the ack. Events of one
/// socket are handled one after another, in the order of their arrival; see
/// [`Namespace::max_in_flight`].
#[must_use = "a namespace does nothing before it is mounted"]
pub struct Namespace<D = ()> {
    id: Result<NamespaceId, InvalidNamespace>,
    auth: Auth<D>,
    handlers: Handlers<D>,
}

impl Namespace<()> {
    /// A namespace that everybody may connect to. The leading `/` may be left out.
    pub fn new(name: impl Into<Text>) -> Self {
        let auth = Box::new(|_| -> Joining<()> { Box::pin(ready(Ok(()))) });
        Self {
            id: NamespaceId::new(name),
            auth,
            handlers: Handlers::default(),
        }
    }
}

impl<D: Send + Sync + 'static> Namespace<D> {
    /// A namespace with an auth step. What it returns is the data of the socket; an error is
    /// the client's `connect_error`.
    pub fn with_auth<F, Fut>(name: impl Into<Text>, auth: F) -> Self
    where
        F: Fn(Handshake) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<D, ConnectError>> + Send + 'static,
    {
        let auth = Box::new(move |handshake| -> Joining<D> { Box::pin(auth(handshake)) });
        Self {
            id: NamespaceId::new(name),
            auth,
            handlers: Handlers::default(),
        }
    }

    /// Runs when a client has connected, after it was told so and before any of its events.
    pub fn on_connect<F, Fut>(mut self, handler: F) -> Self
    where
        F: FnOnce(Socket<D>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        self.handlers.connect.push(Box::new(move |socket| {
            let future = (handler.clone())(socket);
            Box::pin(async move {
                future.await;
                Ok(Answered::Default)
            })
        }));
        self
    }

    /// Runs for each event of that name. The payload type is read from the first argument, or
    /// from several with [`Args`](socketio_proto::Args); the answer is the ack.
    ///
    /// A second listener for a name runs after the first; the first that answers is heard. A
    /// payload that does not decode goes to [`Namespace::on_error`].
    pub fn on<P, A, F, Fut>(mut self, event: impl Into<Text>, handler: F) -> Self
    where
        F: FnOnce(Socket<D>, P) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        P: FromArgs + 'static,
        A: Answer + 'static,
    {
        let listener = Box::new(Typed {
            handler,
            payload: PhantomData,
        });
        self.handlers
            .events
            .entry(event.into())
            .or_default()
            .push(listener);
        self
    }

    /// Runs for each event of that name, and gets it as it came: undecoded, and with the
    /// knowledge whether an ack is wanted. For relays and the like.
    pub fn on_raw<A, F, Fut>(mut self, event: impl Into<Text>, handler: F) -> Self
    where
        F: FnOnce(Socket<D>, Incoming) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        A: Answer + 'static,
    {
        let listener: Box<dyn Listener<D>> = Box::new(Raw(handler));
        self.handlers
            .events
            .entry(event.into())
            .or_default()
            .push(listener);
        self
    }

    /// Runs for a typed event: name and ack come from its type, which server and client share.
    pub fn handle<E, F, Fut>(self, handler: F) -> Self
    where
        E: Event,
        F: FnOnce(Socket<D>, E) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = E::Ack> + Send + 'static,
    {
        self.on(E::NAME, move |socket, event: E| {
            let future = handler(socket, event);
            async move { Ack(future.await) }
        })
    }

    /// Runs for events that no other listener is for.
    pub fn fallback<A, F, Fut>(mut self, handler: F) -> Self
    where
        F: FnOnce(Socket<D>, Incoming) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = A> + Send + 'static,
        A: Answer + 'static,
    {
        let listener: Box<dyn Listener<D>> = Box::new(Raw(handler));
        self.handlers.fallback.push(listener);
        self
    }

    /// Runs once after each connect, when the socket has left its rooms. It waits for the
    /// handler that still runs, but no longer than 5 s.
    pub fn on_disconnect<F, Fut>(mut self, handler: F) -> Self
    where
        F: FnOnce(Socket<D>, DisconnectReason) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        self.handlers
            .disconnect
            .push(Box::new(move |socket, reason| {
                let future = (handler.clone())(socket, reason);
                Box::pin(async move {
                    future.await;
                    Ok(Answered::Default)
                })
            }));
        self
    }

    /// Hears of payloads that do not decode and of panics. What it returns is the ack, if it
    /// is [`Ack`]; `()` sends none, so that the client's wait ends as a failure.
    pub fn on_error<A, F>(mut self, handler: F) -> Self
    where
        F: Fn(&Socket<D>, &EventError) -> A + Send + Sync + 'static,
        A: Answer,
    {
        self.handlers.error = Some(Box::new(move |socket, error, ack| {
            handler(socket, error).send(socket.core(), ack)
        }));
        self
    }

    /// Gives all events of a socket to one loop instead of handlers.
    ///
    /// The loop runs in the connection's task from connect on; the socket stays connected when
    /// it ends. It sees the disconnect as `None`.
    pub fn serve<F, Fut>(mut self, run: F) -> Self
    where
        F: FnOnce(Events<D>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.handlers.serve = Some(Box::new(move |events| Box::pin((run.clone())(events))));
        self
    }

    /// How many events of one socket may be handled at the same time. Default 1: strict order.
    /// They are always started in order.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.handlers.max_in_flight = count.max(1);
        self
    }

    pub(crate) fn mount(
        self,
        server: &Arc<Core>,
    ) -> Result<(NamespaceHandle<D>, Arc<dyn AnyNamespace>), InvalidNamespace> {
        let id = self.id?;
        let core = if id.is_root() {
            Arc::clone(&server.root)
        } else {
            NamespaceCore::new(id)
        };
        let mounted = Arc::new(Mounted {
            core,
            auth: self.auth,
            handlers: self.handlers,
            sockets: Mutex::default(),
        });
        let handle = NamespaceHandle {
            server: Arc::clone(server),
            mounted: Arc::clone(&mounted),
        };
        Ok((handle, mounted))
    }
}

impl<D> fmt::Debug for Namespace<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("id", &self.id)
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}

/// A namespace in service.
pub(crate) struct Mounted<D> {
    pub(crate) core: Arc<NamespaceCore>,
    pub(crate) auth: Auth<D>,
    pub(crate) handlers: Handlers<D>,
    /// By slot.
    sockets: Mutex<Vec<Option<Socket<D>>>>,
}

impl<D> Mounted<D> {
    pub(crate) fn insert(&self, socket: Socket<D>) {
        let mut sockets = self.sockets.lock();
        let slot = socket.slot() as usize;
        if sockets.len() <= slot {
            sockets.resize(slot + 1, None);
        }
        if let Some(place) = sockets.get_mut(slot) {
            *place = Some(socket);
        }
    }

    pub(crate) fn remove(&self, slot: Slot) {
        let mut sockets = self.sockets.lock();
        let removed = sockets.get_mut(slot as usize).and_then(Option::take);
        if self.core.len() == 0 {
            *sockets = Vec::new();
        }
        drop(sockets);
        drop(removed);
    }
}

/// A namespace without the type of its data.
pub(crate) trait AnyNamespace: Send + Sync {
    fn core(&self) -> &Arc<NamespaceCore>;

    /// A client asks to connect.
    fn connect(
        self: Arc<Self>,
        server: &Arc<Core>,
        connection: &Arc<Connection>,
        auth: Option<Text>,
    ) -> Box<dyn Session>;
}

impl<D: Send + Sync + 'static> AnyNamespace for Mounted<D> {
    fn core(&self) -> &Arc<NamespaceCore> {
        &self.core
    }

    fn connect(
        self: Arc<Self>,
        server: &Arc<Core>,
        connection: &Arc<Connection>,
        auth: Option<Text>,
    ) -> Box<dyn Session> {
        let request = Arc::clone(&connection.request);
        let handshake = Handshake::new(request, self.core.id.clone(), auth);
        Box::new(NamespaceSession::new(
            self,
            Arc::clone(server),
            Arc::clone(connection),
            handshake,
        ))
    }
}

/// Reaches a mounted namespace from anywhere, such as an HTTP route. Clones are cheap.
pub struct NamespaceHandle<D = ()> {
    server: Arc<Core>,
    mounted: Arc<Mounted<D>>,
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
        let sockets = self.mounted.sockets.lock();
        sockets
            .get(slot as usize)?
            .clone()
            .filter(|socket| socket.id() == id)
    }

    /// The sockets that are connected.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket<D>> {
        self.mounted
            .sockets
            .lock()
            .iter()
            .flatten()
            .cloned()
            .collect()
    }
}

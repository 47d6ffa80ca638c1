//! [`Server`].

mod builder;
mod bundle;
mod drain;
mod engine;

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use engineio::net::server::{Listener, Serve, Server as Engine};
use socketio_proto::{IntoArgs, NamespaceId};

pub use self::builder::Builder;
pub use self::drain::Drain;

use crate::broadcast::Broadcast;
use crate::core::Core;
use crate::error::{MountError, SendError};
use crate::metrics::Metrics;
use crate::namespace::{Mount, Namespace, sealed};
use crate::rooms::Room;
use crate::service::{Layer, Service};
use crate::sync::{Arc, Ordering};

/// A Socket.IO server. Clones are cheap and share it: keep one wherever events are sent from.
#[derive(Clone)]
pub struct Server {
    pub(crate) core: Arc<Core>,
    engine: Engine,
    service: Service,
}

/// What a server has open. All of it goes back to where it was when clients leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gauges {
    /// TCP connections of [`Server::serve`] that are no WebSocket yet.
    pub connections: usize,
    /// Engine.IO sessions.
    pub sessions: usize,
    /// Sockets, in all namespaces.
    pub sockets: usize,
    /// Tasks: one for each session, and those that finish what is left of closed ones.
    pub tasks: usize,
    /// Answers that are awaited from clients.
    pub pending_acks: usize,
    /// Bytes that wait for clients, as they go over the wire.
    pub queued_bytes: usize,
    /// Bytes of memory that they take, what a broadcast shares counted once; against
    /// `Options::memory_budget`.
    pub queue_memory: usize,
    /// Bytes of what clients sent and did not finish, and of what waits for handlers; against
    /// `Options::memory_budget`, too.
    pub input_memory: usize,
}

impl Default for Server {
    fn default() -> Self {
        Builder::default().build()
    }
}

impl Server {
    /// Settings, with Node's defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Puts a namespace into service, at any time.
    ///
    /// # Errors
    /// The name is taken, or cannot be one.
    pub fn mount<N: Mount>(&self, namespace: N) -> Result<N::Handle, MountError> {
        sealed::Mount::mount(namespace, self)
    }

    /// The names of the namespaces that are in service.
    #[must_use]
    pub fn namespaces(&self) -> Vec<NamespaceId> {
        let all = self.core.registry.all();
        all.iter()
            .map(|namespace| namespace.core().id.clone())
            .collect()
    }

    /// The endpoint as a tower and hyper service. It shares everything with this handle.
    ///
    /// What goes by the client's address needs [`PeerAddr`](crate::PeerAddr) in every request, or with feature `axum` its
    /// `ConnectInfo<SocketAddr>`; [`Server::serve`] tells it by itself.
    #[must_use]
    pub fn service(&self) -> Service {
        self.open_root();
        self.service.clone()
    }

    /// The endpoint as a layer in front of another service, which gets all other requests. Addresses as for
    /// [`Server::service`].
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.service().into_layer()
    }

    /// The endpoint as an axum router, to be merged with others. Whatever the state.
    ///
    /// The peer's address is that of axum's `ConnectInfo<SocketAddr>`, where the router is served
    /// with `into_make_service_with_connect_info`.
    #[cfg(feature = "axum")]
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        let path = self.service.path();
        let path = path.trim_end_matches('/');
        let service = self.service();
        axum::Router::new()
            .route_service(path, service.clone())
            .route_service(&format!("{path}/"), service.clone())
            .route_service(&format!("{path}/{{file}}"), service)
    }

    /// Serves on a listener (TCP, Unix socket, or [`Tls`](engineio::net::server) by feature
    /// `rustls`), with the limits that an open port needs, until `stop` is ready;
    /// then closes gracefully. See [`engineio::net::server::serve`].
    ///
    /// # Errors
    /// As said there.
    pub async fn serve<L: Listener + Sync>(
        &self,
        listener: L,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.serve_with(listener, self.service(), stop).await
    }

    /// As [`Server::serve`], for a service that contains this server's endpoint, such as one
    /// made with [`Server::layer`].
    ///
    /// # Errors
    /// As said there.
    pub async fn serve_with<L, S, B>(
        &self,
        listener: L,
        service: S,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()>
    where
        L: Listener + Sync,
        S: hyper::service::Service<
                http::Request<hyper::body::Incoming>,
                Response = http::Response<B>,
            > + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let core = Arc::clone(&self.core);
        let stop = async move {
            stop.await;
            core.closing.store(true, Ordering::SeqCst);
        };
        let serve: Serve =
            engineio::net::server::serve(listener, self.engine.clone(), service, stop);
        serve.await?;
        self.finish(Duration::from_secs(5)).await;
        Ok(())
    }

    /// Addresses everybody in the root namespace.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::new(Arc::clone(&self.core), Arc::clone(&self.core.root))
    }

    /// Addresses a room of the root namespace.
    pub fn to(&self, room: impl Into<Room>) -> Broadcast {
        self.broadcast().to(room)
    }

    /// Addresses everybody in the root namespace who is not in `room`.
    pub fn except(&self, room: impl Into<Room>) -> Broadcast {
        self.broadcast().except(room)
    }

    /// Sends an event to everybody in the root namespace, which needs no declaration for that.
    ///
    /// # Errors
    /// As [`Broadcast::emit`].
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.broadcast().emit(event, payload)
    }

    /// Whether it was told to close or to drain.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.core.is_closing()
    }

    /// The path of the endpoint, as it was set.
    #[must_use]
    pub fn path(&self) -> &str {
        self.service.path()
    }

    /// Sessions of Engine.IO: clients, whatever namespaces they are in. Node's
    /// `engine.clientsCount`.
    #[must_use]
    pub fn clients_count(&self) -> usize {
        self.engine.sessions()
    }

    /// How many servers there are with this one: 1 without [`Peers`](crate::Peers).
    #[must_use]
    pub fn server_count(&self) -> usize {
        let peers = self.core.peers.as_ref();
        1 + peers.map_or(0, |peers| peers.others(&self.core).len())
    }

    /// What the server has done and refused since it began, by reason.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.core.counters.read(self.engine.metrics())
    }

    /// What the server has open.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let sockets = self
            .core
            .registry
            .all()
            .iter()
            .map(|namespace| namespace.core().len())
            .sum();
        Gauges {
            connections: self.engine.connections(),
            sessions: self.engine.sessions(),
            sockets,
            tasks: self.engine.tasks() + self.core.tasks.load(Ordering::SeqCst),
            pending_acks: self.core.pending_acks.load(Ordering::Relaxed),
            queued_bytes: self.engine.queued_bytes(),
            queue_memory: self.engine.queue_memory(),
            input_memory: self.engine.input_memory(),
        }
    }

    /// As in Node, clients may connect to the root namespace even if nothing was said about it.
    fn open_root(&self) {
        if !self.core.registry.has(&NamespaceId::ROOT) {
            self.mount(Namespace::new("/")).ok();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("gauges", &self.gauges())
            .finish_non_exhaustive()
    }
}

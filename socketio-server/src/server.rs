//! [`Server`] and its [`Builder`].

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use engineio::net::server::{
    Cookie, Cors, Options, Refusal, Serve, Server as Engine, Service as EngineService,
};
use http::request::Parts;
use socketio_proto::server::Config as ProtocolConfig;
use socketio_proto::{IntoArgs, Limits, NamespaceId, Parser};
use tokio::net::TcpListener;

use crate::broadcast::Broadcast;
use crate::core::{Core, Settings};
use crate::driver::Driver;
use crate::error::{MountError, SendError};
use crate::namespace::{Namespace, NamespaceHandle};
use crate::rooms::Room;
use crate::service::{Layer, Make, Service};
use crate::sync::{Arc, Ordering};

/// Settings of a server, with Node's defaults.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct Builder {
    options: Options,
    protocol: ProtocolConfig,
    ack_timeout: Duration,
    disconnect_timeout: Duration,
    inbox_bytes: usize,
}

impl Default for Builder {
    fn default() -> Self {
        let mut options = Options::default();
        options.path = "/socket.io/".into();
        Self {
            options,
            protocol: ProtocolConfig::default(),
            ack_timeout: Duration::from_secs(30),
            disconnect_timeout: Duration::from_secs(5),
            inbox_bytes: 256 * 1024,
        }
    }
}

impl Builder {
    /// Takes the settings of the transport layer as they are; the path is kept.
    pub fn engine(mut self, mut options: Options) -> Self {
        options.path = self.options.path;
        self.options = options;
        self
    }

    /// Path of the endpoint, served with and without trailing slash. Default `/socket.io/`.
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.options.path = path.into();
        self
    }

    /// Time between two pings. Default 25 s.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.options.engine.ping_interval = interval;
        self
    }

    /// Time in which a pong must follow. Default 20 s.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.options.engine.ping_timeout = timeout;
        self
    }

    /// Largest POST body and WebSocket message, in bytes; Node's `maxHttpBufferSize`. Default
    /// 1 000 000.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.options.engine.max_payload = bytes;
        self
    }

    /// Whether clients of Socket.IO 1.x and 2.x may connect, beside those since 3.0; Node's
    /// `allowEIO3`. Default no.
    ///
    /// Such a client takes the secret id of its session for its socket's id. So
    /// [`Socket::id`](crate::Socket::id) of an old client is that secret: whoever is shown it,
    /// in a message or a log, can read and write the session. It also brings JSONP, which pages of
    /// other origins can use from old browsers.
    pub fn allow_eio3(mut self, allow: bool) -> Self {
        self.options.engine.allow_eio3 = allow;
        self
    }

    /// Time in which a client must connect to a namespace. Default 45 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.protocol.connect_timeout = timeout;
        self
    }

    /// Time in which the attachments of an event must follow. Default 30 s.
    pub fn assembly_timeout(mut self, timeout: Duration) -> Self {
        self.protocol.assembly_timeout = timeout;
        self
    }

    /// How much a client may make us hold.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.protocol.limits = limits;
        self
    }

    /// How long an answer is waited for, from when the event has left. Default 30 s.
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self
    }

    /// How long `on_disconnect` waits for a handler that still runs. Default 5 s.
    pub fn disconnect_timeout(mut self, timeout: Duration) -> Self {
        self.disconnect_timeout = timeout;
        self
    }

    /// Bytes of events of one connection that may wait for handlers, before its reading stops.
    /// Default 256 KiB.
    pub fn inbox_bytes(mut self, bytes: usize) -> Self {
        self.inbox_bytes = bytes;
        self
    }

    /// Which other origins may use the server from a browser. Default: none.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.options.cors = Some(cors);
        self
    }

    /// The cookie that carries the session id, for load balancers. Default: none.
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.options.cookie = Some(cookie);
        self
    }

    /// Judges a handshake before it is made; Node's `allowRequest`.
    pub fn allow_request<F, Fut>(mut self, allow: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        self.options = self.options.allow_request(allow);
        self
    }

    /// The server. Namespaces are mounted on it, then it is attached or served.
    #[must_use]
    pub fn build(self) -> Server {
        let core = Core::new(Settings {
            protocol: Arc::new(self.protocol),
            parser: Parser::default(),
            ack_timeout: self.ack_timeout,
            disconnect_timeout: self.disconnect_timeout,
            inbox_bytes: self.inbox_bytes,
        });
        let make: Make = {
            let core = Arc::clone(&core);
            Box::new(move |request, handle| Driver::new(Arc::clone(&core), request, handle))
        };
        let service = EngineService::new(self.options, make);
        Server {
            core,
            engine: service.server(),
            service: Service::new(service),
        }
    }
}

/// A Socket.IO server. Clones are cheap and share it: keep one wherever events are sent from.
#[derive(Clone)]
pub struct Server {
    core: Arc<Core>,
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
    /// Bytes that wait for clients, as they go over the wire.
    pub queued_bytes: usize,
    /// Bytes of memory that they take, what a broadcast shares counted once; against
    /// `Options::memory_budget`.
    pub queue_memory: usize,
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
    pub fn mount<D: Send + Sync + 'static>(
        &self,
        namespace: Namespace<D>,
    ) -> Result<NamespaceHandle<D>, MountError> {
        let (handle, mounted) = namespace.mount(&self.core)?;
        self.core.insert(mounted)?;
        Ok(handle)
    }

    /// The endpoint as a tower and hyper service. It shares everything with this handle.
    #[must_use]
    pub fn service(&self) -> Service {
        self.open_root();
        self.service.clone()
    }

    /// The endpoint as a layer in front of another service, which gets all other requests.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.service().into_layer()
    }

    /// The endpoint as an axum router, to be merged with others. Whatever the state.
    #[cfg(feature = "axum")]
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        let path = self.service.path();
        let path = path.trim_end_matches('/');
        axum::Router::new()
            .route_service(path, self.service())
            .route_service(&format!("{path}/"), self.service())
    }

    /// Serves on a listener, with the limits that an open port needs, until `stop` is ready;
    /// then closes gracefully. See [`engineio::net::server::serve`].
    ///
    /// # Errors
    /// As said there.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.serve_with(listener, self.service(), stop).await
    }

    /// As [`Server::serve`], for a service that contains this server's endpoint, such as one
    /// made with [`Server::layer`].
    ///
    /// # Errors
    /// As said there.
    pub async fn serve_with<S, B>(
        &self,
        listener: TcpListener,
        service: S,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()>
    where
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
        self.finish().await;
        Ok(())
    }

    /// Ends all sessions and refuses new ones. Sockets learn "server shutting down", clients
    /// "transport close", so that they come back when there is a server again. Waits up to 5 s
    /// for what was sent before to leave and for `on_disconnect` handlers.
    pub async fn close(&self) {
        self.core.closing.store(true, Ordering::SeqCst);
        self.engine.close();
        self.finish().await;
    }

    async fn finish(&self) {
        let idle = async {
            // a session that has ended and is still there waits for a poll
            let waits =
                || self.engine.open_sessions() > 0 || self.engine.tasks() > self.engine.sessions();
            while waits() || self.core.tasks.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), idle)
            .await
            .ok();
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

    /// What the server has open.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let sockets = self
            .core
            .namespaces()
            .iter()
            .map(|namespace| namespace.core().len())
            .sum();
        Gauges {
            connections: self.engine.connections(),
            sessions: self.engine.sessions(),
            sockets,
            tasks: self.engine.tasks() + self.core.tasks.load(Ordering::SeqCst),
            queued_bytes: self.engine.queued_bytes(),
            queue_memory: self.engine.queue_memory(),
        }
    }

    /// As in Node, clients may connect to the root namespace even if nothing was said about it.
    fn open_root(&self) {
        if self.core.find(&NamespaceId::ROOT).is_none() {
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

//! [`Namespace`]: what a namespace does. Mounted on a server it is a [`Mounted`], or a
//! [`Dynamic`] with a `Mounted` for each name that clients ask for.

mod definition;
mod dynamic;
mod handle;
mod listeners;
mod matcher;
mod mounted;

use std::fmt;
use std::future::Future;

use engineio::Text;
use socketio_proto::{ConnectError, InvalidNamespace, NamespaceId};

use crate::core::NamespaceCore;
use crate::error::MountError;
use crate::handshake::Handshake;
use crate::server::Server;
use crate::sync::Arc;

pub(crate) use self::definition::{Definition, Joining};
pub(crate) use self::dynamic::AnyDynamic;
use self::dynamic::Dynamic;
pub use self::dynamic::DynamicHandle;
pub use self::handle::NamespaceHandle;
pub(crate) use self::matcher::Params;
pub use self::matcher::{InvalidPattern, Matcher};
pub(crate) use self::mounted::{AnyNamespace, Mounted};

/// A namespace under construction: who may connect, and what happens then.
///
/// Handlers take two arguments, who and what, and what they return is the ack. Events of one
/// socket are handled one after another, in the order of their arrival; see
/// [`Namespace::max_in_flight`].
///
/// `N` says how it gets its name: [`Named`], or a [`Matcher`] for namespaces that come into being
/// when a client asks for them.
#[must_use = "a namespace does nothing before it is mounted"]
pub struct Namespace<D = (), N = Named> {
    name: N,
    definition: Definition<D>,
}

/// A name given by the server.
#[derive(Debug)]
pub struct Named(Result<NamespaceId, InvalidNamespace>);

impl Namespace {
    /// A namespace that everybody may connect to. The leading `/` may be left out.
    pub fn new(name: impl Into<Text>) -> Self {
        Self {
            name: Named(NamespaceId::new(name)),
            definition: Definition::open(),
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
        Self {
            name: Named(NamespaceId::new(name)),
            definition: Definition::new(Box::new(move |handshake| Box::pin(auth(handshake)))),
        }
    }
}

impl Namespace<(), Matcher> {
    /// Namespaces of all names that match, each with its own rooms and clients. They come into
    /// being when the first client asks, unless a namespace of that very name is mounted, and
    /// vanish when the last one leaves ([`Builder::keep_empty_children`](crate::Builder)).
    ///
    /// ```
    /// # use socketio_server::*;
    /// # fn run(server: &Server) -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = Namespace::matching(Matcher::path("/orders/{id}")?)
    ///     .on_connect(async |socket: Socket| {
    ///         let id = socket.handshake().param("id").unwrap_or_default();
    ///         socket.emit("order", id).ok();
    ///     });
    /// let orders = server.mount(orders)?;
    /// orders.emit("closing", "all orders")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn matching(matcher: Matcher) -> Self {
        Self {
            name: matcher,
            definition: Definition::open(),
        }
    }
}

impl<D: Send + Sync + 'static> Namespace<D, Matcher> {
    /// As [`Namespace::matching`], with an auth step for each client.
    pub fn matching_with_auth<F, Fut>(matcher: Matcher, auth: F) -> Self
    where
        F: Fn(Handshake) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<D, ConnectError>> + Send + 'static,
    {
        Self {
            name: matcher,
            definition: Definition::new(Box::new(move |handshake| Box::pin(auth(handshake)))),
        }
    }
}

impl<D: Send + Sync + 'static, N> Namespace<D, N> {
    /// Judges each client before the auth step; Node's `io.use`. Several are asked in the order
    /// in which they were added, the next one when the one before has agreed. A refusal is the
    /// client's `connect_error`, with its data.
    pub fn before_connect<F, Fut>(mut self, judge: F) -> Self
    where
        F: Fn(Handshake) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectError>> + Send + 'static,
    {
        let judge = Box::new(move |handshake| -> Joining<()> { Box::pin(judge(handshake)) });
        self.definition.before_connect.push(judge);
        self
    }
}

impl<D, N: fmt::Debug> fmt::Debug for Namespace<D, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name)
            .field("handlers", &self.definition.handlers)
            .finish_non_exhaustive()
    }
}

/// What can be mounted on a server: a [`Namespace`], whichever way it gets its name. It gives a
/// [`NamespaceHandle`], or a [`DynamicHandle`] for a [`Matcher`].
pub trait Mount: sealed::Mount {}

impl<T: sealed::Mount> Mount for T {}

pub(crate) mod sealed {
    use super::*;

    pub trait Mount {
        /// Reaches what was mounted.
        type Handle;

        fn mount(self, server: &Server) -> Result<Self::Handle, MountError>;
    }

    impl<D: Send + Sync + 'static> Mount for Namespace<D> {
        type Handle = NamespaceHandle<D>;

        fn mount(self, server: &Server) -> Result<NamespaceHandle<D>, MountError> {
            let id = self.name.0?;
            let server = &server.core;
            if server.registry.has(&id) {
                return Err(MountError::Taken);
            }
            let core = if id.is_root() {
                Arc::clone(&server.root)
            } else {
                NamespaceCore::new(id, server.settings.recovery.as_ref())
            };
            let recovery = server.settings.recovery.as_ref();
            let definition = Arc::new(self.definition);
            let mounted = Mounted::new(core, definition, Params::new(), recovery);
            server.insert(Arc::clone(&mounted) as _)?;
            Ok(NamespaceHandle::new(server, mounted))
        }
    }

    impl<D: Send + Sync + 'static> Mount for Namespace<D, Matcher> {
        type Handle = DynamicHandle<D>;

        fn mount(self, server: &Server) -> Result<DynamicHandle<D>, MountError> {
            let server = &server.core;
            let dynamic =
                Dynamic::new(self.name, self.definition, server.settings.recovery.clone());
            server.registry.add_dynamic(Arc::clone(&dynamic) as _);
            Ok(DynamicHandle::new(server, &dynamic))
        }
    }
}

//! [`Manager`]: the connection to one server, and its namespaces.

mod builder;
pub(crate) mod machine;
mod multiplexer;

use std::fmt;

use engineio::client::Detail;
use engineio::net::client::Options;
use engineio::{CloseReason, Transport};
use socketio_proto::client::Settings;
use socketio_proto::{InvalidNamespace, NamespaceId};
use tokio::sync::oneshot;

use crate::error::{BuildError, ConnectFailed};
use crate::order::Order;
use crate::reconnect::Reconnect;
use crate::shared::Handle;
use crate::socket::Socket;
use crate::sync::Arc;

pub use builder::Builder;
pub(crate) use builder::unbounded;
pub use multiplexer::Multiplexer;

/// The connection to one server, which several namespaces share: it is there while a socket wants
/// it, and comes back by itself. Clones are the same manager.
#[derive(Clone)]
pub struct Manager {
    client: Arc<Handle>,
}

impl Manager {
    pub(crate) fn new(client: Arc<Handle>) -> Self {
        Self { client }
    }

    /// Begins the settings of a manager for the server at `url`: http, https, ws or wss (which
    /// does not choose a transport), http without a scheme. A query in it is part of every request.
    ///
    /// # Errors
    /// [`BuildError::Url`].
    pub fn builder(url: &str) -> Result<Builder, BuildError> {
        Builder::new(url)
    }

    /// The socket of a namespace: `/chat`, or `chat`. It connects when
    /// [`Socket::connect`] is called. Always the same socket for the same name.
    ///
    /// # Errors
    /// The name is too long or has characters that cannot travel.
    pub fn socket(&self, namespace: &str) -> Result<Socket, InvalidNamespace> {
        Ok(self.of(NamespaceId::new(namespace)?))
    }

    /// As [`Manager::socket`], with a name that is one.
    #[must_use]
    pub fn of(&self, namespace: NamespaceId) -> Socket {
        let core = self.client.socket(namespace, Settings::default());
        Socket::new(Arc::clone(&self.client), core)
    }

    /// Calls `observer` for what happens to the connection, in its task: it must not block.
    pub fn on_event(&self, observer: impl Fn(&ManagerEvent) + Send + Sync + 'static) {
        self.client.observe(observer);
    }

    /// Changes how the connection comes back, also in the middle of that.
    pub fn set_reconnect(&self, reconnect: Reconnect) {
        self.client.order(Order::Reconnect(reconnect));
    }

    /// Changes what connections to come are like: headers, query, proxy, even the server. May be
    /// called on a [`ManagerEvent::ReconnectAttempt`], before it takes place. Options that cannot
    /// be used are a warning, and the old ones stay.
    pub fn change_options(&self, change: impl FnOnce(Options) -> Options) {
        self.client.change_options(change);
    }

    /// Disconnects all sockets, and with them the connection. They can connect again.
    pub fn close(&self) {
        for core in self.client.sockets() {
            core.state.lock().leave();
        }
        self.client.order(Order::Close);
    }

    /// Waits until there is no connection and what was sent on the last one has left: after
    /// [`Manager::close`], for programs that end then. At once when there is none. Cancel safe.
    pub async fn closed(&self) {
        if self.client.is_started() {
            let (watcher, closed) = oneshot::channel();
            self.client.order(Order::Watch(watcher));
            // without the task there is no connection either
            closed.await.ok();
        }
    }

    /// Bytes of events and answers that wait to leave.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.client.buffered()
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").finish_non_exhaustive()
    }
}

/// Something that happened to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManagerEvent {
    /// It is open. Node's `open`.
    Opened {
        /// On this transport.
        transport: Transport,
    },
    /// It moved to a better transport.
    Upgraded {
        /// To this one.
        transport: Transport,
    },
    /// It was open, and is no longer. Node's `close`.
    Closed {
        /// Why.
        reason: CloseReason,
        /// What was said of it.
        detail: Option<Detail>,
    },
    /// The server's heartbeat came. Node's `ping`.
    Ping,
    /// An attempt failed, the first one or a later one. Node's `error`.
    Error(ConnectFailed),
    /// An attempt to come back begins. Node's `reconnect_attempt`.
    ReconnectAttempt(u32),
    /// An attempt to come back succeeded. Node's `reconnect`.
    Reconnected(u32),
    /// An attempt to come back failed. Node's `reconnect_error`.
    ReconnectError(ConnectFailed),
    /// There will be no more attempts. Node's `reconnect_failed`.
    ReconnectFailed,
}

//! [`Builder`]: what a manager is like.

use std::sync::Arc;
use std::time::Duration;

use engineio::Transport;
use engineio::net::client::{Client, Options};
use socketio_proto::client::{Config, Connection};
use socketio_proto::{InvalidNamespace, Limits, NamespaceId, Parser};

use super::Manager;
use super::machine::Machine;
use crate::driver::Parts;
use crate::error::BuildError;
use crate::reconnect::Reconnect;
use crate::shared::{Handle, Shared};

/// The settings of a [`Manager`]. What is not mentioned here is among the [`Options`] of its
/// Engine.IO connections: [`Builder::engine`].
#[derive(Clone, Debug)]
#[must_use = "it makes a manager when `build` is called"]
pub struct Builder {
    options: Options,
    parser: Parser,
    reconnect: Reconnect,
    protocol: Config,
    max_buffered: usize,
    max_inbox: usize,
}

impl Builder {
    pub(super) fn new(url: &str) -> Result<Self, BuildError> {
        Ok(Self {
            options: Options::new(url)?.path("/socket.io/"),
            parser: Parser::default(),
            reconnect: Reconnect::default(),
            protocol: Config::default(),
            max_buffered: Config::default().max_buffered,
            max_inbox: 16 * 1024 * 1024,
        })
    }

    /// Path of the endpoint, which is no namespace. Default `/socket.io/`.
    pub fn path(self, path: impl Into<String>) -> Self {
        self.engine(|options| options.path(path))
    }

    /// A parameter of the query of every request.
    pub fn query(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.engine(|options| options.query(name, value))
    }

    /// A header of every request.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.engine(|options| options.header(name, value))
    }

    /// What to connect with, the first one first. Default: long-polling, and from there to
    /// WebSocket.
    pub fn transports(self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.engine(|options| options.transports(transports))
    }

    /// Whether to move from long-polling to WebSocket. Default yes.
    pub fn upgrade(self, upgrade: bool) -> Self {
        self.engine(|options| options.upgrade(upgrade))
    }

    /// Time for one attempt to connect, on each transport. Node's `timeout`. Default 20 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.engine(|options| options.open_timeout(timeout))
    }

    /// Changes the options of the Engine.IO connections.
    pub fn engine(mut self, change: impl FnOnce(Options) -> Options) -> Self {
        self.options = change(self.options);
        self
    }

    /// How the connection comes back. Default: as Node's does, for ever.
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// How packets are written; the server must be told the same. Default JSON.
    pub fn parser(mut self, parser: Parser) -> Self {
        self.parser = parser;
        self
    }

    /// How much the server may make us hold.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.protocol.limits = limits;
        self
    }

    /// How long the answer to an event may take from its sending, where no other time is given.
    /// Default 30 s; Node waits for ever.
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.protocol.ack_timeout = timeout;
        self
    }

    /// Most bytes of events and answers that wait to be sent. Default 16 MiB; over it emits fail
    /// with [`SendError::Full`](crate::SendError::Full).
    pub fn max_buffered(mut self, bytes: usize) -> Self {
        self.max_buffered = bytes;
        self
    }

    /// Most bytes of events that wait for the handlers or streams of one socket. Default 16 MiB;
    /// over it nothing is read from the server, so that TCP slows it down.
    pub fn max_inbox(mut self, bytes: usize) -> Self {
        self.max_inbox = bytes;
        self
    }

    /// The namespace that the URL's path names.
    ///
    /// # Errors
    /// The path is no name of a namespace.
    pub fn url_namespace(&self) -> Result<NamespaceId, InvalidNamespace> {
        NamespaceId::new(self.options.url_path().to_owned())
    }

    /// Makes the manager. Nothing is connected yet.
    ///
    /// # Errors
    /// [`BuildError::Options`].
    pub fn build(self) -> Result<Manager, BuildError> {
        let Self {
            options,
            parser,
            reconnect,
            mut protocol,
            max_buffered,
            max_inbox,
        } = self;
        // the bound stands where emits are refused; behind it nothing is lost
        protocol.max_buffered = usize::MAX;
        let options = unbounded(options);
        let limits = protocol.limits;
        let parts = Parts {
            client: Client::new(options.clone())?,
            machine: Connection::new(parser.clone(), Arc::new(protocol)),
            dialing: Machine::new(reconnect),
            parser,
            limits,
            max_inbox,
        };
        let shared = Shared::new(parts, options, max_buffered);
        Ok(Manager::new(Handle::new(shared)))
    }

    /// Scheme, host, port and path: what two sockets must have in common to share a connection.
    pub(super) fn endpoint(&self) -> String {
        let options = &self.options;
        format!(
            "{}{}",
            options.origin(),
            options.endpoint_path(Transport::Polling)
        )
    }
}

/// The options for sessions below a manager, which bounds what it gives them.
pub(crate) fn unbounded(options: Options) -> Options {
    let mut session = options.config().clone();
    session.max_buffered = usize::MAX;
    options.session(session)
}

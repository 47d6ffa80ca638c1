//! [`Builder`]: the settings of a server.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use engineio::net::server::{Options, Service as EngineService};
use socketio_proto::server::Config as ProtocolConfig;
use socketio_proto::{Limits, NamespaceId, Parser, SocketId};

use super::Server;
use crate::core::{Core, OnNamespace, Settings};
use crate::driver::Driver;
use crate::peers::Peers;
use crate::recovery::Recovery;
use crate::service::{Make, Service};
use crate::sync::Arc;

/// Settings of a server, with Node's defaults.
#[must_use = "a builder does nothing before `build`"]
pub struct Builder {
    pub(super) options: Options,
    protocol: ProtocolConfig,
    parser: Parser,
    ack_timeout: Duration,
    disconnect_timeout: Duration,
    inbox_bytes: usize,
    max_event_rate: Option<u32>,
    max_rooms: Option<usize>,
    keep_empty_children: bool,
    max_children: usize,
    on_namespace: Vec<OnNamespace>,
    peers: Option<Peers>,
    recovery: Option<Recovery>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("options", &self.options)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        let mut options = Options::default();
        options.path = "/socket.io/".into();
        Self {
            options,
            protocol: ProtocolConfig::default(),
            parser: Parser::default(),
            ack_timeout: Duration::from_secs(30),
            disconnect_timeout: Duration::from_secs(5),
            inbox_bytes: 256 * 1024,
            max_event_rate: None,
            max_rooms: None,
            keep_empty_children: false,
            max_children: 10_000,
            on_namespace: Vec::new(),
            peers: None,
            recovery: None,
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

    /// Whether clients of Socket.IO 1.x and 2.x may connect, beside those since 3.0; Node's
    /// `allowEIO3`. Default no.
    ///
    /// Such a client takes the secret id of its session for its socket's id. So
    /// [`Socket::id`](crate::Socket::id) of an old client is that secret: whoever is shown it can
    /// read and write the session. It also brings JSONP, which pages of other origins can use
    /// from old browsers.
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

    /// How packets are written; clients must have the same. Default [`Parser::Json`].
    ///
    /// `Parser::Msgpack` (feature `msgpack`) is for clients with `socket.io-msgpack-parser`;
    /// [`UserParser`](crate::parser::UserParser) shows how to write another.
    pub fn parser(mut self, parser: Parser) -> Self {
        self.parser = parser;
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

    /// Events that are taken from one connection in a second, after a burst of as many. A client
    /// that sends more is slowed down: nothing of it is read for a while, up to 11 s, and nothing
    /// is lost.
    /// Default: no limit.
    pub fn max_event_rate(mut self, per_second: u32) -> Self {
        self.max_event_rate = Some(per_second);
        self
    }

    /// Rooms that a socket may be in, beside that of its own id. See
    /// [`Socket::try_join`](crate::Socket::try_join). Default: no limit.
    pub fn max_rooms(mut self, count: usize) -> Self {
        self.max_rooms = Some(count);
        self
    }

    /// Whether namespaces that came from a [`Matcher`](crate::Matcher) stay in service when
    /// their last client has left. Default: they do not, unlike Node's.
    pub fn keep_empty_children(mut self, keep: bool) -> Self {
        self.keep_empty_children = keep;
        self
    }

    /// How many namespaces may come from [`Matcher`](crate::Matcher)s at a time. Default 10 000.
    pub fn max_children(mut self, count: usize) -> Self {
        self.max_children = count;
        self
    }

    /// Keeps what clients miss while their connection is broken, for a while; Node's
    /// `connectionStateRecovery`. Off by default. [`Socket::is_recovered`] tells whether a client
    /// came back whole.
    ///
    /// Every event that is neither volatile nor wants an ack then carries one more argument, a
    /// string that clients of the protocol know how to use. With it, `emit` to a single socket
    /// goes through its namespace's lock, too.
    ///
    /// [`Socket::is_recovered`]: crate::Socket::is_recovered
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = Some(recovery);
        self
    }

    /// Other servers of this process that hear what this one emits to servers.
    pub fn peers(mut self, peers: &Peers) -> Self {
        self.peers = Some(peers.clone());
        self
    }

    /// Sees each namespace that is put into service; Node's `new_namespace`.
    pub fn on_new_namespace<F>(mut self, observer: F) -> Self
    where
        F: Fn(&NamespaceId) + Send + Sync + 'static,
    {
        self.on_namespace.push(Box::new(observer));
        self
    }

    /// The server. Namespaces are mounted on it, then it is attached or served.
    #[must_use]
    pub fn build(self) -> Server {
        let settings = Settings {
            protocol: Arc::new(self.protocol),
            parser: self.parser,
            ack_timeout: self.ack_timeout,
            disconnect_timeout: self.disconnect_timeout,
            inbox_bytes: self.inbox_bytes,
            max_event_rate: self.max_event_rate,
            max_rooms: self.max_rooms,
            keep_empty_children: self.keep_empty_children,
            max_children: self.max_children,
            recovery: self.recovery.map(|limits| (epoch(), limits)),
        };
        let core = Core::new(settings, self.on_namespace, self.peers);
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

/// Names the life of this server in the offsets that it gives away.
fn epoch() -> Box<str> {
    let mut entropy = [0; 15];
    // without entropy there are no session ids either, and nobody connects
    getrandom::fill(&mut entropy).ok();
    let id = SocketId::from_entropy(entropy);
    id.as_str()
        .chars()
        .take(crate::recovery::EPOCH_CHARS)
        .collect()
}

//! The servers, and waiting with a deadline.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use interop::{Script, Server};
use socketio_client::{
    Builder, Events, Incoming, Manager, Parser, RawArgs, Reconnect, Socket, SocketEvent, Transport,
    Value,
};

use super::common::Served;

/// What every wait is given before the test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who made the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// socket.io 4.8.
    Node,
    /// socket.io 4.8 with npm's msgpack parser.
    NodeMsgpack,
    /// socket.io 3.1.
    Node3,
    /// python-socketio 5.
    Python,
    /// This one.
    Ours,
}

impl Kind {
    fn start(self, port: u16) -> Held {
        let script = match self {
            Self::Ours => return Held::Ours(Served::contract(port)),
            Self::Node => Script::node("reference_server.mjs"),
            Self::NodeMsgpack => Script::node("reference_server.mjs").env("PARSER", "msgpack"),
            Self::Node3 => Script::node("reference_server.mjs").env("SOCKETIO", "3"),
            Self::Python => Script::python("reference_server.py"),
        };
        Held::Other(Server::start(script, port).unwrap())
    }

    /// What it says of a namespace that it does not have.
    pub(crate) fn unknown(self) -> &'static str {
        match self {
            // python-socketio has words of its own
            Self::Python => "Unable to connect",
            _ => "Invalid namespace",
        }
    }
}

enum Held {
    Ours(Served),
    Other(Server),
}

/// A server that can be stopped and started again on its port.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    held: Option<Held>,
    port: u16,
}

impl Peer {
    fn start(kind: Kind) -> Self {
        let held = kind.start(0);
        let port = match &held {
            Held::Ours(served) => served.port(),
            Held::Other(server) => server.port(),
        };
        Self {
            kind,
            held: Some(held),
            port,
        }
    }

    pub(crate) fn stop(&mut self) {
        let held = self.held.take();
        // it waits, and ours has a runtime of its own to do so
        apart(move || match held {
            Some(Held::Ours(served)) => served.stop(),
            Some(Held::Other(server)) => server.stop(),
            None => {}
        });
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) {
        let (kind, port) = (self.kind, self.port);
        self.held = Some(apart(move || kind.start(port)));
    }

    pub(crate) fn manager(&self, how: How) -> Builder {
        let manager = Manager::builder(&format!("http://127.0.0.1:{}", self.port)).unwrap();
        let manager = manager.transports(how.transports()).reconnect(quick());
        match self.kind {
            Kind::NodeMsgpack => manager.parser(Parser::Msgpack),
            _ => manager,
        }
    }

    /// A socket of `/` that is not connected yet.
    pub(crate) fn socket(&self, how: How) -> Socket {
        self.manager(how).build().unwrap().socket("/").unwrap()
    }
}

fn apart<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(body).join().unwrap())
}

/// Runs `body` against a server of this making. Of our client nothing may be left at ours.
pub(crate) fn against(kind: Kind, body: impl AsyncFnOnce(&mut Peer)) {
    let mut peer = Peer::start(kind);
    runtime().block_on(body(&mut peer));
    if let Some(Held::Ours(served)) = &peer.held {
        served.settles();
    }
    peer.stop();
}

/// The clients' runtime.
pub(crate) fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Polling,
    WebSocket,
    Upgrade,
}

pub(crate) const HOW: [How; 3] = [How::Polling, How::WebSocket, How::Upgrade];

impl How {
    pub(crate) fn transports(self) -> Vec<Transport> {
        match self {
            Self::Polling => vec![Transport::Polling],
            Self::WebSocket => vec![Transport::WebSocket],
            Self::Upgrade => vec![Transport::Polling, Transport::WebSocket],
        }
    }
}

/// Comes back soon, and for ever.
pub(crate) fn quick() -> Reconnect {
    let ms = Duration::from_millis;
    Reconnect::default().delay(ms(10)).delay_max(ms(50))
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.unwrap_or_else(|_| panic!("it took too long: {what}"))
}

/// Looks again and again, for what has no event.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    within(what, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// The next event of that name; what comes in between is passed over.
pub(crate) async fn named(events: &mut Events, name: &str) -> Incoming {
    within(name, async {
        loop {
            match events.next().await {
                SocketEvent::Event(event) if event.name() == name => return event,
                SocketEvent::Disconnected(reason) => panic!("no `{name}`: {reason}"),
                _ => {}
            }
        }
    })
    .await
}

/// The next thing that happens and is no event, in short.
pub(crate) async fn state(events: &mut Events) -> String {
    within("a change of the socket's state", async {
        loop {
            return match events.next().await {
                SocketEvent::Event(_) => continue,
                SocketEvent::Connected { .. } => "connect".to_owned(),
                SocketEvent::ConnectFailed(error) => format!("connect_error {}", error.message()),
                SocketEvent::Disconnected(reason) => format!("disconnect {reason}"),
                other => panic!("{other:?}"),
            };
        }
    })
    .await
}

/// The arguments, each as a value.
pub(crate) fn values(args: &RawArgs) -> Vec<Value> {
    let indexes = 0..args.len();
    indexes.map(|index| args.value(index).unwrap()).collect()
}

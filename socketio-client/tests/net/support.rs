//! A server of ours, and waiting with a deadline.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socketio_client::{Manager, ManagerEvent, Reconnect, Socket, SocketEvent, Transport};
use socketio_server::{Ack, ConnectError, Handshake, Namespace, RawArgs, Server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What every test is given before it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.unwrap_or_else(|_| panic!("it took too long: {what}"))
}

/// Looks again and again, for what has no event.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    within(what, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

pub struct Running {
    pub server: Server,
    pub port: u16,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    /// On a free port.
    pub async fn start(server: Server) -> Self {
        Self::start_on(server, 0).await
    }

    pub async fn start_on(server: Server, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn({
            let server = server.clone();
            async move {
                let stopped = async move { drop(stopped.await) };
                server.serve(listener, stopped).await.unwrap();
            }
        });
        Self {
            server,
            port,
            stop: Some(stop),
            task,
        }
    }

    /// With [`contract`] in `/` and `/custom`, and `/guarded` for whoever knows the token.
    pub async fn contract() -> Self {
        Self::start(contract_server(Server::builder())).await
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn manager(&self) -> socketio_client::Builder {
        Manager::builder(&self.url()).unwrap().reconnect(quick())
    }

    /// A socket on that transport alone, or on both with the upgrade.
    pub fn socket(&self, how: How) -> Socket {
        let manager = self.manager().transports(how.transports());
        manager.build().unwrap().socket("/").unwrap()
    }

    pub async fn stop(mut self) {
        self.stop.take();
        within("the end of the server", self.task).await.unwrap();
    }

    /// Nothing of any client is left.
    pub async fn is_empty(&self) {
        until("an empty server", || {
            let gauges = self.server.gauges();
            gauges.sockets == 0 && gauges.sessions == 0 && gauges.connections == 0
        })
        .await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Polling,
    WebSocket,
    Upgrade,
}

pub const HOW: [How; 3] = [How::Polling, How::WebSocket, How::Upgrade];

impl How {
    pub fn transports(self) -> Vec<Transport> {
        match self {
            Self::Polling => vec![Transport::Polling],
            Self::WebSocket => vec![Transport::WebSocket],
            Self::Upgrade => vec![Transport::Polling, Transport::WebSocket],
        }
    }
}

pub fn quick() -> Reconnect {
    let ms = Duration::from_millis;
    Reconnect::default().delay(ms(10)).delay_max(ms(50))
}

pub fn contract_server(builder: socketio_server::Builder) -> Server {
    let server = builder.build();
    for name in ["/", "/custom"] {
        server.mount(contract(name)).unwrap();
    }
    let guarded = Namespace::with_auth("/guarded", async |handshake: Handshake| {
        #[derive(serde::Deserialize)]
        struct Auth {
            token: String,
        }
        match handshake.auth::<Auth>() {
            Ok(Auth { token }) if token == "secret" => Ok(()),
            _ => Err(ConnectError::new("unauthorized").data(&401).unwrap()),
        }
    });
    server.mount(guarded).unwrap();
    server
}

/// The handlers of `interop/README.md` that these tests need.
pub fn contract(name: &str) -> Namespace {
    type S = socketio_server::Socket;
    Namespace::new(name)
        // `ask` waits for a client that may want something in between
        .max_in_flight(2)
        .on_connect(async |socket: S| {
            let auth = socket.handshake().auth::<socketio_server::Value>();
            socket.emit("auth", &auth.unwrap()).ok();
        })
        .on("message", async |socket: S, args: RawArgs| {
            socket.emit("message-back", &args).ok();
        })
        .on("message-with-ack", async |_: S, args: RawArgs| Ack(args))
        .on("ask", async |socket: S, question: RawArgs| {
            let answer = socket.emit_with_ack::<RawArgs>("question", &question);
            match answer.await {
                Ok(answer) => Ack(answer),
                Err(error) => Ack(RawArgs::encode(&error.to_string()).unwrap()),
            }
        })
        .on("bye", async |socket: S, (): ()| socket.disconnect())
        .on("bye-all", async |socket: S, (): ()| socket.disconnect_all())
}

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    pub fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn count(&self, entry: &str) -> usize {
        self.entries().iter().filter(|own| *own == entry).count()
    }

    pub async fn has(&self, entry: &str) {
        until(entry, || self.count(entry) > 0).await;
    }

    pub async fn reaches(&self, expected: &[&str]) {
        until(&format!("{expected:?}, after {:?}", self.entries()), || {
            self.entries().len() >= expected.len()
        })
        .await;
        assert_eq!(self.entries(), expected);
    }

    /// What happens to the connection, in Node's words.
    pub fn watch(&self, manager: &Manager) {
        let log = self.clone();
        manager.on_event(move |event| {
            log.add(match event {
                ManagerEvent::Opened { .. } => "open".to_owned(),
                ManagerEvent::Upgraded { .. } => "upgrade".to_owned(),
                ManagerEvent::Closed { reason, .. } => format!("close {reason}"),
                ManagerEvent::Error(_) => "error".to_owned(),
                ManagerEvent::ReconnectAttempt(n) => format!("reconnect_attempt {n}"),
                ManagerEvent::Reconnected(n) => format!("reconnect {n}"),
                ManagerEvent::ReconnectError(_) => "reconnect_error".to_owned(),
                ManagerEvent::Ping => return,
                ManagerEvent::ReconnectFailed => "reconnect_failed".to_owned(),
                other => panic!("{other:?}"),
            });
        });
    }
}

/// The next thing that happens, in short.
pub async fn next(events: &mut socketio_client::Events) -> String {
    match within("an event of the socket", events.next()).await {
        SocketEvent::Connected { recovered: true } => "recovered".to_owned(),
        SocketEvent::Connected { .. } => "connect".to_owned(),
        SocketEvent::ConnectFailed(error) => format!("connect_error {}", error.message()),
        SocketEvent::Event(event) => {
            let args: Vec<_> = event.args().iter().collect();
            format!("{}({})", event.name(), args.join(","))
        }
        SocketEvent::Disconnected(reason) => format!("disconnect {reason}"),
        other => panic!("{other:?}"),
    }
}

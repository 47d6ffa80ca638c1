//! The server of the protocol's own test suite, with its clients on WebSocket and long-polling.

use std::net::SocketAddr;

use socketio_server::{
    Ack, Builder, ConnectError, Gauges, Handshake, Namespace, RawArgs, Server, Socket, Value,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Client, start, until, within};

/// A server that is served until the test ends.
pub struct Served {
    pub server: Server,
    pub address: SocketAddr,
}

impl Served {
    pub async fn start(server: Server) -> Self {
        let address = start(&server).await;
        Self { server, address }
    }

    /// The server of the protocol's own test suite.
    pub async fn fixture() -> Self {
        Self::fixture_of(Server::builder()).await
    }

    pub async fn fixture_of(builder: Builder) -> Self {
        let server = builder.build();
        for name in ["/", "/custom"] {
            server.mount(fixture(name)).unwrap();
        }
        Self::start(server).await
    }

    /// Waits until as much is open as `gauges` says.
    pub async fn settles(&self, gauges: Gauges) {
        let what = format!("{gauges:?}");
        until(&what, || self.server.gauges() == gauges).await;
    }

    /// A connection that has got its Engine.IO handshake.
    pub async fn open(&self) -> Client {
        Client::open(self.address).await
    }

    /// A client that has joined `/` of the fixture.
    pub async fn join(&self) -> Client {
        let mut client = Client::join(self.address, "/").await;
        client.expect(r#"42["auth",{}]"#).await;
        client
    }
}

impl Client {
    /// Sends an event to the fixture and gets it back: the server has read everything before it.
    pub async fn echoes(&mut self) {
        self.send(r#"42["message","are you there?"]"#).await;
        self.expect(r#"42["message-back","are you there?"]"#).await;
    }
}

pub fn fixture(name: &'static str) -> Namespace<Value> {
    type Joined = Socket<Value>;
    let auth = async |handshake: Handshake| -> Result<Value, ConnectError> { handshake.auth() };
    Namespace::with_auth(name, auth)
        .on_connect(async |socket: Joined| socket.emit("auth", socket.data()))
        .on("message", async |socket: Joined, args: RawArgs| {
            socket.emit("message-back", &args).ok();
        })
        .on("message-with-ack", async |_: Joined, args: RawArgs| {
            Ack(args)
        })
}

/// One HTTP request on a connection of its own; status and body of the answer.
pub async fn http(address: SocketAddr, method: &str, query: &str, body: &str) -> (u16, String) {
    let mut stream = within(TcpStream::connect(address)).await.unwrap();
    let request = format!(
        "{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: {address}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.parse().unwrap(), body.to_owned())
}

/// Opens a long-polling session; the part of the query that names it.
pub async fn open_polling(address: SocketAddr) -> String {
    let (status, open) = http(address, "GET", "", "").await;
    assert_eq!(status, 200, "{open}");
    let sid = open.split('"').nth(3).unwrap();
    format!("&sid={sid}")
}

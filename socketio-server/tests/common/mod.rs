//! A server on a free port and a client that is no more than a TCP connection: what goes over the wire is written
//! in the tests, byte by byte.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]
#![allow(dead_code, reason = "not every test uses everything")]

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use socketio_server::{
    Ack, Builder, ConnectError, Gauges, Handshake, Namespace, RawArgs, Server, Socket, Value,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

/// Nothing here takes longer.
pub(crate) const WAIT: Duration = Duration::from_secs(5);

/// A server that is served until the test ends.
pub(crate) struct Served {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

impl Served {
    pub(crate) async fn start(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = server.clone();
        tokio::spawn(async move { serving.serve(listener, pending()).await });
        Self { server, address }
    }

    /// The server of the protocol's own test suite.
    pub(crate) async fn fixture() -> Self {
        Self::fixture_of(Server::builder()).await
    }

    pub(crate) async fn fixture_of(builder: Builder) -> Self {
        let server = builder.build();
        for name in ["/", "/custom"] {
            server.mount(fixture(name)).unwrap();
        }
        Self::start(server).await
    }

    /// Waits until as much is open as `gauges` says.
    pub(crate) async fn settles(&self, gauges: Gauges) {
        let deadline = Instant::now() + WAIT;
        while self.server.gauges() != gauges {
            let now = self.server.gauges();
            assert!(
                Instant::now() < deadline,
                "open: {now:?}, wanted: {gauges:?}"
            );
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// A connection that has got its Engine.IO handshake.
    pub(crate) async fn open(&self) -> Raw {
        let mut raw = Raw::connect(self.address).await;
        let open = raw.text().await;
        assert!(open.starts_with("0{\"sid\":\""), "{open}");
        raw
    }

    /// A client that has joined `/` of the fixture.
    pub(crate) async fn join(&self) -> Raw {
        let mut raw = self.open().await;
        raw.send("40").await;
        assert!(raw.text().await.starts_with("40{\"sid\":\""));
        assert_eq!(raw.text().await, r#"42["auth",{}]"#);
        raw
    }
}

pub(crate) fn fixture(name: &'static str) -> Namespace<Value> {
    type Client = Socket<Value>;
    let auth = async |handshake: Handshake| -> Result<Value, ConnectError> { handshake.auth() };
    Namespace::with_auth(name, auth)
        .on_connect(async |socket: Client| socket.emit("auth", socket.data()))
        .on("message", async |socket: Client, args: RawArgs| {
            socket.emit("message-back", &args).ok();
        })
        .on("message-with-ack", async |_: Client, args: RawArgs| {
            Ack(args)
        })
}

/// What the server says on a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Binary(Vec<u8>),
    /// A close frame with its code, if it has one, or the end of the connection.
    Closed(Option<u16>),
}

/// A WebSocket, made by hand.
pub(crate) struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    /// Opens an Engine.IO session on a WebSocket.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut raw = Self {
            stream,
            buffer: Vec::new(),
        };
        let end = loop {
            if let Some(end) = raw.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            assert!(raw.fill().await, "closed in the handshake");
        };
        let head: Vec<u8> = raw.buffer.drain(..end + 4).collect();
        assert!(
            head.starts_with(b"HTTP/1.1 101 "),
            "{}",
            head.escape_ascii()
        );
        raw
    }

    async fn fill(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        let read = timeout(WAIT, self.stream.read(&mut bytes)).await;
        match read.expect("the server says nothing") {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                true
            }
        }
    }

    /// Sends a text message. A server that has closed does not read it.
    pub(crate) async fn send(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes()).await;
    }

    pub(crate) async fn send_binary(&mut self, bytes: &[u8]) {
        self.frame(0x82, bytes).await;
    }

    /// Sends several text messages in one write.
    pub(crate) async fn send_at_once(&mut self, texts: &[&str]) {
        let mut bytes = Vec::new();
        for text in texts {
            encode(0x81, text.as_bytes(), &mut bytes);
        }
        self.bytes(&bytes).await;
    }

    pub(crate) async fn frame(&mut self, first: u8, content: &[u8]) {
        let mut bytes = Vec::with_capacity(content.len() + 14);
        encode(first, content, &mut bytes);
        self.bytes(&bytes).await;
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        let written = timeout(WAIT, self.stream.write_all(bytes)).await;
        written.expect("the server does not read").ok();
    }

    /// The next thing that the server says, WebSocket's own pings aside.
    pub(crate) async fn said(&mut self) -> Said {
        loop {
            if let Some((opcode, content)) = self.take_frame() {
                return match opcode {
                    1 => Said::Text(String::from_utf8(content).unwrap()),
                    2 => Said::Binary(content),
                    8 => Said::Closed(content.first_chunk().map(|two| u16::from_be_bytes(*two))),
                    9 | 10 => continue,
                    other => panic!("opcode {other}"),
                };
            }
            if !self.fill().await {
                return Said::Closed(None);
            }
        }
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, second) = (*self.buffer.first()?, *self.buffer.get(1)?);
        let (head, length) = match second {
            126 => {
                let bytes = self.buffer.get(2..)?.first_chunk()?;
                (4, usize::from(u16::from_be_bytes(*bytes)))
            }
            127 => {
                let bytes = self.buffer.get(2..)?.first_chunk()?;
                (10, u64::from_be_bytes(*bytes) as usize)
            }
            short => (2, usize::from(short)),
        };
        self.buffer.get(..head + length)?;
        let frame: Vec<u8> = self.buffer.drain(..head + length).collect();
        assert_eq!(first & 0xf0, 0x80, "a whole frame without extensions");
        Some((first & 0x0f, frame[head..].to_vec()))
    }

    /// The next message, which must be text.
    pub(crate) async fn text(&mut self) -> String {
        match self.said().await {
            Said::Text(text) => text,
            other => panic!("{other:?} instead of text"),
        }
    }

    pub(crate) async fn binary(&mut self) -> Vec<u8> {
        match self.said().await {
            Said::Binary(bytes) => bytes,
            other => panic!("{other:?} instead of binary"),
        }
    }

    /// Nothing is said but the end of the connection.
    pub(crate) async fn closed(&mut self) {
        match self.said().await {
            Said::Closed(_) => {}
            other => panic!("{other:?} instead of the end"),
        }
    }

    /// Sends an event and gets it back: the server has read everything before it.
    pub(crate) async fn echoes(&mut self) {
        self.send(r#"42["message","are you there?"]"#).await;
        assert_eq!(self.text().await, r#"42["message-back","are you there?"]"#);
    }
}

fn encode(first: u8, content: &[u8], into: &mut Vec<u8>) {
    const MASK: [u8; 4] = [0x5a, 0x01, 0xff, 0x42];
    into.push(first);
    match content.len() {
        short @ 0..126 => into.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            into.push(0x80 | 126);
            into.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            into.push(0x80 | 127);
            into.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    into.extend_from_slice(&MASK);
    let masked = content.iter().zip(MASK.iter().cycle());
    into.extend(masked.map(|(byte, mask)| byte ^ mask));
}

/// One HTTP request on a connection of its own; status and body of the answer.
pub(crate) async fn http(
    address: SocketAddr,
    method: &str,
    query: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: {address}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(WAIT, stream.read_to_string(&mut answer)).await;
    read.expect("no answer").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.parse().unwrap(), body.to_owned())
}

/// Opens a long-polling session; the part of the query that names it.
pub(crate) async fn open_polling(address: SocketAddr) -> String {
    let (status, open) = http(address, "GET", "", "").await;
    assert_eq!(status, 200, "{open}");
    let sid = open.split('"').nth(3).unwrap();
    format!("&sid={sid}")
}

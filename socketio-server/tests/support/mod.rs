//! A server on a free port, and a client that speaks the protocol by hand, so that tests see
//! every byte.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "shared by tests that use parts of it"
)]

pub mod fixture;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use socketio_server::{Gauges, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Nothing here may take longer.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("this takes too long")
}

/// Serves until the test ends.
pub async fn start(server: &Server) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = server.clone();
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    address
}

/// Waits until a fact can be observed.
pub async fn until(what: &str, mut fact: impl FnMut() -> bool) {
    let watch = async {
        while !fact() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, watch).await.is_ok(),
        "never seen: {what}"
    );
}

/// Waits until nothing is left of any client.
pub async fn until_idle(server: &Server) {
    until("an idle server", || {
        let Gauges {
            sessions,
            sockets,
            tasks,
            queued_bytes,
            ..
        } = server.gauges();
        sessions + sockets + tasks + queued_bytes == 0
    })
    .await;
}

/// A WebSocket client.
pub struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Close(Option<u16>),
    /// The connection ended without a close frame.
    End,
}

impl Client {
    /// Opens a WebSocket and takes the open packet.
    pub async fn open(address: SocketAddr) -> Self {
        let mut client = Self::connect(address).await;
        assert!(client.text().await.starts_with("0{"));
        client
    }

    /// Opens a WebSocket.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::dial(address, "").await
    }

    /// Opens a WebSocket, with more in its query.
    pub async fn dial(address: SocketAddr, query: &str) -> Self {
        Self::connect_with(address, &format!("EIO=4{query}")).await
    }

    /// Opens a WebSocket with these parameters.
    pub async fn connect_with(address: SocketAddr, query: &str) -> Self {
        let stream = within(TcpStream::connect(address)).await.unwrap();
        let mut client = Self {
            stream,
            read: Vec::new(),
        };
        let request = format!(
            "GET /socket.io/?transport=websocket&{query} HTTP/1.1\r\nHost: localhost\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        client.raw(request.as_bytes()).await;
        while !client.read.windows(4).any(|window| window == b"\r\n\r\n") {
            client.fill().await;
        }
        let head = client
            .read
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head: Vec<u8> = client.read.drain(..head + 4).collect();
        assert!(
            head.starts_with(b"HTTP/1.1 101"),
            "{}",
            String::from_utf8_lossy(&head)
        );
        client
    }

    /// Opens a WebSocket and connects to a namespace.
    pub async fn join(address: SocketAddr, namespace: &str) -> Self {
        Self::join_as(address, namespace, "").await.0
    }

    /// As `join`, with an auth payload; also tells the socket id.
    pub async fn join_as(address: SocketAddr, namespace: &str, auth: &str) -> (Self, String) {
        let mut client = Self::open(address).await;
        let prefix = if namespace == "/" {
            String::new()
        } else {
            format!("{namespace},")
        };
        client.send(&format!("40{prefix}{auth}")).await;
        let answer = client.text().await;
        let answer = answer
            .strip_prefix(&format!("40{prefix}{{\"sid\":\""))
            .unwrap_or_else(|| {
                panic!("{answer} is no answer to a connect");
            });
        let sid = answer.strip_suffix("\"}").unwrap().to_owned();
        (client, sid)
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.unwrap();
    }

    pub async fn send(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes()).await;
    }

    pub async fn send_binary(&mut self, bytes: &[u8]) {
        self.frame(0x82, bytes).await;
    }

    /// Several texts in one write.
    pub async fn send_at_once(&mut self, texts: &[&str]) {
        let mut out = Vec::new();
        for text in texts {
            mask(0x81, text.as_bytes(), &mut out);
        }
        within(self.stream.write_all(&out)).await.ok();
    }

    pub async fn frame(&mut self, first: u8, content: &[u8]) {
        let mut out = Vec::with_capacity(content.len() + 14);
        mask(first, content, &mut out);
        // a server that has closed may refuse it
        within(self.stream.write_all(&out)).await.ok();
    }

    async fn fill(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let count = within(self.stream.read(&mut buffer)).await.unwrap_or(0);
        self.read.extend(&buffer[..count]);
        count > 0
    }

    /// The next frame; pings of the server are answered and passed over.
    pub async fn next(&mut self) -> Frame {
        loop {
            match self.parse() {
                Some((1, content)) if content == b"2" => self.send("3").await,
                Some((1, content)) => return Frame::Text(String::from_utf8(content).unwrap()),
                Some((2, content)) => return Frame::Binary(content),
                Some((8, content)) => {
                    let code = content.first_chunk().map(|code| u16::from_be_bytes(*code));
                    return Frame::Close(code);
                }
                Some((opcode, _)) => panic!("opcode {opcode}"),
                None if self.fill().await => {}
                None => return Frame::End,
            }
        }
    }

    pub async fn text(&mut self) -> String {
        match self.next().await {
            Frame::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    pub async fn expect(&mut self, text: &str) {
        assert_eq!(self.next().await, Frame::Text(text.to_owned()));
    }

    pub async fn binary(&mut self) -> Vec<u8> {
        match self.next().await {
            Frame::Binary(bytes) => bytes,
            other => panic!("{other:?} is no binary"),
        }
    }

    /// The server closes, and says nothing before.
    pub async fn ends(&mut self) {
        match self.next().await {
            Frame::Close(_) | Frame::End => {}
            other => panic!("{other:?} instead of the end"),
        }
    }

    /// Waits for the server to close, whatever comes before.
    pub async fn closed(&mut self) {
        while !matches!(self.next().await, Frame::Close(_) | Frame::End) {}
    }

    fn parse(&mut self) -> Option<(u8, Vec<u8>)> {
        let bytes = &self.read;
        let first = *bytes.first()?;
        let (len, start) = match *bytes.get(1)? {
            126 => (
                u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize,
                4,
            ),
            127 => (
                u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize,
                10,
            ),
            len => (len as usize, 2),
        };
        bytes.get(start..start + len)?;
        let frame: Vec<u8> = self.read.drain(..start + len).collect();
        Some((first & 15, frame[start..].to_vec()))
    }
}

/// A frame as clients send it.
fn mask(first: u8, content: &[u8], out: &mut Vec<u8>) {
    const MASK: [u8; 4] = [0x5a, 0x01, 0xff, 0x42];
    out.push(first);
    match content.len() {
        len @ ..126 => out.push(0x80 | len as u8),
        len @ ..65536 => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    let masked = content.iter().zip(MASK.iter().cycle());
    out.extend(masked.map(|(byte, mask)| byte ^ mask));
}

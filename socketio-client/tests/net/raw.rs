//! Servers that a test plays itself, for what no correct server does.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use socketio_client::{Builder, Manager, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::support::{quick, within};

/// An open packet without upgrades and with a heartbeat that no test lives to see.
pub fn open_packet(max_payload: usize) -> String {
    format!(
        "0{{\"sid\":\"abc\",\"upgrades\":[],\"pingInterval\":60000,\"pingTimeout\":60000,\
         \"maxPayload\":{max_payload}}}"
    )
}

/// A listener for clients over WebSocket.
pub struct Raw {
    listener: TcpListener,
}

impl Raw {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener }
    }

    pub fn manager(&self) -> Builder {
        let url = format!("http://{}", self.listener.local_addr().unwrap());
        let manager = Manager::builder(&url).unwrap().reconnect(quick());
        manager.transports([Transport::WebSocket])
    }

    /// The next client's connection, to which nothing was said yet.
    pub async fn silent(&self) -> Wire {
        let (stream, _) = within("a client", self.listener.accept()).await.unwrap();
        let stream = tokio_tungstenite::accept_async(stream).await.unwrap();
        Wire { stream }
    }

    /// The next client's connection, open.
    pub async fn accept(&self) -> Wire {
        let mut wire = self.silent().await;
        wire.say(&open_packet(1_000_000)).await;
        wire
    }

    /// The next client's connection, in `/`.
    pub async fn connected(&self) -> Wire {
        let mut wire = self.accept().await;
        assert_eq!(wire.hear().await, "40");
        wire.say(r#"40{"sid":"s1"}"#).await;
        wire
    }
}

/// One WebSocket, frame by frame.
pub struct Wire {
    stream: WebSocketStream<TcpStream>,
}

impl Wire {
    /// Says it, to whoever may be gone.
    pub async fn say(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.ok();
    }

    /// Writes bytes that need be no frames.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.ok();
    }

    /// The next message: text as it is, binary in brackets. `None` when the client is gone.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            return match within("a message of the client", self.stream.next()).await? {
                Ok(Message::Text(text)) => Some(text.to_string()),
                Ok(Message::Binary(bytes)) => Some(format!("{:?}", &bytes[..])),
                Ok(Message::Ping(_) | Message::Pong(_)) => continue,
                _ => None,
            };
        }
    }

    pub async fn hear(&mut self) -> String {
        self.next().await.expect("the client is gone")
    }
}

/// A request of long-polling.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
}

impl Request {
    pub fn is_post(&self) -> bool {
        self.head.starts_with("POST")
    }

    /// Whether it is the first one of a session.
    pub fn is_handshake(&self) -> bool {
        !self.head.contains("sid=")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// Answers the requests of every connection, in turn, as `answer` says; without an answer nothing
/// more is said on that connection.
pub async fn polling(
    answer: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Builder {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                while let Some(request) = read(&mut stream).await {
                    match answer(&request) {
                        Some(answer) => stream.write_all(&answer).await.unwrap_or_default(),
                        None => while stream.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {},
                    }
                }
            });
        }
    });
    let manager = Manager::builder(&url).unwrap().reconnect(quick());
    manager.transports([Transport::Polling])
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut request = Request {
        head,
        body: String::new(),
    };
    let length = request.header("content-length").unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8(body).unwrap();
    Some(request)
}

/// An answer with more headers, each ended by a line break.
pub fn ok(headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// An answer whose body comes in chunks of one byte.
pub fn chunked(body: &str) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for byte in body.bytes() {
        answer.extend([b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

/// Lets long-polling through and refuses WebSockets. Where it listens.
pub async fn without_websockets(to: std::net::SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut start = vec![0; 2000];
                let length = client.peek(&mut start).await.unwrap();
                start.truncate(length);
                let head = String::from_utf8_lossy(&start).into_owned();
                if head.contains("transport=websocket") {
                    read(&mut client).await;
                    let no = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
                    return client.write_all(no).await.unwrap_or_default();
                }
                let mut server = TcpStream::connect(to).await.unwrap();
                let both = tokio::io::copy_bidirectional(&mut client, &mut server);
                both.await.map(drop).unwrap_or_default();
            });
        }
    });
    url
}

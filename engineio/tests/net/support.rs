//! An echo server, and clients that write bytes.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engineio::net::server::{Connection, Options, Server, on_connection, serve};
use engineio::{CloseReason, Data};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

pub(crate) const LIMIT: Duration = Duration::from_secs(5);
pub(crate) const OPEN_POLLING: &str = "/engine.io/?EIO=4&transport=polling";
pub(crate) const OPEN_WEBSOCKET: &str = "/engine.io/?EIO=4&transport=websocket";

/// What must happen soon.
#[track_caller]
pub(crate) fn soon<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let done = tokio::time::timeout(LIMIT, what).await;
        done.unwrap_or_else(|_| panic!("{place}: nothing happened"))
    }
}

/// Waits for a fact.
#[track_caller]
pub(crate) fn eventually(fact: impl Fn() -> bool) -> impl Future<Output = ()> {
    soon(async move {
        while !fact() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
}

/// A server that sends everything back; `close` closes, `flood N SIZE` sends N messages.
pub(crate) struct App {
    pub(crate) addr: SocketAddr,
    pub(crate) server: Server,
    pub(crate) reasons: mpsc::UnboundedReceiver<Option<CloseReason>>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::gated(options, Arc::new(Semaphore::new(Semaphore::MAX_PERMITS))).await
    }

    /// Each message waits for a permit before it is read.
    pub(crate) async fn gated(options: Options, gate: Arc<Semaphore>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (told, reasons) = mpsc::unbounded_channel();
        let service = on_connection(options, move |connection| {
            echo(connection, told.clone(), Arc::clone(&gate))
        });
        let server = service.server();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let serving = tokio::spawn(serve(listener, server.clone(), service, stopped));
        Self {
            addr,
            server,
            reasons,
            stop: Some(stop),
            serving,
        }
    }

    /// Why a session ended, in the order of the ends.
    pub(crate) async fn reason(&mut self) -> CloseReason {
        soon(self.reasons.recv()).await.flatten().unwrap()
    }

    pub(crate) async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        soon(&mut self.serving).await.unwrap().unwrap();
    }

    pub(crate) async fn connect(&self) -> Http {
        let stream = soon(TcpStream::connect(self.addr)).await.unwrap();
        Http::new(stream)
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        let mut http = self.connect().await;
        http.request(method, target, headers, body).await;
        http.answer().await
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, "", "").await
    }

    pub(crate) async fn post(&self, target: &str, body: &str) -> Answer {
        self.ask("POST", target, "", body).await
    }

    /// Opens a session over long-polling and gives its target for further requests.
    pub(crate) async fn open(&self) -> String {
        let answer = self.get(OPEN_POLLING).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        format!("{OPEN_POLLING}&sid={}", sid(&answer.body))
    }

    pub(crate) async fn websocket(&self) -> WebSocket {
        let mut websocket = self.upgrade(OPEN_WEBSOCKET).await;
        assert!(websocket.text().await.starts_with("0{"));
        websocket
    }

    /// A WebSocket whose handshake must succeed.
    pub(crate) async fn upgrade(&self, target: &str) -> WebSocket {
        let mut http = self.connect().await;
        http.send(upgrade_request(target, "")).await;
        http.switched().await
    }

    pub(crate) async fn ask_upgrade(&self, target: &str, headers: &str) -> Answer {
        let mut http = self.connect().await;
        http.send(upgrade_request(target, headers)).await;
        http.answer().await
    }
}

pub(crate) async fn echo(
    mut connection: Connection,
    told: mpsc::UnboundedSender<Option<CloseReason>>,
    gate: Arc<Semaphore>,
) {
    loop {
        let _permit = gate.acquire().await.unwrap();
        let Some(data) = connection.recv().await else {
            break;
        };
        let words: Vec<&str> = match &data {
            Data::Text(text) => text.split(' ').collect(),
            Data::Binary(_) => Vec::new(),
        };
        match words[..] {
            ["close"] => connection.close(),
            ["flood", count, size] => {
                let message = "x".repeat(size.parse().unwrap());
                for _ in 0..count.parse().unwrap() {
                    connection.send(message.as_str().into()).ok();
                }
            }
            _ => drop(connection.send(data)),
        }
    }
    told.send(connection.close_reason()).ok();
}

pub(crate) fn sid(open: &str) -> &str {
    open.split('"').nth(3).unwrap()
}

pub(crate) fn upgrade_request(target: &str, headers: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
    }
}

/// A TCP connection that speaks HTTP.
pub(crate) struct Http {
    pub(crate) stream: TcpStream,
    input: Vec<u8>,
}

impl Http {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        let input = Vec::new();
        Self { stream, input }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    pub(crate) async fn request(&mut self, method: &str, target: &str, headers: &str, body: &str) {
        let length = match method {
            "GET" if body.is_empty() => String::new(),
            _ => format!("Content-Length: {}\r\n", body.len()),
        };
        let head =
            format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{length}{headers}\r\n");
        self.send(head + body).await;
    }

    async fn more(&mut self) -> usize {
        let read = soon(self.stream.read_buf(&mut self.input)).await;
        read.unwrap_or_default()
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let end = loop {
            let end = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            assert!(
                self.more().await > 0,
                "the connection ended: {:?}",
                self.input
            );
        };
        let head: Vec<u8> = self.input.drain(..end).collect();
        let mut answer = Answer {
            status: 0,
            head: String::from_utf8(head).unwrap(),
            body: String::new(),
            bytes: Vec::new(),
        };
        answer.status = answer.head[9..12].parse().unwrap();
        let length = answer.header("content-length").unwrap_or("0");
        let length: usize = length.parse().unwrap();
        while self.input.len() < length {
            assert!(self.more().await > 0, "the connection ended");
        }
        answer.bytes = self.input.drain(..length).collect();
        answer.body = String::from_utf8_lossy(&answer.bytes).into_owned();
        answer
    }

    pub(crate) async fn switched(mut self) -> WebSocket {
        let answer = self.answer().await;
        assert_eq!(answer.status, 101, "{answer:?}");
        let accept = answer.header("sec-websocket-accept");
        assert_eq!(accept, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        WebSocket { http: self }
    }

    /// Waits until the server has closed the connection, and gives what came before.
    pub(crate) async fn ended(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.input)
    }

    /// Ends the connection as if the process had died.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

/// A WebSocket.
pub(crate) struct WebSocket {
    pub(crate) http: Http,
}

const MASK: [u8; 4] = [1, 2, 3, 4];

/// A client's frame.
pub(crate) fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let mut out = header(first, content.len() as u64);
    out.extend(content.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
    out
}

/// The header of a client's frame alone.
pub(crate) fn header(first: u8, len: u64) -> Vec<u8> {
    let mut out = vec![first];
    match len {
        0..126 => out.push(0x80 | len as u8),
        126..65_536 => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend(len.to_be_bytes());
        }
    }
    out.extend(MASK);
    out
}

impl WebSocket {
    pub(crate) async fn send(&mut self, text: &str) {
        self.http.send(frame(0x81, text.as_bytes())).await;
    }

    /// The next frame: its first byte and its content.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let Some(frame) = self.parse() {
                return frame;
            }
            assert!(self.http.more().await > 0, "the connection ended");
        }
    }

    fn parse(&mut self) -> Option<(u8, Vec<u8>)> {
        let input = &self.http.input;
        let (start, len) = match *input.get(1)? {
            126 => (
                4,
                u64::from(u16::from_be_bytes(input.get(2..4)?.try_into().unwrap())),
            ),
            127 => (
                10,
                u64::from_be_bytes(input.get(2..10)?.try_into().unwrap()),
            ),
            len => (2, u64::from(len)),
        };
        let end = start + len as usize;
        let content = input.get(start..end)?.to_vec();
        let first = input[0];
        self.http.input.drain(..end);
        Some((first, content))
    }

    pub(crate) async fn text(&mut self) -> String {
        let (first, content) = self.frame().await;
        assert_eq!(first, 0x81, "{:?}", content.get(..40));
        String::from_utf8(content).unwrap()
    }

    pub(crate) async fn echoes(&mut self, text: &str) {
        self.send(&format!("4{text}")).await;
        assert_eq!(self.text().await, format!("4{text}"));
    }

    /// The close frame's code (0 for none), after which the server ends the connection.
    pub(crate) async fn closed(&mut self) -> u16 {
        let (first, content) = self.frame().await;
        assert_eq!(first, 0x88, "{:?}", content.get(..40));
        self.http.send(frame(0x88, &content)).await;
        assert_eq!(self.http.ended().await, [0_u8; 0]);
        self.http.stream.shutdown().await.ok();
        content
            .first_chunk()
            .map_or(0, |code| u16::from_be_bytes(*code))
    }
}

/// The three checks behind every attack: an honest client goes on, a new one can connect, and
/// nothing is left of the attacker.
pub(crate) struct Alive {
    honest: WebSocket,
}

impl Alive {
    pub(crate) async fn before(app: &App) -> Self {
        let mut honest = app.websocket().await;
        honest.echoes("before").await;
        let server = &app.server;
        eventually(|| server.connections() == 0).await;
        Self { honest }
    }

    pub(crate) async fn check(mut self, app: &App) {
        let start = Instant::now();
        self.honest.echoes("still here").await;
        assert!(start.elapsed() < Duration::from_secs(1));
        let mut other = app.websocket().await;
        other.echoes("new").await;
        other.send("1").await;
        other.closed().await;
        let server = &app.server;
        eventually(|| (server.sessions(), server.connections(), server.tasks()) == (1, 0, 1)).await;
        assert_eq!(app.server.queued_bytes(), 0);
    }
}

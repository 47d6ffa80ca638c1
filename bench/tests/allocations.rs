//! The allocations in the life of an event, as ARCHITECTURE.md has them: none for a receiver of a broadcast, three for an
//! event that is answered, and what an idle connection holds.
//!
//! The server runs on a thread of its own, whose allocations alone are counted; clients speak by hand on another.
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an allocator is unsafe by its trait; failures of the test"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use socketio_server::{Ack, Args, Incoming, Namespace, RawArgs, Server, Socket, Value};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is left to the system's allocator; the counters are numbers of this thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE.set(LIVE.get() + layout.size() as i64);
        // SAFETY: as our caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as i64);
        // SAFETY: as our caller promised.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A server with the events of the yardstick, and one that tells the counters.
fn serve() -> SocketAddr {
    let (told, address) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = Server::builder().build();
            let io = server.clone();
            let namespace = Namespace::new("/")
                .on_raw("echo", async |_: Socket, event: Incoming| {
                    Ack(event.args().clone())
                })
                .on("cast", async move |_: Socket, payload: Value| {
                    io.emit("cast", &payload).unwrap();
                })
                .on("counters", async |_: Socket, _: RawArgs| {
                    Ack(Args((ALLOCATIONS.get(), LIVE.get())))
                });
            server.mount(namespace).unwrap();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            server
                .serve(listener, std::future::pending())
                .await
                .unwrap();
        });
    });
    address.recv().unwrap()
}

/// A client that speaks by hand.
struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let input = Vec::new();
        let mut client = Self { stream, input };
        let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
                       Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        client.stream.write_all(request.as_bytes()).unwrap();
        while !client.input.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.stream.read_exact(&mut byte).unwrap();
            client.input.push(byte[0]);
        }
        client.input.clear();
        assert!(client.next().starts_with("0{"));
        client.send(&["40".to_owned()]);
        assert!(client.next().starts_with("40{"));
        client
    }

    /// Masked frames of at most 125 bytes in one write; the key is zero.
    fn send(&mut self, messages: &[String]) {
        let mut bytes = Vec::new();
        for message in messages {
            let len = u8::try_from(message.len()).unwrap();
            assert!(len < 126);
            bytes.extend_from_slice(&[0x81, 0x80 | len, 0, 0, 0, 0]);
            bytes.extend_from_slice(message.as_bytes());
        }
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next message.
    fn next(&mut self) -> String {
        loop {
            if let [_, len, ..] = self.input[..] {
                let (start, len) = match (len, &self.input[2..]) {
                    (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
                    (126, _) => (4, usize::MAX - 4),
                    _ => (2, usize::from(len)),
                };
                if self.input.len() >= start + len {
                    let message = String::from_utf8(self.input[start..start + len].to_vec());
                    self.input.drain(..start + len);
                    return message.unwrap();
                }
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "the server closed");
            self.input.extend_from_slice(&bytes[..count]);
        }
    }

    /// The server's counters: allocations, and bytes that it holds.
    fn counters(&mut self) -> (u64, i64) {
        self.send(&["420[\"counters\"]".to_owned()]);
        let answer = self.next();
        let (allocations, live) = answer
            .strip_prefix("430[")
            .and_then(|rest| rest.strip_suffix(']')?.split_once(','))
            .unwrap();
        (allocations.parse().unwrap(), live.parse().unwrap())
    }

    fn echo(&mut self, rounds: u32, depth: u32) {
        let text = "x".repeat(100);
        let messages: Vec<String> = (0..depth)
            .map(|id| format!("42{id}[\"echo\",\"{text}\"]"))
            .collect();
        for _ in 0..rounds {
            self.send(&messages);
            for id in 0..depth {
                assert_eq!(self.next(), format!("43{id}[\"{text}\"]"));
            }
        }
    }
}

#[test]
fn an_event_that_is_answered_takes_three() {
    let mut client = Client::connect(serve());
    for depth in [1, 16] {
        client.echo(50, depth);
        let before = client.counters().0;
        client.echo(200, depth);
        let each = (client.counters().0 - before) as f64 / f64::from(200 * depth);
        assert!(each < 3.1, "{each} at depth {depth}");
    }
}

#[test]
fn a_receiver_of_a_broadcast_takes_none() {
    const CASTS: u64 = 50;
    let address = serve();
    let mut clients: Vec<Client> = Vec::new();
    let mut taken = Vec::new();
    for count in [20, 120] {
        clients.resize_with(count, || Client::connect(address));
        // the first ones make room in queues and lists
        for round in 0..2 {
            let before = clients[0].counters().0;
            for _ in 0..CASTS {
                clients[0].send(&["42[\"cast\",\"hello\"]".to_owned()]);
                for client in &mut clients {
                    assert_eq!(client.next(), "42[\"cast\",\"hello\"]");
                }
            }
            if round == 1 {
                taken.push(clients[0].counters().0 - before);
            }
        }
    }
    let each = (taken[1] as f64 - taken[0] as f64) / (100 * CASTS) as f64;
    assert!(each < 0.01, "{each} for a receiver: {taken:?}");
}

#[test]
fn an_idle_connection_holds_little() {
    let address = serve();
    let mut first = Client::connect(address);
    let before = first.counters().1;
    let idle: Vec<Client> = (0..300).map(|_| Client::connect(address)).collect();
    let each = (first.counters().1 - before) / idle.len() as i64;
    assert!(each < 3700, "{each} bytes");
}

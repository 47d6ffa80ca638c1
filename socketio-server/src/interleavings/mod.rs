//! A whole server, short of its sockets, whose clients and threads do things at the same time, in
//! many orders: `cargo xtask interleavings`.

mod acks;
mod namespaces;
mod recovery;
mod rooms;

use std::mem::ManuallyDrop;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use shuttle::{future, thread};
use tower_service::Service as _;

use crate::{Namespace, NamespaceHandle, Server, Socket};

/// Explores `body` where timers can be made; none of them ever fires. Its server's tasks come to
/// their end when its clients are gone.
fn explore(body: impl Fn() -> Server + Send + Sync + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    // when it is dropped its timers wake tasks, whose scheduler is gone
    let runtime = ManuallyDrop::new(runtime);
    let _context = runtime.enter();
    testkit::explore(move || {
        let server = body();
        while server.gauges().tasks > 0 {
            thread::yield_now();
        }
        assert_empty(&server);
    });
}

/// A client on long-polling: its requests go straight to the service.
struct Client {
    server: Server,
    sid: String,
    /// What polls have brought and nobody has looked at.
    packets: Vec<String>,
}

impl Client {
    /// Opens a session.
    fn open(server: &Server) -> Self {
        let mut client = Self {
            server: server.clone(),
            sid: String::new(),
            packets: Vec::new(),
        };
        assert!(client.poll());
        let open = client.packets.remove(0);
        let sid = open.split('"').nth(3).expect("an id");
        client.sid = format!("&sid={sid}");
        client
    }

    /// Opens a session and joins `/`; with the answer to that.
    fn join(server: &Server) -> (Self, String) {
        let mut client = Self::open(server);
        client.send("40");
        let answer = client.next().expect("an answer");
        assert!(answer.starts_with("40{"), "{answer}");
        (client, answer)
    }

    fn request(&self, method: &str, body: &str) -> Option<String> {
        let uri = format!("/socket.io/?EIO=4&transport=polling{}", self.sid);
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let request = Request::builder().method(method).uri(uri).body(body);
        let response = self.server.service().call(request.expect("a request"));
        let response = future::block_on(response).expect("a response");
        let is_ok = response.status().is_success();
        let body = future::block_on(response.into_body().collect()).expect("a body");
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        is_ok.then_some(body)
    }

    /// Whether a poll brought something.
    fn poll(&mut self) -> bool {
        let payload = self.request("GET", "");
        let packets = payload.iter().flat_map(|payload| payload.split('\x1e'));
        self.packets.extend(packets.map(str::to_owned));
        payload.is_some()
    }

    /// The next packet; `None` when the session has ended.
    fn next(&mut self) -> Option<String> {
        while self.packets.is_empty() {
            if !self.poll() {
                return None;
            }
        }
        let packet = self.packets.remove(0);
        // a NOOP or the end of the session are not for whoever asks
        (packet != "1" && packet != "6").then_some(packet)
    }

    /// Whether the server took it.
    fn send(&self, packet: &str) -> bool {
        self.request("POST", packet).is_some()
    }

    /// Everything up to this packet, without it.
    fn up_to(&mut self, last: &str) -> Vec<String> {
        let packets = std::iter::from_fn(|| self.next());
        packets.take_while(|packet| packet != last).collect()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.send("1");
            while self.poll() {}
        }
    }
}

/// A server with the namespace `/`.
fn server(namespace: impl FnOnce(Namespace) -> Namespace) -> (Server, NamespaceHandle) {
    let server = Server::builder().build();
    let namespace = namespace(Namespace::new("/"));
    let io = server.mount(namespace).expect("a free name");
    (server, io)
}

/// Two clients in `/`, and their sockets.
fn two(server: &Server, io: &NamespaceHandle) -> ([Client; 2], [Socket; 2]) {
    let clients = [(); 2].map(|()| Client::join(server));
    let clients = clients.map(|(client, answer)| {
        let id = answer.split('"').nth(3).expect("an id");
        let socket = io.socket(&id.parse().expect("an id"));
        (client, socket.expect("a socket"))
    });
    let [(first, one), (second, other)] = clients;
    ([first, second], [one, other])
}

/// Nothing is left of any client.
fn assert_empty(server: &Server) {
    let gauges = server.gauges();
    assert_eq!((gauges.sockets, gauges.pending_acks), (0, 0), "{gauges:?}");
}

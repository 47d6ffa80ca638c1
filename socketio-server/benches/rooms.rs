//! Selecting sockets by rooms, and sending to them: `cargo bench -p socketio-server --features testing`.

use divan::Bencher;
use divan::counter::ItemsCount;
use socketio_server::testing::Client;
use socketio_server::{Namespace, Server, Socket};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

/// Sockets, of which each tenth, and each hundredth, is in a room.
const SOCKETS: usize = 1000;
const EVERYBODY: &str = "everybody";
const TENTH: &str = "tenth";
const HUNDREDTH: &str = "hundredth";

fn main() {
    divan::main();
}

struct Crowd {
    runtime: tokio::runtime::Runtime,
    server: Server,
    clients: Vec<Client>,
}

impl Crowd {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let server = Server::default();
        let namespace = Namespace::new("/").on("join", async |socket: Socket, number: usize| {
            socket.join(EVERYBODY);
            if number.is_multiple_of(10) {
                socket.join(TENTH);
            }
            if number.is_multiple_of(100) {
                socket.join(HUNDREDTH);
            }
            socketio_server::Ack(true)
        });
        server.mount(namespace).expect("the only one");
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for number in 0..SOCKETS {
                let mut client = Client::connect(&server).await.expect("a client");
                let joined = client.emit_with_ack::<bool>("join", &number).await;
                joined.expect("an answer");
                clients.push(client);
            }
            clients
        });
        Self {
            runtime,
            server,
            clients,
        }
    }
}

/// Selected ones join a room and leave it again.
#[divan::bench(args = [HUNDREDTH, TENTH, EVERYBODY])]
fn join_and_leave(bencher: Bencher<'_, '_>, room: &str) {
    let crowd = Crowd::new();
    let count = crowd.server.to(room).fetch_sockets().len();
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        crowd.server.to(room).sockets_join(["other"]);
        crowd.server.to(room).sockets_leave(["other"]);
    });
}

/// Those of a room who are not in another, none of whom there is.
#[divan::bench]
fn select_none(bencher: Bencher<'_, '_>) {
    let crowd = Crowd::new();
    bencher
        .counter(ItemsCount::new(SOCKETS))
        .bench_local(|| crowd.server.to(TENTH).except(EVERYBODY).fetch_sockets());
}

/// A broadcast, until all have it.
#[divan::bench(args = [HUNDREDTH, TENTH, EVERYBODY])]
fn broadcast(bencher: Bencher<'_, '_>, room: &str) {
    let mut crowd = Crowd::new();
    let step = match room {
        HUNDREDTH => 100,
        TENTH => 10,
        _ => 1,
    };
    bencher
        .counter(ItemsCount::new(SOCKETS / step))
        .bench_local(|| {
            crowd
                .server
                .to(room)
                .emit("news", "text")
                .expect("it is open");
            crowd.runtime.block_on(async {
                for client in crowd.clients.iter_mut().step_by(step) {
                    client.expect::<String>("news").await;
                }
            });
        });
}

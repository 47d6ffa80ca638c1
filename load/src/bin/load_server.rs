//! The server under load: numbered events both ways, rooms, bursts, and the gauges as JSON beside the endpoint.

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Json;
use axum::routing::get;
use examples::{BadSetting, bind, engine_options, ready, terminated};
use hyper_util::service::TowerToHyperService;
use socketio_server::{
    Ack, Args, Binary, ConnectError, Handshake, Namespace, Options, RawArgs, Server, Socket, Value,
};
use tokio::sync::oneshot;

/// What one socket has sent and received.
#[derive(Debug, Default)]
struct Tally {
    ups: AtomicUsize,
    ticks: AtomicUsize,
}

/// What only the application can count.
#[derive(Debug, Default)]
struct Presence {
    connects: AtomicUsize,
    disconnects: AtomicUsize,
    slow: AtomicUsize,
}

type Client = Arc<Tally>;

fn main() -> ExitCode {
    examples::main(run())
}

async fn run() -> Result<(), BadSetting> {
    let listener = bind().await?;
    let server = Server::builder()
        .engine(engine_options(Options::default())?)
        .build();
    let presence = Arc::<Presence>::default();
    server
        .mount(namespace(&presence, &server))
        .map_err(|error| BadSetting::new("namespace", error))?;
    let gauges = {
        let server = server.clone();
        move || async move { Json(gauges(&server, &presence)) }
    };
    let app = axum::Router::new()
        .route("/gauges", get(gauges))
        .layer(server.layer());
    ready(&listener)?;
    let served = server.serve_with(listener, TowerToHyperService::new(app), stopped());
    served
        .await
        .map_err(|error| BadSetting::new("serve", error))
}

async fn tallied(_: Handshake) -> Result<Client, ConnectError> {
    Ok(Client::default())
}

fn namespace(presence: &Arc<Presence>, server: &Server) -> Namespace<Client> {
    let [came, went] = [(); 2].map(|()| Arc::clone(presence));
    let (to_room, to_all) = (server.clone(), server.clone());
    Namespace::with_auth("/", tallied)
        .on_connect(async move |_: Socket<Client>| {
            came.connects.fetch_add(1, Ordering::SeqCst);
        })
        .on_disconnect(
            async move |_: Socket<Client>, reason: socketio_server::DisconnectReason| {
                if reason.to_string() == "slow consumer" {
                    went.slow.fetch_add(1, Ordering::SeqCst);
                }
                went.disconnects.fetch_add(1, Ordering::SeqCst);
            },
        )
        .on("up", async |socket: Socket<Client>, payload: Value| {
            let count = socket.data().ups.fetch_add(1, Ordering::SeqCst) + 1;
            Ack(Args((count, socket.id().as_str().to_owned(), payload)))
        })
        .on(
            "down",
            async |socket: Socket<Client>, Args((count, pause)): Args<(usize, u64)>| {
                tokio::spawn(down(socket, count, Duration::from_millis(pause)));
            },
        )
        .on("burst", async |socket: Socket<Client>, count: usize| {
            for _ in 0..count {
                tick(&socket).ok();
            }
        })
        .on("totals", async |socket: Socket<Client>, _: RawArgs| {
            let read = |count: &AtomicUsize| count.load(Ordering::SeqCst);
            let tally = socket.data();
            Ack(Args((read(&tally.ups), read(&tally.ticks))))
        })
        .on("join", async |socket: Socket<Client>, room: String| {
            socket.join(room);
            Ack(true)
        })
        .on(
            "room",
            async move |_: Socket<Client>, Args((room, payload)): Args<(String, Value)>| {
                to_room.to(room).emit("cast", &payload).ok();
            },
        )
        .on(
            "cast",
            async move |_: Socket<Client>, Args((count, pause, size)): Args<(u64, u64, usize)>| {
                tokio::spawn(cast(
                    to_all.clone(),
                    count,
                    Duration::from_millis(pause),
                    size,
                ));
            },
        )
}

/// The next number to one socket; each tenth with a kilobyte of binary, the others with text.
fn tick(socket: &Socket<Client>) -> Result<(), socketio_server::SendError> {
    let n = socket.data().ticks.fetch_add(1, Ordering::SeqCst) + 1;
    if n.is_multiple_of(10) {
        return socket.emit("tick", &Args((n, Binary::from(vec![7; 1024]))));
    }
    socket.emit(
        "tick",
        &Args((n, "the quick brown fox jumps over the lazy dog")),
    )
}

/// Numbers, as many as `count`, while the socket is there.
async fn down(socket: Socket<Client>, count: usize, pause: Duration) {
    let mut beat = tokio::time::interval(pause.max(Duration::from_millis(1)));
    let mut gone = std::pin::pin!(socket.closed());
    for _ in 0..count {
        if pause.is_zero() {
            if socket.emit_ready().await.is_err() {
                return;
            }
        } else {
            tokio::select! {
                _ = beat.tick() => {}
                _ = &mut gone => return,
            }
        }
        if tick(&socket).is_err() {
            return;
        }
    }
}

/// Numbers to everybody.
async fn cast(server: Server, count: u64, pause: Duration, size: usize) {
    let mut beat = tokio::time::interval(pause);
    let padding = "x".repeat(size);
    for n in 1..=count {
        beat.tick().await;
        server.emit("cast", &Args((n, &padding))).ok();
    }
}

fn gauges(server: &Server, presence: &Presence) -> serde_json::Value {
    let gauges = server.gauges();
    let read = |count: &AtomicUsize| count.load(Ordering::SeqCst);
    let (connects, disconnects) = (read(&presence.connects), read(&presence.disconnects));
    serde_json::json!({
        "connections": gauges.connections,
        "sessions": gauges.sessions,
        "sockets": gauges.sockets,
        "tasks": gauges.tasks,
        "pending_acks": gauges.pending_acks,
        "queued_bytes": gauges.queued_bytes,
        "queue_memory": gauges.queue_memory,
        "input_memory": gauges.input_memory,
        "present": connects.saturating_sub(disconnects),
        "connects": connects,
        "slow_consumers": read(&presence.slow),
        "namespaces": server.namespaces().len(),
    })
}

/// Ready when the process is asked to end, or when whoever started it has gone.
async fn stopped() {
    let (gone, orphaned) = oneshot::channel();
    std::thread::spawn(move || {
        std::io::stdin().lock().read_to_end(&mut Vec::new()).ok();
        gone.send(()).ok();
    });
    tokio::select! {
        () = terminated() => {}
        _ = orphaned => {}
    }
}

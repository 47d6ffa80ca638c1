//! The server under attack: ordinary handlers, default limits unless the environment says otherwise, a second one whose
//! packets are msgpack, and the gauges of both as JSON beside them.

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Json;
use axum::routing::get;
use examples::{BadSetting, bind, engine_options, millis, ready, setting, terminated};
use hyper_util::service::TowerToHyperService;
use socketio_server::{
    Ack, AckError, Args, Builder, ConnectError, Gauges, Handshake, Incoming, Matcher, Namespace,
    NoAck, Options, Parser, RawArgs, Recovery, Server, Socket, Value,
};
use tokio::sync::oneshot;

/// More than a connection may have.
const NAMESPACES: usize = 300;
/// How long `/slow` takes to let a client in, and the event `slow` to be handled.
const SLOW: Duration = Duration::from_millis(200);

/// What only the application can count.
#[derive(Debug, Default)]
struct Counts {
    /// Events that reached the handler for events without one of their own.
    handled: AtomicUsize,
    connects: AtomicUsize,
    disconnects: AtomicUsize,
    /// Answers of clients that are waited for.
    awaited: AtomicUsize,
}

fn main() -> ExitCode {
    examples::main(run())
}

async fn run() -> Result<(), BadSetting> {
    let listener = bind().await?;
    let server = builder()?.build();
    let packed = builder()?.path("/msgpack/").parser(Parser::Msgpack);
    let packed = packed.build();
    let counts = Arc::<Counts>::default();
    let mut namespaces = vec![
        root(&counts, &server),
        counting(Namespace::new("/custom"), &counts),
    ];
    namespaces.push(counting(Namespace::with_auth("/slow", slow_auth), &counts));
    namespaces.extend((0..NAMESPACES).map(|n| Namespace::new(format!("/n{n}"))));
    let failed = |error| BadSetting::new("namespace", error);
    for namespace in namespaces {
        server.mount(namespace).map_err(failed)?;
    }
    packed.mount(root(&counts, &packed)).map_err(failed)?;
    let children = Matcher::path("/children/{name}");
    let children = children.map_err(|error| BadSetting::new("pattern", error))?;
    server
        .mount(Namespace::matching(children))
        .map_err(failed)?;
    let gauges = {
        let servers = [server.clone(), packed.clone()];
        move || async move { Json(gauges(&servers, &counts)) }
    };
    let app = axum::Router::new()
        .route("/gauges", get(gauges))
        .layer(packed.layer())
        .layer(server.layer());
    ready(&listener)?;
    let served = server.serve_with(listener, TowerToHyperService::new(app), stopped());
    served
        .await
        .map_err(|error| BadSetting::new("serve", error))
}

fn builder() -> Result<Builder, BadSetting> {
    let mut options = engine_options(Options::default())?;
    for (name, timeout) in [
        ("CLOSE_TIMEOUT_MS", &mut options.engine.close_timeout),
        ("HEAD_TIMEOUT_MS", &mut options.head_timeout),
        ("BODY_TIMEOUT_MS", &mut options.body_timeout),
        ("WRITE_TIMEOUT_MS", &mut options.write_timeout),
    ] {
        *timeout = millis(name)?.unwrap_or(*timeout);
    }
    options.max_sessions_per_address = setting("MAX_SESSIONS_PER_ADDRESS")?;
    options.max_handshakes_per_address = setting("MAX_HANDSHAKES_PER_ADDRESS")?;
    options.same_address = setting("SAME_ADDRESS")?.unwrap_or(false);
    let mut builder = Server::builder().engine(options);
    if let Some(count) = setting("MAX_ROOMS")? {
        builder = builder.max_rooms(count);
    }
    if let Some(count) = setting("MAX_CHILDREN")? {
        builder = builder.max_children(count);
    }
    if setting("RECOVERY")?.unwrap_or(false) {
        builder = builder.recovery(Recovery::default());
    }
    if let Some(timeout) = millis("CONNECT_TIMEOUT_MS")? {
        builder = builder.connect_timeout(timeout);
    }
    if let Some(timeout) = millis("ASSEMBLY_TIMEOUT_MS")? {
        builder = builder.assembly_timeout(timeout);
    }
    if let Some(timeout) = millis("ACK_TIMEOUT_MS")? {
        builder = builder.ack_timeout(timeout);
    }
    Ok(builder)
}

async fn slow_auth(_: Handshake) -> Result<(), ConnectError> {
    tokio::time::sleep(SLOW).await;
    Ok(())
}

/// A namespace that counts what no handler of its own takes.
fn counting(namespace: Namespace<()>, counts: &Arc<Counts>) -> Namespace<()> {
    let [handled, connects, disconnects] = [(); 3].map(|()| Arc::clone(counts));
    namespace
        .fallback(async move |_: Socket, _: Incoming| {
            handled.handled.fetch_add(1, Ordering::SeqCst);
        })
        .on_connect(async move |_: Socket| connects.connects.fetch_add(1, Ordering::SeqCst))
        .on_disconnect(async move |_: Socket, _| {
            disconnects.disconnects.fetch_add(1, Ordering::SeqCst)
        })
}

fn root(counts: &Arc<Counts>, server: &Server) -> Namespace<()> {
    let (asked, to_room) = (Arc::clone(counts), server.clone());
    counting(Namespace::new("/"), counts)
        .on_raw("echo", async |socket: Socket, event: Incoming| {
            let args: RawArgs = event.args().clone();
            if event.wants_ack() {
                return Ok(Ack(args));
            }
            socket.emit("echo", &args).ok();
            Err(NoAck)
        })
        .on("join", async |socket: Socket, room: String| {
            socket.join(room);
            Ack(true)
        })
        .on(
            "joinMany",
            async |socket: Socket, Args((prefix, count)): Args<(String, usize)>| {
                for n in 0..count {
                    socket.join(format!("{prefix}{n}"));
                }
                Ack(socket.rooms().len())
            },
        )
        .on(
            "room",
            async move |_: Socket, Args((room, payload)): Args<(String, Value)>| {
                to_room.to(room).emit("cast", &payload).ok();
            },
        )
        .on("slow", async |_: Socket, _: RawArgs| {
            tokio::time::sleep(SLOW).await;
            Ack(true)
        })
        .on(
            "flood",
            async |socket: Socket, Args((count, size)): Args<(usize, usize)>| {
                let text = "x".repeat(size);
                for _ in 0..count {
                    socket.emit("flood", &text).ok();
                    // others of this worker wait meanwhile
                    tokio::task::yield_now().await;
                }
            },
        )
        .on("ask", async move |socket: Socket, count: usize| {
            for _ in 0..count {
                let answer = socket.emit_with_ack::<Value>("ask", &());
                let asked = Arc::clone(&asked);
                asked.awaited.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let _: Result<Value, AckError> = answer.await;
                    asked.awaited.fetch_sub(1, Ordering::SeqCst);
                });
            }
        })
}

fn gauges(servers: &[Server], counts: &Counts) -> serde_json::Value {
    let gauges: Vec<Gauges> = servers.iter().map(Server::gauges).collect();
    let sum = |one: fn(&Gauges) -> usize| gauges.iter().map(one).sum::<usize>();
    let read = |count: &AtomicUsize| count.load(Ordering::SeqCst);
    serde_json::json!({
        "connections": sum(|gauges| gauges.connections),
        "sessions": sum(|gauges| gauges.sessions),
        "sockets": sum(|gauges| gauges.sockets),
        "tasks": sum(|gauges| gauges.tasks),
        "queued_bytes": sum(|gauges| gauges.queued_bytes),
        "awaited": read(&counts.awaited),
        "handled": read(&counts.handled),
        "connects": read(&counts.connects),
        "disconnects": read(&counts.disconnects),
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

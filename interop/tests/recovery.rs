//! Connection state recovery against the official client: a hundred random cuts with a ledger.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

use std::collections::HashMap;
use std::time::Duration;

use interop::{Failure, Script};
use socketio_server::{Namespace, NamespaceHandle, Recovery, Server, Socket, SocketId};
use tokio::net::TcpListener;

/// Printed, so that a failure can be repeated: the cuts and pauses follow from it. `SEED` in the environment is another.
const SEED: u32 = 20_261_121;
const CUTS: u32 = 34;

/// Numbers for everybody, and for each client that ever came numbers of its own.
async fn count(io: NamespaceHandle, mut joined: tokio::sync::mpsc::UnboundedReceiver<SocketId>) {
    let mut clients: HashMap<SocketId, u32> = HashMap::new();
    let mut beat = tokio::time::interval(Duration::from_millis(2));
    for tick in 1_u32.. {
        beat.tick().await;
        while let Ok(id) = joined.try_recv() {
            clients.insert(id, 0);
        }
        io.emit("tick", &tick).unwrap();
        for (id, own) in &mut clients {
            *own += 1;
            io.to(id).emit("own", own).unwrap();
        }
    }
}

fn cuts(mode: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // the official client sees nothing of a network that goes while it waits to leave long-polling, except by its heartbeat
    let server = Server::builder()
        .recovery(Recovery::default())
        .ping_interval(Duration::from_millis(500))
        .ping_timeout(Duration::from_millis(1500))
        .build();
    let (told, joined) = tokio::sync::mpsc::unbounded_channel();
    let namespace = Namespace::new("/").on_connect(async move |socket: Socket| {
        if !socket.is_recovered() {
            told.send(socket.id().clone()).unwrap();
        }
    });
    let io = server.mount(namespace).unwrap();
    let port = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = server.clone();
        tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
        tokio::spawn(count(io, joined));
        port
    });
    Script::node("recovery.mjs")
        .arg(format!("http://127.0.0.1:{port}"))
        .arg(mode)
        .arg(CUTS.to_string())
        .arg(std::env::var("SEED").unwrap_or_else(|_| SEED.to_string()))
        .run(Duration::from_secs(240))?;
    runtime.block_on(async {
        while server.gauges().sockets > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    Ok(())
}

#[test]
fn nothing_is_lost_or_doubled_over_websocket() -> Result<(), Failure> {
    cuts("websocket")
}

#[test]
fn nothing_is_lost_or_doubled_over_polling() -> Result<(), Failure> {
    cuts("polling")
}

#[test]
fn nothing_is_lost_or_doubled_across_upgrades() -> Result<(), Failure> {
    cuts("upgrade")
}

//! The server that is counted.

use std::io::Read as _;

use socketio_server::{Ack, Incoming, Namespace, Server, Socket};

use crate::Outcome;
use crate::paths::{BURST, TEXT};

/// Serves until stdin ends, at an address that it says on stdout.
pub(crate) fn run() -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::builder().build();
        server
            .mount(namespace(&server))
            .map_err(std::io::Error::other)?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        std::thread::spawn(|| {
            std::io::stdin().read_to_end(&mut Vec::new()).ok();
            std::process::exit(0);
        });
        server.serve(listener, std::future::pending()).await
    })
}

fn namespace(server: &Server) -> Namespace {
    let everybody = server.clone();
    Namespace::new("/")
        .on_raw("event", async |_: Socket, _: Incoming| {})
        .on_raw("echo", async |_: Socket, event: Incoming| {
            Ack(event.args().clone())
        })
        .on("burst", async |socket: Socket, (): ()| {
            for _ in 0..BURST {
                socket.emit("news", &TEXT).ok();
            }
        })
        .on("cast", async move |_: Socket, (): ()| {
            everybody.emit("news", &TEXT).ok();
        })
}

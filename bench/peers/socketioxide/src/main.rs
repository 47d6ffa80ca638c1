//! socketioxide on axum with the events of the benchmark.

use std::error::Error;
use std::io::{Write as _, stdout};

use rmpv::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", connected);
    let app = axum::Router::new().layer(layer);
    let port = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(stdout(), "READY {}", listener.local_addr()?)?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        // a connection without it is slower, not broken
        stream.set_nodelay(true).ok();
    });
    Ok(axum::serve(listener, app).await?)
}

async fn connected(socket: SocketRef) {
    // the generic value that keeps attachments
    socket.on("echo", async |Data(x): Data<Value>, ack: AckSender| {
        ack.send(&x).ok();
    });
    socket.on(
        "join",
        async |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
            socket.join(room);
            ack.send(&true).ok();
        },
    );
    socket.on("cast", async |io: SocketIo, Data(x): Data<Value>| {
        io.emit("cast", &x).await.ok();
    });
    socket.on(
        "room",
        async |io: SocketIo, Data((room, x)): Data<(String, Value)>| {
            io.to(room).emit("cast", &x).await.ok();
        },
    );
}

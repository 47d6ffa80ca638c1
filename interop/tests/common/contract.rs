//! The contract of `interop/README.md` on our server.

use std::time::Duration;

use serde_json::json;
use socketio_server::{
    Ack, Args, ConnectError, DisconnectReason, Handshake, Namespace, Parser, RawArgs, Server,
    Socket, SocketId, Value,
};

/// A server that speaks it, by this parser.
pub(crate) fn contract(parser: Parser) -> Server {
    // a client that dies between two polls is missed by the heartbeat alone
    let server = Server::builder()
        .parser(parser)
        .allow_eio3(true)
        .ping_interval(Duration::from_secs(2))
        .ping_timeout(Duration::from_secs(5))
        .build();
    let root =
        handlers("/").on_disconnect(async |socket: Socket<Value>, reason: DisconnectReason| {
            let left = Args((socket.id(), reason.as_str()));
            socket.broadcast().emit("left", &left).unwrap();
        });
    server.mount(root).unwrap();
    server.mount(handlers("/custom")).unwrap();
    server
        .mount(Namespace::with_auth("/guarded", guard))
        .unwrap();
    server
}

async fn guard(handshake: Handshake) -> Result<(), ConnectError> {
    let auth: serde_json::Value = handshake.auth()?;
    if auth["token"] == "secret" {
        return Ok(());
    }
    let refused = ConnectError::new("unauthorized").data(&json!({ "code": 401 }));
    Err(refused.unwrap())
}

fn handlers(name: &'static str) -> Namespace<Value> {
    type Client = Socket<Value>;
    Namespace::with_auth(name, async |handshake: Handshake| handshake.auth())
        .on_connect(async |socket: Client| socket.emit("auth", socket.data()))
        .on("message", async |socket: Client, args: RawArgs| {
            socket.emit("message-back", &args).unwrap();
        })
        .on("message-with-ack", async |_: Client, args: RawArgs| {
            Ack(args)
        })
        .on("join", async |socket: Client, room: String| {
            socket.join(room);
        })
        .on("leave", async |socket: Client, room: String| {
            socket.leave(room);
        })
        .on(
            "room",
            async |socket: Client, args: Args<(String, Value)>| {
                let Args((room, payload)) = args;
                socket.to(room).emit("room", &payload).unwrap();
            },
        )
        .on("all", async |socket: Client, payload: Value| {
            socket.everyone().emit("all", &payload).unwrap();
        })
        .on("others", async |socket: Client, payload: Value| {
            socket.broadcast().emit("others", &payload).unwrap();
        })
        .on(
            "private",
            async |socket: Client, args: Args<(SocketId, Value)>| {
                let Args((to, payload)) = args;
                let private = Args((socket.id(), payload));
                socket.to(to).emit("private", &private).unwrap();
            },
        )
        .on("ask", async |socket: Client, question: Value| {
            let answer: Value = socket.emit_with_ack("question", &question).await.unwrap();
            Ack(answer)
        })
        .on("count", async |socket: Client, count: u32| {
            for n in 0..count {
                socket.emit("counted", &n).unwrap();
            }
        })
        .on("bye", async |socket: Client, _: RawArgs| {
            socket.disconnect();
        })
        .on("bye-all", async |socket: Client, _: RawArgs| {
            socket.disconnect_all();
        })
}

//! The server that load generators talk to: echo, rooms and broadcasts in the namespace `/`.

use std::process::ExitCode;

use examples::{BadSetting, bind, engine_options, ready, terminated};
use socketio_server::{
    Ack, Args, Incoming, Namespace, NoAck, Options, RawArgs, Server, Socket, Value,
};

fn main() -> ExitCode {
    examples::main(run())
}

async fn run() -> Result<(), BadSetting> {
    let options = engine_options(Options::default())?;
    let listener = bind().await?;
    let server = Server::builder().engine(options).build();
    let io = server.clone();
    let to_room = server.clone();
    let namespace = Namespace::new("/")
        .on_raw("echo", async |socket: Socket, event: Incoming| {
            let x: RawArgs = event.args().clone();
            if event.wants_ack() {
                return Ok(Ack(x));
            }
            socket.emit("echo", &x).ok();
            Err(NoAck)
        })
        .on("join", async |socket: Socket, room: String| {
            socket.join(room);
            Ack(true)
        })
        .on("cast", async move |_: Socket, payload: Value| {
            io.emit("cast", &payload).ok();
        })
        .on(
            "room",
            async move |_: Socket, Args((room, payload)): Args<(String, Value)>| {
                to_room.to(room).emit("cast", &payload).ok();
            },
        );
    server
        .mount(namespace)
        .map_err(|error| BadSetting::new("namespace", error))?;
    ready(&listener)?;
    let served = server.serve(listener, terminated()).await;
    served.map_err(|error| BadSetting::new("serve", error))
}

//! The server whose cost is watched while something grows: the events of `bench_server` in `/`, and many namespaces.

use std::process::ExitCode;

use examples::{BadSetting, bind, engine_options, ready, setting, terminated};
use socketio_server::{Ack, Args, Incoming, Limits, Namespace, Options, Server, Socket, Value};

fn main() -> ExitCode {
    examples::main(run())
}

async fn run() -> Result<(), BadSetting> {
    let options = engine_options(Options::default())?;
    let namespaces: usize = setting("NAMESPACES")?.unwrap_or(0);
    let listener = bind().await?;
    let server = Server::builder()
        .engine(options)
        .limits(Limits::default().namespaces(namespaces + 1))
        .build();
    let mut all = vec![hall(&server)];
    all.extend((0..namespaces).map(|number| echoing(&format!("/{number}"))));
    for namespace in all {
        server
            .mount(namespace)
            .map_err(|error| BadSetting::new("namespace", error))?;
    }
    ready(&listener)?;
    let served = server.serve(listener, terminated()).await;
    served.map_err(|error| BadSetting::new("serve", error))
}

fn echoing(name: &str) -> Namespace {
    Namespace::new(name.to_owned()).on_raw("echo", async |_: Socket, event: Incoming| {
        Ack(event.args().clone())
    })
}

fn hall(server: &Server) -> Namespace {
    let (to_all, to_room) = (server.clone(), server.clone());
    echoing("/")
        .on("join", async |socket: Socket, room: String| {
            socket.join(room);
            Ack(true)
        })
        .on("leave", async |socket: Socket, room: String| {
            socket.leave(room);
            Ack(true)
        })
        .on("cast", async move |_: Socket, payload: Value| {
            to_all.emit("cast", &payload).ok();
        })
        .on(
            "room",
            async move |_: Socket, Args((room, payload)): Args<(String, Value)>| {
                to_room.to(room).emit("cast", &payload).ok();
            },
        )
}

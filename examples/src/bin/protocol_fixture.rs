//! The Socket.IO server of the protocol's test suite: echoes events and acknowledgements.

use std::process::ExitCode;

use examples::{BadSetting, bind, engine_options, millis, ready, setting, terminated};
use socketio_server::{
    Ack, ConnectError, Handshake, Namespace, Options, Parser, RawArgs, Recovery, Server, Socket,
    Value,
};

fn main() -> ExitCode {
    examples::main(run())
}

async fn run() -> Result<(), BadSetting> {
    let mut builder = Server::builder().engine(engine_options(Options::default())?);
    if let Some(timeout) = millis("CONNECT_TIMEOUT_MS")? {
        builder = builder.connect_timeout(timeout);
    }
    match setting::<String>("PARSER")?.as_deref() {
        None | Some("json") => {}
        Some("msgpack") => builder = builder.parser(Parser::Msgpack),
        Some(other) => {
            return Err(BadSetting::new(
                "PARSER",
                format!("expected json or msgpack, not {other:?}"),
            ));
        }
    }
    if let Some(gap) = millis("RECOVERY_MS")?.filter(|gap| !gap.is_zero()) {
        builder = builder.recovery(Recovery::default().max_gap(gap));
    }
    let listener = bind().await?;
    let server = builder.build();
    for name in ["/", "/custom"] {
        server
            .mount(fixture(name))
            .map_err(|error| BadSetting::new("namespace", error))?;
    }
    ready(&listener)?;
    let served = server.serve(listener, terminated()).await;
    served.map_err(|error| BadSetting::new("serve", error))
}

async fn auth(handshake: Handshake) -> Result<Value, ConnectError> {
    handshake.auth()
}

fn fixture(name: &'static str) -> Namespace<Value> {
    Namespace::with_auth(name, auth)
        .on_connect(async |socket: Socket<Value>| socket.emit("auth", socket.data()))
        .on("message", async |socket: Socket<Value>, args: RawArgs| {
            socket.emit("message-back", &args).ok();
        })
        .on(
            "message-with-ack",
            async |_: Socket<Value>, args: RawArgs| Ack(args),
        )
}

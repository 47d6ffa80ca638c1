//! The answer to a typed event has the type of its contract.
use serde::{Deserialize, Serialize};
use socketio_server::{Namespace, Socket, event};

#[derive(Serialize, Deserialize)]
struct Add(u32, u32);
event!(Add => "add" -> u32);

fn main() {
    Namespace::new("/").handle(async |_: Socket, Add(a, b): Add| format!("{a} + {b}"));
}

//! A payload has to be readable.
use socketio_server::{Namespace, Socket};

struct Message;

fn main() {
    Namespace::new("/").on("message", async |_: Socket, _: Message| {});
}

//! A handler takes two arguments: who and what.
use socketio_server::{Namespace, Socket};

fn main() {
    Namespace::new("/").on("message", async |_: Socket| {});
}

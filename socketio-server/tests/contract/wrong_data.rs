//! The data of a socket is what the auth step returned.
use socketio_server::{Handshake, Namespace, Socket};

struct User;

fn main() {
    Namespace::with_auth("/", async |_: Handshake| Ok(User))
        .on("message", async |_: Socket<u32>, _: String| {});
}

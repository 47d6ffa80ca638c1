//! A handler may not keep what belongs to a thread across an await.
use std::rc::Rc;

use socketio_server::{Namespace, Socket};

fn main() {
    Namespace::new("/").on("message", async |_: Socket, _: String| {
        let kept = Rc::new(1);
        tokio::task::yield_now().await;
        drop(kept);
    });
}

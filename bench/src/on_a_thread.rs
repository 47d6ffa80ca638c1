//! A server on one thread of its own, for what is counted there.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use socketio_server::{Namespace, Options, Server};

/// Serves for as long as the process lives, and tells where. Everything of it runs on the new thread.
///
/// # Panics
/// Without a runtime or a port: there is nothing to count then.
#[must_use]
pub fn serve(namespace: impl FnOnce(&Server) -> Namespace + Send + 'static) -> SocketAddr {
    serve_with(Options::default(), namespace)
}

/// As [`serve`], with other settings.
///
/// # Panics
/// As [`serve`].
#[must_use]
pub fn serve_with(
    options: Options,
    namespace: impl FnOnce(&Server) -> Namespace + Send + 'static,
) -> SocketAddr {
    let (told, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let server = Server::builder().engine(options).build();
            server.mount(namespace(&server)).expect("the only one");
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
            let listener = listener.await.expect("a port");
            told.send(listener.local_addr().expect("an address")).ok();
            server.serve(listener, std::future::pending()).await
        })
    });
    address.recv().expect("a server")
}

//! Our server in the process of the test: started on a port, stopped, and asked what it has left open.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]
#![allow(dead_code, reason = "not every test uses everything")]

mod contract;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socketio_server::{Gauges, Parser, Server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) use contract::contract;

/// How long what clients leave behind may take to go. Chromium keeps its connections for a while.
const SETTLES: Duration = Duration::from_secs(15);

/// A server that is served. Dropping it ends it at once.
pub(crate) struct Served {
    runtime: Runtime,
    server: Server,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    start: Gauges,
}

impl Served {
    /// Serves the contract of `interop/README.md` on this port (0 picks a free one).
    pub(crate) fn contract(port: u16) -> Self {
        Self::contract_by(Parser::Json, port)
    }

    /// The same, by another parser.
    pub(crate) fn contract_by(parser: Parser, port: u16) -> Self {
        let server = contract(parser);
        Self::start(server.clone(), port, async move |listener, stop| {
            server.serve(listener, stop).await.unwrap();
        })
    }

    /// Serves what `serve` makes of a listener and the signal to stop.
    pub(crate) fn start<Serve, Fut>(server: Server, port: u16, serve: Serve) -> Self
    where
        Serve: FnOnce(TcpListener, Stop) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", port)))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let start = server.gauges();
        let (stop, stopped) = oneshot::channel();
        let stopped: Stop = Box::pin(async {
            stopped.await.ok();
        });
        let serving = {
            let _inside = runtime.enter();
            runtime.spawn(serve(listener, stopped))
        };
        Self {
            runtime,
            server,
            address,
            stop: Some(stop),
            serving,
            start,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Waits until there is no more open than before the first client came.
    pub(crate) fn settles(&self) {
        let deadline = Instant::now() + SETTLES;
        while self.server.gauges() != self.start {
            assert!(
                Instant::now() < deadline,
                "left open: {:?}, at the start: {:?}",
                self.server.gauges(),
                self.start
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops it gracefully; it must be quick about it, and leave no socket.
    pub(crate) fn stop(mut self) {
        drop(self.stop.take());
        let asked = Instant::now();
        self.runtime.block_on(&mut self.serving).unwrap();
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(6), "stopping took {took:?}");
        // a client that was about to upgrade does not poll any more: its closed session may still wait for that
        let left = self.server.gauges();
        assert_eq!((left.connections, left.sockets), (0, 0), "{left:?}");
        self.runtime.shutdown_background();
    }
}

/// Ready when a server shall stop.
pub(crate) type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

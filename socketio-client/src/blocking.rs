//! For programs without a runtime: [`Client`], over a [`Socket`] and a runtime of its own.
//!
//! ```no_run
//! use std::time::Duration;
//! use socketio_client::blocking::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::connect("http://localhost:3000/chat")?;
//! client.emit("hello", &"from a thread")?;
//! let sum: u32 = client.emit_with_ack("add", &socketio_client::Args((1, 2)))?;
//! while let Some(event) = client.recv_timeout(Duration::from_secs(60)) {
//!     println!("{} {:?}", event.name(), event.args());
//! }
//! # Ok(())
//! # }
//! ```

use std::io;
use std::time::Duration;

use socketio_proto::{Event, FromArgs, IntoArgs, SendError};
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use crate::error::{AckError, BuildError, ConnectFailed};
use crate::events::{Events, SocketEvent};
use crate::incoming::Incoming;
use crate::manager::Manager;
use crate::order::Order;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::sync::Arc;

/// A socket whose calls block. Its connection lives in one background thread, which also runs the
/// handlers of [`Client::socket`]. Not for use inside a runtime.
///
/// What happens is kept for [`Client::recv`] and its like, whether or not a handler hears of it:
/// who never calls them reads nothing more once [`Builder::max_inbox`](crate::Builder::max_inbox)
/// is reached, not even acks.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    events: Events,
    /// The last to go: what was sent leaves while it is there.
    runtime: Background,
}

/// The thread. It goes when what was sent has left.
#[derive(Debug)]
struct Background {
    runtime: Runtime,
    shared: Arc<Shared>,
}

impl Background {
    fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.shared.order(Order::Shutdown);
        let ended = self.shared.ended();
        self.wait_for(async { tokio::time::timeout(FAREWELL, ended).await.ok() });
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings are impossible.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The system gives no thread.
    #[error("no background thread: {0}")]
    Thread(#[from] io::Error),
    /// No connection came about.
    #[error(transparent)]
    Connect(#[from] ConnectFailed),
}

/// How long what was sent may take to leave when a client goes.
const FAREWELL: Duration = Duration::from_secs(10);

impl Client {
    /// Connects to the namespace that the URL's path names, with the default settings. A first
    /// attempt that fails is an error; later the connection comes back by itself.
    ///
    /// # Errors
    /// [`Error`].
    pub fn connect(url: &str) -> Result<Self, Error> {
        let client = Self::new(crate::io(url)?)?;
        client.start()?;
        Ok(client)
    }

    /// Makes a client of a socket that was set up but not connected: listeners, credentials.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub fn new(socket: Socket) -> Result<Self, Error> {
        let runtime = RuntimeBuilder::new_multi_thread()
            .worker_threads(1)
            .thread_name("socketio-client")
            .enable_all()
            .build()?;
        let events = socket.events();
        let shared = Arc::clone(socket.shared());
        Ok(Self {
            socket,
            events,
            runtime: Background { runtime, shared },
        })
    }

    /// Connects, and waits for the first attempt to succeed or fail. When it failed, nothing more
    /// is tried.
    ///
    /// # Errors
    /// Why it failed.
    pub fn start(&self) -> Result<(), ConnectFailed> {
        self.runtime.wait_for(async {
            let mut events = self.socket.events();
            let connecting = self.socket.connect();
            let failed = async {
                loop {
                    if let SocketEvent::ConnectFailed(error) = events.next().await {
                        return Err(error);
                    }
                }
            };
            let result = race(connecting, failed).await;
            if result.is_err() {
                self.socket.disconnect();
            }
            result
        })
    }

    /// The socket, for everything that does not wait: listeners, state, emits of other kinds.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// What carries it.
    #[must_use]
    pub fn manager(&self) -> Manager {
        self.socket.manager()
    }

    /// Sends an event. It waits while too much waits to be sent.
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.runtime.wait_for(self.socket.emit_ready());
        self.socket.emit(event, payload)
    }

    /// Sends an event and waits for the answer, for 30 s; see [`Socket::ack_timeout`].
    ///
    /// # Errors
    /// As [`Socket::emit_with_ack`].
    pub fn emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> Result<R, AckError> {
        self.runtime
            .wait_for(self.socket.emit_with_ack(event, payload))
    }

    /// Sends an event of a type that both ends share, and waits for its answer.
    ///
    /// # Errors
    /// As [`Client::emit_with_ack`].
    pub fn call<E: Event>(&self, event: &E) -> Result<E::Ack, AckError> {
        self.runtime.wait_for(self.socket.call(event))
    }

    /// Waits for the next event of the server, through reconnections.
    pub fn recv(&mut self) -> Incoming {
        self.runtime.wait_for(self.events.recv())
    }

    /// As [`Client::recv`], for that long.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Option<Incoming> {
        let events = &mut self.events;
        self.runtime
            .wait_for(async { tokio::time::timeout(timeout, events.recv()).await.ok() })
    }

    /// Waits for whatever happens next, as [`Events::next`].
    pub fn next_event(&mut self) -> SocketEvent {
        self.runtime.wait_for(self.events.next())
    }

    /// Disconnects, as dropping it does. What was sent before leaves first, within 10 s.
    pub fn disconnect(self) {}
}

/// The result of whichever ends first.
async fn race<T>(one: impl Future<Output = T>, two: impl Future<Output = T>) -> T {
    let (mut one, mut two) = (std::pin::pin!(one), std::pin::pin!(two));
    std::future::poll_fn(|cx| match one.as_mut().poll(cx) {
        std::task::Poll::Pending => two.as_mut().poll(cx),
        ready => ready,
    })
    .await
}

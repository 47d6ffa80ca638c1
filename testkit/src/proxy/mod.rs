//! [`Proxy`]: a TCP proxy that misbehaves on demand, between a real client and a real server.

mod connection;
mod mode;
mod pump;
mod script;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use mode::Chooser;
pub use mode::{Mode, Opening};
pub use script::{Direction, Harm, Place, Script};

/// What is done with the connections that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    Live,
    /// Nothing passes any more, in either direction.
    Stalled,
}

/// A proxy in front of one server. Connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    chooser: Mutex<Chooser>,
    /// Counts the cuts: connections of an earlier number end.
    cut: watch::Sender<(u64, Fate)>,
    open: AtomicUsize,
    traffic: Mutex<Vec<Arc<Traffic>>>,
    harms: Mutex<Vec<Instant>>,
}

/// The bytes of a connection that were let through.
#[derive(Debug, Default)]
struct Traffic {
    up: AtomicU64,
    down: AtomicU64,
}

impl Proxy {
    /// Listens on a free port of the loopback, in front of `upstream`.
    ///
    /// # Errors
    /// Those of binding.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            chooser: Mutex::new(Chooser::Always(Mode::Forward)),
            cut: watch::Sender::new((0, Fate::Live)),
            open: AtomicUsize::new(0),
            traffic: Mutex::default(),
            harms: Mutex::default(),
        });
        let acceptor = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let traffic = Arc::<Traffic>::default();
                    let number = {
                        let mut all = lock(&state.traffic);
                        all.push(Arc::clone(&traffic));
                        all.len() - 1
                    };
                    let fate = state.cut.subscribe();
                    let state = Arc::clone(&state);
                    let served = connection::serve(stream, number, upstream, state, traffic, fate);
                    tokio::spawn(served);
                }
            }
        });
        Ok(Self {
            address,
            state,
            acceptor,
        })
    }

    /// Where clients find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same, for those who dial by hand.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what is done with connections to come.
    pub fn set(&self, mode: Mode) {
        *lock(&self.state.chooser) = Chooser::Always(mode);
    }

    /// The same, for each by its number and the first line of its first request.
    pub fn choose(&self, choose: impl FnMut(&Opening) -> Mode + Send + 'static) {
        *lock(&self.state.chooser) = Chooser::ByOpening(Box::new(choose));
    }

    /// Ends all connections, by RST.
    pub fn cut(&self) {
        let next = |state: &mut (u64, Fate)| *state = (state.0 + 1, Fate::Live);
        self.state.cut.send_modify(next);
    }

    /// From now on nothing passes on the connections that are there, in either direction, until
    /// they are [cut](Proxy::cut).
    pub fn stall(&self) {
        self.state.cut.send_modify(|state| state.1 = Fate::Stalled);
    }

    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// Connections that were accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        lock(&self.state.traffic).len()
    }

    /// The bytes that were let through up and down, for each connection accepted so far.
    #[must_use]
    pub fn traffic(&self) -> Vec<(u64, u64)> {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        let all = lock(&self.state.traffic);
        all.iter()
            .map(|own| (read(&own.up), read(&own.down)))
            .collect()
    }

    /// When a [`Harm`] was done.
    #[must_use]
    pub fn harms(&self) -> Vec<Instant> {
        lock(&self.state.harms).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.cut();
    }
}

impl State {
    fn harmed(&self) {
        lock(&self.harms).push(Instant::now());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The client that was there before, and goes on while others attack.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::outcome::check;
use crate::peer::{PAUSE, Peer};
use crate::websocket::{WebSocket, upgrade};
use crate::{Failure, Outcome};

/// Pause between two echoes.
const PACE: Duration = Duration::from_millis(20);

/// An honest client in a thread of its own. Dropping it disconnects it.
pub(crate) struct Honest {
    shared: Arc<Shared>,
    /// Dropping it ends the thread.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    echoes: AtomicU64,
    worst_micros: AtomicU64,
    failure: Mutex<Option<Failure>>,
}

impl Honest {
    /// Connects; `limit` is how long an echo may take.
    pub(crate) fn start(address: SocketAddr, limit: Duration) -> Outcome<Self> {
        let mut client = connect(address, limit)?;
        echo(&mut client, 0)?;
        let shared = Arc::<Shared>::default();
        let (stop, stopped) = mpsc::channel();
        let kept = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let mut n = 0;
            while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                n += 1;
                if let Err(failure) = kept.probe(&mut client, n) {
                    *kept.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                    return;
                }
            }
        });
        Ok(Self {
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The worst time of an echo since the last call.
    pub(crate) fn take_worst(&self) -> Duration {
        Duration::from_micros(self.shared.worst_micros.swap(0, Ordering::SeqCst))
    }

    /// Waits for an echo that is asked for from now on.
    pub(crate) fn echoes(&self, limit: Duration) -> Outcome {
        let (asked, before) = (Instant::now(), self.shared.echoes.load(Ordering::SeqCst));
        // one may have been on its way
        while self.shared.echoes.load(Ordering::SeqCst) < before + 2 {
            self.is_well()?;
            check!(
                asked.elapsed() < limit + PACE * 2,
                "the honest client got no echo within {limit:?}"
            );
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    pub(crate) fn is_well(&self) -> Outcome {
        match &*self
            .shared
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
        {
            Some(failure) => Err(Failure::new(format!("the honest client: {failure}"))),
            None => Ok(()),
        }
    }
}

impl Drop for Honest {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Shared {
    fn probe(&self, client: &mut WebSocket, n: u64) -> Outcome {
        let asked = Instant::now();
        let echoed = echo(client, n);
        self.worst_micros
            .fetch_max(asked.elapsed().as_micros() as u64, Ordering::SeqCst);
        echoed?;
        self.echoes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A client that has joined the root namespace.
pub(crate) fn connect(address: SocketAddr, limit: Duration) -> Outcome<WebSocket> {
    let mut peer = Peer::connect(address)?;
    peer.patience = limit;
    peer.send(upgrade("/socket.io/?EIO=4&transport=websocket", ""))?;
    let mut client = WebSocket::new(peer)?;
    let open = client.text()?;
    check!(open.starts_with("0{"), "no open packet: {open}");
    client.join("/")?;
    Ok(client)
}

fn echo(client: &mut WebSocket, n: u64) -> Outcome {
    client.send(&format!(r#"42{n}["echo",{n}]"#))?;
    client.expect(&format!("43{n}[{n}]"))
}

/// Whether a client can come, be served and go within `limit`.
pub(crate) fn newcomer(address: SocketAddr, limit: Duration) -> Outcome {
    let asked = Instant::now();
    let come = || {
        let mut client = connect(address, limit)?;
        echo(&mut client, 1)?;
        client.send("1")?;
        client.closed()
    };
    come().map_err(|failure| Failure::new(format!("a new client: {failure}")))?;
    check!(
        asked.elapsed() < limit,
        "a new client took {:?}",
        asked.elapsed()
    );
    Ok(())
}

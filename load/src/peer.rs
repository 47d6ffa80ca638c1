//! One client, on its own connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use socketio_client::{
    Args, DisconnectReason, Manager, ManagerEvent, Reconnect, Socket, Transport, Value,
};
use testkit::ledger::hash;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Outcome;
use crate::life::Life;

const TEXT: &str = "the quick brown fox jumps over the lazy dog";
const ANSWER: Duration = Duration::from_secs(30);

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Polling,
    WebSocket,
    Upgrade,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Polling, Self::WebSocket, Self::Upgrade];

    pub(crate) fn of(n: usize) -> Self {
        Self::ALL.get(n % 3).copied().unwrap_or(Self::WebSocket)
    }
}

/// A client, and what it has seen.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) socket: Socket,
    manager: Manager,
    life: Arc<Mutex<Life>>,
    /// How often the transport became better.
    upgrades: watch::Receiver<u32>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peer {
    pub(crate) fn new(url: &str, way: Way) -> Outcome<Self> {
        let transports = match way {
            Way::Polling => vec![Transport::Polling],
            Way::WebSocket => vec![Transport::WebSocket],
            Way::Upgrade => vec![Transport::Polling, Transport::WebSocket],
        };
        let reconnect = Reconnect::default()
            .delay(Duration::from_millis(200))
            .delay_max(Duration::from_secs(2));
        let manager = Manager::builder(url)?
            .transports(transports)
            .reconnect(reconnect)
            .ack_timeout(ANSWER)
            .build()?;
        let (sender, upgrades) = watch::channel(0);
        manager.on_event(move |event| {
            if matches!(event, ManagerEvent::Upgraded { .. }) {
                sender.send_modify(|count| *count += 1);
            }
        });
        let socket = manager.socket("/")?;
        let life = Arc::new(Mutex::new(Life::default()));
        listen(&socket, &life);
        Ok(Self {
            socket,
            manager,
            life,
            upgrades,
        })
    }

    /// Connected.
    pub(crate) async fn connect(url: &str, way: Way) -> Outcome<Self> {
        let peer = Self::new(url, way)?;
        peer.socket.connect().await?;
        Ok(peer)
    }

    pub(crate) fn life(&self) -> MutexGuard<'_, Life> {
        lock(&self.life)
    }

    /// Waits until the WebSocket is all that is used.
    pub(crate) async fn upgraded(&self, limit: Duration) -> Outcome {
        let mut upgrades = self.upgrades.clone();
        tokio::time::timeout(limit, upgrades.wait_for(|count| *count > 0))
            .await
            .map_err(|_| "no upgrade in time")??;
        Ok(())
    }

    /// Sends the next event at once; the future ends with its answer.
    pub(crate) fn up(&self) -> impl Future<Output = Option<Duration>> + Send + use<> {
        let n = self.life().up(|n| digest(&content(n)));
        let payload = content(n);
        let start = Instant::now();
        let answer = self
            .socket
            .emit_with_ack::<Args<(u64, String, Value)>>("up", &payload);
        let life = Arc::clone(&self.life);
        async move {
            let answer = answer.await.ok();
            let told = answer.map(|Args((count, id, back))| (count, id, digest(&back)));
            let received = told.is_some();
            lock(&life).answered(n, told);
            received.then(|| start.elapsed())
        }
    }

    /// Says goodbye after asking the server what it has of this connection; what is wrong.
    pub(crate) async fn leave(self) -> Vec<String> {
        let totals = self.socket.emit_with_ack::<Args<(u64, u64)>>("totals", &0);
        // without an answer the connection broke right now, and what came before stands
        if let Ok(Args((ups, ticks))) = totals.await {
            self.life().totals(ups, ticks);
        }
        self.end().await;
        let life = std::mem::take(&mut *self.life());
        life.faults(|n| digest(&tick(n)))
    }

    /// Says goodbye.
    pub(crate) async fn end(&self) {
        self.socket.disconnect();
        self.manager.close();
        self.manager.closed().await;
    }
}

/// What the client sends as its `n`th event: each tenth is binary.
fn content(n: u64) -> Value {
    if n.is_multiple_of(10) {
        return Value::Binary(vec![n.to_le_bytes()[0]; 1024].into());
    }
    Value::from(TEXT)
}

/// What the server sends as its `n`th number.
fn tick(n: u64) -> Value {
    if n.is_multiple_of(10) {
        return Value::Binary(vec![7; 1024].into());
    }
    Value::from(TEXT)
}

fn digest(content: &Value) -> u64 {
    match content {
        Value::Binary(bytes) => hash(bytes),
        Value::String(text) => hash(text.as_bytes()),
        _ => 0,
    }
}

fn listen(socket: &Socket, life: &Arc<Mutex<Life>>) {
    let seen = Arc::clone(life);
    socket.on_connect(async move |socket: Socket, recovered| {
        let id = socket.id();
        lock(&seen).connected(id.as_ref().map_or("", |id| id.as_str()), recovered);
    });
    let seen = Arc::clone(life);
    socket.on_disconnect(async move |_: Socket, reason: DisconnectReason| {
        lock(&seen).disconnected(&reason.to_string());
    });
    let seen = Arc::clone(life);
    socket.on(
        "tick",
        async move |_: Socket, Args((n, content)): Args<(u64, Value)>| {
            lock(&seen).tick(n, digest(&content));
        },
    );
}

/// Keeps asking until it is aborted, and writes down how long the answers take.
pub(crate) async fn honest(
    url: String,
    pause: Duration,
    times: Arc<Mutex<Histogram<u64>>>,
) -> Outcome {
    let peer = Peer::connect(&url, Way::WebSocket).await?;
    let mut beat = tokio::time::interval(pause);
    loop {
        beat.tick().await;
        let took = peer.up().await.ok_or("an honest client got no answer")?;
        lock(&times).saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

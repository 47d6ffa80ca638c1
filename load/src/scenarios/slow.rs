//! Peers that are slow or do not read, beside honest ones.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hdrhistogram::Histogram;
use socketio_client::Args;
use testkit::Launch;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::idle::crowd;
use crate::peer::{Peer, Way, honest, lock};
use crate::report::{Report, histogram};
use crate::settings::Settings;
use crate::target::Target;
use crate::{Outcome, raw};

pub(crate) const READERS: &str = "a broadcast to many, some of whom stop reading\n\
               [clients=500 slow=50 rate=200 bytes=1000 seconds=40]";

/// How long a client that does not read may be kept: the rule's 10 s, and half as much again.
const SLOW_LIMIT: Duration = Duration::from_secs(15);

/// Honest clients that ask all the time.
pub(super) struct Honest {
    tasks: Vec<JoinHandle<Outcome>>,
    times: Arc<Mutex<Histogram<u64>>>,
}

impl Honest {
    pub(super) fn start(url: &str) -> Self {
        let times = Arc::new(Mutex::new(histogram()));
        let ask = |_| {
            let pause = Duration::from_millis(20);
            tokio::spawn(honest(url.to_owned(), pause, Arc::clone(&times)))
        };
        let tasks = (0..5).map(ask).collect();
        Self { tasks, times }
    }

    /// How long answers took since the last time.
    pub(super) fn so_far(&self) -> Histogram<u64> {
        std::mem::replace(&mut *lock(&self.times), histogram())
    }

    /// Whether all of them are still served.
    pub(super) fn end(self) -> bool {
        let served = self.tasks.iter().all(|task| !task.is_finished());
        self.tasks.iter().for_each(JoinHandle::abort);
        served
    }
}

pub(crate) async fn readers(mut settings: Settings, report: &mut Report) -> Outcome {
    let clients = settings.take("clients", 500_usize)?;
    let slow = settings.take("slow", 50_usize)?;
    let rate = settings.take("rate", 200_u64)?;
    let bytes = settings.take("bytes", 1000_usize)?;
    let seconds = settings.take("seconds", 40_u64)?;
    settings.done()?;

    let target = Target::start(|launch| launch)?;
    let url = format!("http://{}", target.address);
    let peers = crowd(&url, clients - slow).await?;
    let speaker = Peer::connect(&url, Way::WebSocket).await?;
    let asking = Honest::start(&url);
    let pause = 1000 / rate;
    speaker
        .socket
        .emit("cast", &Args((rate * 10, pause, bytes)))?;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let quiet = asking.so_far();
    let resident = target.resident()?;

    let mut stalled = JoinSet::new();
    for _ in 0..slow {
        stalled.spawn(raw::stalled(target.address));
    }
    let mut held = Vec::new();
    while let Some(stream) = stalled.join_next().await {
        held.push(stream??);
    }
    let present = target.gauge("present").await?;
    let start = Instant::now();
    speaker
        .socket
        .emit("cast", &Args((rate * seconds, pause, bytes)))?;
    let (mut peak, mut full, mut closed) = (0, None, None);
    while start.elapsed() < Duration::from_secs(seconds) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        peak = peak.max(target.resident()?);
        if full.is_none() && target.gauge("queued_bytes").await? > slow as u64 * (1 << 20) {
            full = Some(Instant::now());
        }
        if target.gauge("slow_consumers").await? == slow as u64 {
            closed = closed.or_else(|| Some(Instant::now()));
        }
    }
    let loud = asking.so_far();
    report.tell("deliveries a second", (clients as u64) * rate);
    report.times("answers to honest clients, all reading", &quiet);
    let bound = quiet.value_at_quantile(0.99) as f64 / 500.0;
    report.p99("answers while some do not read", &loud, bound);
    report.exactly(
        "closed as slow consumers",
        target.gauge("slow_consumers").await?,
        slow as u64,
    );
    report.exactly(
        "others lost",
        target.gauge("present").await? + slow as u64,
        present,
    );
    let took = closed
        .zip(full)
        .map_or(f64::MAX, |(closed, full)| (closed - full).as_secs_f64());
    report.at_most(
        "seconds from a full queue to the last close",
        (took * 10.0).round() / 10.0,
        SLOW_LIMIT.as_secs_f64(),
    );
    let budget = resident + slow as u64 * 1024;
    report.at_most("most resident, KiB", peak, budget + budget / 10);
    report.exactly("honest clients served", asking.end(), true);
    for peer in &peers {
        peer.end().await;
    }
    Ok(())
}

pub(crate) const DESCRIPTORS: &str =
    "more connections than the server may have descriptors [limit=200 clients=400 honest=100]";

pub(crate) async fn descriptors(mut settings: Settings, report: &mut Report) -> Outcome {
    let limit = settings.take("limit", 200_u32)?;
    let clients = settings.take("clients", 400_usize)?;
    let honest = settings.take("honest", 100_usize)?;
    settings.done()?;

    let target = Target::start(|launch| Launch {
        descriptors: Some(limit),
        ..launch
    })?;
    let url = format!("http://{}", target.address);
    let peers = crowd(&url, honest).await?;
    let asking = Honest::start(&url);
    let came = Arc::<AtomicBool>::default();
    let turned_away = Arc::<AtomicUsize>::default();
    let waiting: Vec<_> = (honest..clients)
        .map(|n| (n, Arc::clone(&came), Arc::clone(&turned_away)))
        .map(|(n, came, turned)| tokio::spawn(knock(n, target.address, came, turned)))
        .collect();
    // until nothing is accepted any more
    let mut used = 0;
    while target.process.descriptors()? != used {
        used = target.process.descriptors()?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (start, cpu) = (Instant::now(), target.process.cpu()?);
    asking.so_far();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let busy = (target.process.cpu()? - cpu).as_secs_f64() / start.elapsed().as_secs_f64();
    report.at_least("descriptors used", used, limit as usize - 1);
    report.p99("answers while nothing is accepted", &asking.so_far(), 50.0);
    report.at_most(
        "CPU of the server, % of a core",
        (busy * 1000.0).round() / 10.0,
        20.0,
    );
    report.at_least(
        "times that who came too late was turned away at once",
        turned_away.load(Ordering::SeqCst),
        clients - limit as usize,
    );
    came.store(false, Ordering::SeqCst);
    for peer in peers.iter().take(honest / 2) {
        peer.end().await;
    }
    let freed = Instant::now();
    while !came.load(Ordering::SeqCst) && freed.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    report.at_most(
        "seconds until a new one is served",
        freed.elapsed().as_secs_f64(),
        1.0,
    );
    report.exactly("honest clients served", asking.end(), true);
    waiting.iter().for_each(JoinHandle::abort);
    for peer in peers.iter().skip(honest / 2) {
        peer.end().await;
    }
    Ok(())
}

/// A client that tries until it is served, and stays. They try about twice a second, each at a time of its own.
async fn knock(
    n: usize,
    address: SocketAddr,
    came: Arc<AtomicBool>,
    turned_away: Arc<AtomicUsize>,
) -> Outcome {
    let mut stream = TcpStream::connect(address).await?;
    while raw::upgrade(&mut stream).await.is_err() {
        turned_away.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(400 + n as u64 % 200)).await;
        stream = TcpStream::connect(address).await?;
    }
    came.store(true, Ordering::SeqCst);
    raw::gone(
        &mut stream,
        Instant::now() + Duration::from_secs(3600),
        true,
    )
    .await;
    Ok(())
}

//! Peers that are slow or do not read, beside honest ones.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
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
use crate::report::{Report, histogram, progress};
use crate::settings::Settings;
use crate::target::Target;
use crate::{Outcome, raw};

pub(crate) const READERS: &str = "a broadcast to many, some of whom stop reading\n\
               [clients=500 slow=50 rate=200 bytes=1000 seconds=40]";
pub(crate) const CROWD: &str = "request heads, bodies and WebSockets that come to a halt, thousands of each\n\
               [clients=5000 stalled=5000]";

/// Heads that are opened before they must all have been accepted.
const LOT: usize = 500;
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

    fn so_far(&self) -> Histogram<u64> {
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

pub(crate) async fn stuck(mut settings: Settings, report: &mut Report) -> Outcome {
    let clients = settings.take("clients", 5000_usize)?;
    let stalled = settings.take("stalled", 5000_usize)?;
    settings.done()?;

    let target = Target::start(|launch| launch)?;
    let url = format!("http://{}", target.address);
    let before = target.open().await?;
    let asking = Honest::start(&url);
    let address = target.address;
    let mut heads = Vec::with_capacity(clients);
    while heads.len() < clients {
        let lot = LOT.min(clients - heads.len());
        heads.extend(opened(lot, || raw::slow_head(address)).await?);
        accepted(&target, heads.len()).await?;
    }
    count_gone(report, &asking, "heads", heads, 10, true).await;
    let bodies = opened(clients, || raw::slow_body(address)).await?;
    count_gone(report, &asking, "bodies", bodies, 20, true).await;
    let websockets = opened(stalled, || raw::stalled(address)).await?;
    let speaker = Peer::connect(&url, Way::WebSocket).await?;
    // 3 MB to everybody, in frames that all of them share: three times what may wait for ten seconds
    speaker.socket.emit("cast", &Args((120, 50, 25_000)))?;
    count_gone(report, &asking, "WebSockets", websockets, 12, false).await;
    speaker.end().await;
    report.exactly("honest clients served", asking.end(), true);
    report.tell("most resident, KiB", target.peak()?);
    let after = target.settled(before, Duration::from_secs(60)).await?;
    report.exactly(
        "open afterwards",
        format!("{after:?}"),
        format!("{before:?}"),
    );
    Ok(())
}

/// Waits until the server has accepted so many: a connection that finds no room to wait is tried again by the kernel, and
/// its time begins when it is accepted.
async fn accepted(target: &Target, count: usize) -> Outcome {
    let until = Instant::now() + Duration::from_secs(5);
    while target.gauge("connections").await? < count as u64 {
        if Instant::now() > until {
            return Err(format!("{count} connections are not accepted").into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

async fn opened<F>(count: usize, open: impl Fn() -> F) -> Outcome<Vec<TcpStream>>
where
    F: Future<Output = Outcome<TcpStream>> + Send + 'static,
{
    let (mut tasks, mut streams) = (JoinSet::new(), Vec::with_capacity(count));
    for _ in 0..count {
        if tasks.len() >= 100
            && let Some(stream) = tasks.join_next().await
        {
            streams.push(stream??);
        }
        tasks.spawn(open());
    }
    while let Some(stream) = tasks.join_next().await {
        streams.push(stream??);
    }
    Ok(streams)
}

/// Waits until the server has given them up, `seconds` and five after the last came.
async fn count_gone(
    report: &mut Report,
    asking: &Honest,
    what: &str,
    streams: Vec<TcpStream>,
    seconds: u64,
    reads: bool,
) {
    let count = streams.len();
    let start = Instant::now();
    let until = start + Duration::from_secs(seconds + 5);
    let mut tasks = JoinSet::new();
    for mut stream in streams {
        tasks.spawn(async move { raw::gone(&mut stream, until, reads).await });
    }
    let mut kept = 0;
    while let Some(gone) = tasks.join_next().await {
        kept += usize::from(!matches!(gone, Ok(true)));
    }
    let took = start.elapsed().as_secs_f64();
    progress(format!(
        "{count} {what}: all gone after {took:.1} s, but for {kept}"
    ));
    report.exactly(
        &format!("{what} of {count} kept after {} s", seconds + 5),
        kept,
        0,
    );
    report.p99(&format!("answers beside {what}"), &asking.so_far(), 50.0);
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
    let waiting: Vec<_> = (honest..clients)
        .map(|_| tokio::spawn(knock(target.address, Arc::clone(&came))))
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

/// A client that waits to be served, and stays.
async fn knock(address: SocketAddr, came: Arc<AtomicBool>) -> Outcome {
    let mut stream = TcpStream::connect(address).await?;
    raw::upgrade(&mut stream).await?;
    came.store(true, Ordering::SeqCst);
    raw::gone(
        &mut stream,
        Instant::now() + Duration::from_secs(3600),
        true,
    )
    .await;
    Ok(())
}

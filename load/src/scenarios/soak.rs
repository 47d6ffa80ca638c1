//! Mixed traffic for a long time, with clients that come and go and connections that break.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use socketio_client::{Args, Socket};
use testkit::{Proxy, Random};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::samples::{Samples, part};
use crate::Outcome;
use crate::peer::{Peer, Way, lock};
use crate::report::{Report, progress};
use crate::settings::Settings;
use crate::target::Target;

pub(crate) const HELP: &str = "mixed traffic over all transports, 1 % of the clients replaced a minute, a cut a second\n\
               [seconds=7200 clients=300 seed=1 beat_ms=500]";

/// What all clients share.
#[derive(Debug, Default)]
struct Tally {
    faults: Vec<String>,
    lives: u32,
    disconnects: u32,
    ups: usize,
    ticks: usize,
}

pub(crate) async fn run(mut settings: Settings, report: &mut Report) -> Outcome {
    let seconds = settings.take("seconds", 7200_u64)?;
    let clients = settings.take("clients", 300_usize)?;
    let seed = settings.take("seed", 1_u64)?;
    let beat = Duration::from_millis(settings.take("beat_ms", 500)?);
    settings.done()?;

    let target = Target::start(|launch| launch)?;
    let before = target.open().await?;
    let tally = Arc::<Mutex<Tally>>::default();
    let (stop, stopped) = watch::channel(false);
    let mut proxies = Vec::new();
    let mut tasks = Vec::new();
    for slot in 0..clients {
        let proxy = Arc::new(Proxy::start(target.address).await?);
        let chair = Chair {
            slot,
            url: proxy.url(),
            random: Random::new(seed ^ ((slot as u64) << 32)),
            beat,
            tally: Arc::clone(&tally),
        };
        tasks.push(tokio::spawn(chair.taken(stopped.clone())));
        proxies.push(proxy);
    }
    let (resident, cpu) = watch_server(&target, &proxies, &tally, seconds, seed).await?;
    stop.send(true)?;
    for task in tasks {
        task.await??;
    }
    let after = target.settled(before, Duration::from_secs(60)).await?;
    let tally = lock(&tally);
    for fault in tally.faults.iter().take(10) {
        progress(format!("fault: {fault}"));
    }
    report.tell("seed", seed);
    report.tell("lives of clients", tally.lives);
    report.at_least("connections that broke", tally.disconnects, 1);
    report.tell("events to the server, answered", tally.ups);
    report.tell("numbered events from the server", tally.ticks);
    report.exactly(
        "lost, doubled, reordered, not accounted",
        tally.faults.len(),
        0,
    );
    report.exactly("open afterwards", after, before);
    report.tell(
        "CPU of the server, % of a core",
        format!("{:.1}", cpu * 100.0),
    );
    report.tell("resident at the end, KiB", target.resident()?);
    let slope = resident.slope_per_hour() / 1024.0;
    report.at_most(
        "resident, second half, MiB an hour",
        (slope * 100.0).round() / 100.0,
        0.5,
    );
    Ok(())
}

/// Cuts a connection a second and reads the server's memory, until the time is up.
async fn watch_server(
    target: &Target,
    proxies: &[Arc<Proxy>],
    tally: &Mutex<Tally>,
    seconds: u64,
    seed: u64,
) -> Outcome<(Samples, f64)> {
    let mut random = Random::new(seed);
    let mut resident = Samples::new();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let (start, cpu) = (Instant::now(), target.process.cpu()?);
    for n in 0..seconds {
        second.tick().await;
        random.pick(proxies).cut();
        if n % 10 == 0 {
            resident.push(target.resident()?);
        }
        if n % 300 == 0 {
            let (faults, lives) = {
                let tally = lock(tally);
                (tally.faults.len(), tally.lives)
            };
            let kib = target.resident()?;
            let descriptors = target.process.descriptors()?;
            progress(format!(
                "{n} s: {kib} KiB, {descriptors} descriptors, {lives} lives, {faults} faults"
            ));
        }
    }
    let used = (target.process.cpu()? - cpu).as_secs_f64();
    Ok((resident, used / start.elapsed().as_secs_f64()))
}

/// A place that one client after another takes.
struct Chair {
    slot: usize,
    url: String,
    random: Random,
    beat: Duration,
    tally: Arc<Mutex<Tally>>,
}

impl Chair {
    async fn taken(mut self, mut stopped: watch::Receiver<bool>) -> Outcome {
        while !*stopped.borrow() {
            let peer = Peer::new(&self.url, *self.random.pick(&Way::ALL))?;
            let room = format!("room {}", self.slot / 10);
            let beat = u64::try_from(self.beat.as_millis())?;
            peer.socket.on_connect(async move |socket: Socket, _| {
                socket.emit("down", &Args((usize::MAX, beat))).ok();
                socket.emit("join", &room).ok();
            });
            peer.socket.connect().await?;
            // 1 % of all chairs in a minute
            let minutes = -100.0 * (1.0 - part(&mut self.random)).ln();
            let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
            self.talk(&peer, end, &mut stopped).await;
            self.goodbye(peer).await;
        }
        Ok(())
    }

    /// Until the time is up, or the run is. Who has asked waits for the answer in any case: the ledger would miss it.
    async fn talk(&mut self, peer: &Peer, end: Instant, stopped: &mut watch::Receiver<bool>) {
        let room = format!("room {}", self.slot / 10);
        while Instant::now() < end && !*stopped.borrow() {
            if peer.socket.is_connected() {
                peer.up().await;
            }
            if self.random.below(20) == 0 && peer.socket.is_connected() {
                peer.socket.volatile().emit("room", &Args((&room, 1))).ok();
            }
            let pause = self.beat.mul_f64(0.5 + part(&mut self.random));
            timeout(pause, stopped.wait_for(|stop| *stop)).await.ok();
        }
    }

    async fn goodbye(&self, peer: Peer) {
        let (ups, ticks) = peer.life().counts();
        let disconnects = peer.life().disconnects;
        let faults = peer.leave().await;
        let mut tally = lock(&self.tally);
        tally.lives += 1;
        tally.disconnects += disconnects;
        tally.ups += ups;
        tally.ticks += ticks;
        let slot = self.slot;
        tally.faults.extend(
            faults
                .into_iter()
                .map(|fault| format!("client {slot}: {fault}")),
        );
    }
}

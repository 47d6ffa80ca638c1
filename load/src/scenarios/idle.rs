//! Many connections that do nothing but answer pings.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::samples::Samples;
use crate::Outcome;
use crate::peer::{Peer, Way};
use crate::report::{Report, progress};
use crate::settings::Settings;
use crate::target::Target;

pub(crate) const HELP: &str =
    "WebSocket connections that only answer pings [seconds=1800 clients=15000]";

/// How many connect at the same time.
const AT_ONCE: usize = 100;
/// For the last connection to be closed.
const SETTLE: Duration = Duration::from_secs(5);

pub(crate) async fn run(mut settings: Settings, report: &mut Report) -> Outcome {
    let seconds = settings.take("seconds", 1800_u64)?;
    let clients = settings.take("clients", 15_000_usize)?;
    settings.done()?;

    let target = Target::start(|launch| launch)?;
    let url = format!("http://{}", target.address);
    let before = (target.open().await?, target.process.descriptors()?);
    let empty = target.resident()?;
    let peers = crowd(&url, clients).await?;
    let full = target.resident()?;
    progress(format!("{clients} are there, {full} KiB"));

    let mut resident = Samples::new();
    let (start, cpu) = (Instant::now(), target.process.cpu()?);
    while start.elapsed() < Duration::from_secs(seconds) {
        sleep(Duration::from_secs(10).min(Duration::from_secs(seconds))).await;
        resident.push(target.resident()?);
    }
    let used = (target.process.cpu()? - cpu).as_secs_f64();
    // Node's default interval
    let pings = start.elapsed().as_secs_f64() / 25.0 * clients as f64;
    let lost: u32 = peers.iter().map(|peer| peer.life().disconnects).sum();
    let each = (target.resident()? - empty) as f64 / clients as f64;
    report.tell("connections", clients);
    report.at_most(
        "resident for each, KiB",
        (each * 100.0).round() / 100.0,
        10.0,
    );
    report.at_most(
        "spread of it, %",
        (resident.spread() * 10_000.0).round() / 100.0,
        1.0,
    );
    report.exactly("connections that broke", lost, 0);
    report.tell("CPU for a ping, us", format!("{:.1}", used / pings * 1e6));
    for peer in &peers {
        peer.end().await;
    }
    let after = target.settled(before.0, Duration::from_secs(60)).await?;
    report.exactly("open afterwards", after, before.0);
    report.at_most(
        "descriptors afterwards",
        target.descriptors(before.1, SETTLE).await?,
        before.1,
    );
    report.tell("resident afterwards, KiB", target.resident()?);
    Ok(())
}

/// Clients over WebSocket.
pub(super) async fn crowd(url: &str, clients: usize) -> Outcome<Vec<Peer>> {
    let mut peers = Vec::with_capacity(clients);
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        if tasks.len() >= AT_ONCE
            && let Some(peer) = tasks.join_next().await
        {
            peers.push(peer??);
        }
        let url = url.to_owned();
        tasks.spawn(async move { Peer::connect(&url, Way::WebSocket).await });
    }
    while let Some(peer) = tasks.join_next().await {
        peers.push(peer??);
    }
    Ok(peers)
}

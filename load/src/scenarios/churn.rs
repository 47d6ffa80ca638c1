//! Connections that come and go, beside many that stay.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::idle::crowd;
use crate::Outcome;
use crate::peer::{Peer, Way};
use crate::report::{Report, histogram, progress};
use crate::settings::Settings;
use crate::target::Target;

pub(crate) const HELP: &str = "connects over long-polling that upgrade, say a word and go, beside clients that stay\n\
               [seconds=1800 rate=300 held=5000]";

const UPGRADE: Duration = Duration::from_secs(10);

pub(crate) async fn run(mut settings: Settings, report: &mut Report) -> Outcome {
    let seconds = settings.take("seconds", 1800_u64)?;
    let rate = settings.take("rate", 300_u64)?;
    let held = settings.take("held", 5000_usize)?;
    settings.done()?;

    let target = Target::start(|launch| launch)?;
    let url = format!("http://{}", target.address);
    let empty = (target.open().await?, target.process.descriptors()?);
    let stay = crowd(&url, held).await?;
    let before = target.settled(target.open().await?, UPGRADE).await?;
    let (descriptors, resident) = (target.process.descriptors()?, target.resident()?);
    let cpu = target.process.cpu()?;

    let mut times = histogram();
    let (mut done, mut failures) = (0_u64, Vec::new());
    let mut tasks = JoinSet::new();
    let mut beat = tokio::time::interval(Duration::from_micros(1_000_000 / rate));
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        beat.tick().await;
        tasks.spawn(visit(url.clone()));
        while let Some(visit) = tasks.try_join_next() {
            count(visit?, &mut times, &mut failures);
            done += 1;
            if done.is_multiple_of(rate * 60) {
                let kib = target.resident()?;
                progress(format!(
                    "{done} visits in {} s, {} failures, {kib} KiB",
                    start.elapsed().as_secs(),
                    failures.len()
                ));
            }
        }
    }
    while let Some(visit) = tasks.join_next().await {
        count(visit?, &mut times, &mut failures);
        done += 1;
    }
    let elapsed = start.elapsed().as_secs_f64();
    let used = (target.process.cpu()? - cpu).as_secs_f64();
    let after = target.settled(before, Duration::from_secs(60)).await?;
    for failure in failures.iter().take(5) {
        progress(format!("failure: {failure}"));
    }
    report.tell("visits", done);
    report.tell("a second", format!("{:.0}", done as f64 / elapsed));
    report.tell(
        "CPU of the server, % of a core",
        format!("{:.1}", used / elapsed * 100.0),
    );
    report.exactly("failures", failures.len(), 0);
    report.times("connect, upgrade, answer and goodbye", &times);
    report.exactly(
        "open after the visits",
        format!("{after:?}"),
        format!("{before:?}"),
    );
    report.at_most(
        "descriptors after the visits",
        target.descriptors(descriptors, UPGRADE).await?,
        descriptors,
    );
    report.tell("resident before the visits, KiB", resident);
    report.tell("resident after the visits, KiB", target.resident()?);
    for peer in &stay {
        peer.end().await;
    }
    let after = target.settled(empty.0, Duration::from_secs(60)).await?;
    report.exactly(
        "open when all have gone",
        format!("{after:?}"),
        format!("{:?}", empty.0),
    );
    report.at_most(
        "descriptors when all have gone",
        target.descriptors(empty.1, UPGRADE).await?,
        empty.1,
    );
    Ok(())
}

fn count(visit: Outcome<Duration>, times: &mut Histogram<u64>, failures: &mut Vec<String>) {
    match visit {
        Ok(took) => times.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
        Err(error) => failures.push(error.to_string()),
    }
}

async fn visit(url: String) -> Outcome<Duration> {
    let start = Instant::now();
    let peer = Peer::connect(&url, Way::Upgrade).await?;
    peer.upgraded(UPGRADE).await?;
    peer.up().await.ok_or("no answer")?;
    let faults = peer.leave().await;
    match faults.into_iter().next() {
        None => Ok(start.elapsed()),
        Some(fault) => Err(fault.into()),
    }
}

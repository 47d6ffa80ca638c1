//! Upgrades while both sides send.

use std::time::Duration;

use socketio_client::Args;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Outcome;
use crate::peer::{Peer, Way};
use crate::report::{Report, histogram, progress};
use crate::settings::Settings;
use crate::target::Target;

pub(crate) const HELP: &str =
    "clients that upgrade while both sides send all the time [upgrades=10000 at_once=50]";

const LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn run(mut settings: Settings, report: &mut Report) -> Outcome {
    let upgrades = settings.take("upgrades", 10_000_usize)?;
    let at_once = settings.take("at_once", 50_usize)?;
    settings.done()?;

    let target = Target::start(|launch| launch)?;
    let url = format!("http://{}", target.address);
    let before = target.open().await?;
    let (mut faults, mut times) = (Vec::new(), histogram());
    let (mut ups, mut ticks) = (0, 0);
    let mut tasks = JoinSet::new();
    let mut started = 0;
    while started < upgrades || !tasks.is_empty() {
        if started < upgrades && tasks.len() < at_once {
            started += 1;
            tasks.spawn(upgrade(url.clone()));
            continue;
        }
        let Some(done) = tasks.join_next().await else {
            break;
        };
        match done? {
            Ok(done) => {
                let micros = u64::try_from(done.took.as_micros()).unwrap_or(u64::MAX);
                times.saturating_record(micros);
                ups += done.ups;
                ticks += done.ticks;
                faults.extend(done.faults);
            }
            Err(error) => faults.push(error.to_string()),
        }
    }
    for fault in faults.iter().take(10) {
        progress(format!("fault: {fault}"));
    }
    report.tell("upgrades", times.len());
    report.tell("events to the server", ups);
    report.tell("events from the server", ticks);
    report.exactly("lost, doubled, reordered, not accounted", faults.len(), 0);
    report.times("from connect to upgraded", &times);
    let after = target.settled(before, Duration::from_secs(30)).await?;
    report.exactly("open afterwards", after, before);
    Ok(())
}

struct Done {
    took: Duration,
    ups: usize,
    ticks: usize,
    faults: Vec<String>,
}

async fn upgrade(url: String) -> Outcome<Done> {
    let peer = Peer::new(&url, Way::Upgrade)?;
    let start = Instant::now();
    peer.socket.connect().await?;
    peer.socket.emit("down", &Args((usize::MAX, 1)))?;
    let mut waiting = Vec::new();
    let took = {
        let mut upgraded = std::pin::pin!(peer.upgraded(LIMIT));
        loop {
            waiting.push(peer.up());
            tokio::select! {
                done = &mut upgraded => {
                    done?;
                    break start.elapsed();
                }
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
    };
    for _ in 0..10 {
        waiting.push(peer.up());
    }
    let mut faults = Vec::new();
    for answer in waiting {
        if Box::pin(answer).await.is_none() {
            faults.push("an event got no answer".to_owned());
        }
    }
    let (ups, ticks) = peer.life().counts();
    faults.extend(peer.leave().await);
    Ok(Done {
        took,
        ups,
        ticks,
        faults,
    })
}

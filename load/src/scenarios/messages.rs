//! Numbered messages both ways at full speed, over all transports, and one burst.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use socketio_client::Args;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::peer::{Peer, Way};
use crate::report::{Report, progress};
use crate::settings::Settings;
use crate::target::Target;

pub(crate) const HELP: &str = "numbered events with acks, text and binary, both ways, on all transports\n\
               [clients=1000 messages=1000]";
pub(crate) const BURST: &str = "one handler emits without a pause to one client [messages=10000]";

/// Acks that a client waits for at a time.
const DEPTH: usize = 8;
const LIMIT: Duration = Duration::from_secs(600);

pub(crate) async fn run(mut settings: Settings, report: &mut Report) -> Outcome {
    let clients = settings.take("clients", 1000_usize)?;
    let messages = settings.take("messages", 1000_usize)?;
    settings.done()?;

    let target = Target::start(|launch| launch)?;
    let url = format!("http://{}", target.address);
    let before = target.open().await?;
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for n in 0..clients {
        let url = url.clone();
        tasks.spawn(async move {
            let peer = Peer::connect(&url, Way::of(n)).await?;
            talk(peer, messages).await
        });
    }
    let (mut faults, mut unanswered) = (Vec::new(), 0);
    while let Some(talk) = tasks.join_next().await {
        let (wrong, silent) = talk??;
        faults.extend(wrong);
        unanswered += silent;
    }
    let seconds = start.elapsed().as_secs_f64();
    for fault in faults.iter().take(10) {
        progress(format!("fault: {fault}"));
    }
    let total = clients * messages;
    report.tell("events each way", total);
    report.tell("seconds", format!("{seconds:.1}"));
    report.exactly("without an answer", unanswered, 0);
    report.exactly("lost, doubled, reordered, not accounted", faults.len(), 0);
    let after = target.settled(before, Duration::from_secs(30)).await?;
    report.exactly("open afterwards", after, before);
    report.tell("most resident, KiB", target.peak()?);
    Ok(())
}

/// Sends and receives that many; what is wrong, and how many got no answer.
async fn talk(peer: Peer, messages: usize) -> Outcome<(Vec<String>, usize)> {
    peer.socket.emit("down", &Args((messages, 0)))?;
    let mut waiting = VecDeque::with_capacity(DEPTH);
    let mut silent = 0;
    for _ in 0..messages {
        waiting.push_back(Box::pin(peer.up()));
        if waiting.len() == DEPTH
            && let Some(oldest) = waiting.pop_front()
        {
            silent += usize::from(oldest.await.is_none());
        }
    }
    for answer in waiting {
        silent += usize::from(answer.await.is_none());
    }
    let ticks = arrived(&peer, messages).await;
    let mut faults = peer.leave().await;
    if ticks != messages {
        faults.push(format!("{ticks} of {messages} came"));
    }
    Ok((faults, silent))
}

/// Waits for that many numbers; how many came.
async fn arrived(peer: &Peer, messages: usize) -> usize {
    let start = Instant::now();
    loop {
        let ticks = peer.life().ticks_here();
        if ticks >= messages || start.elapsed() > LIMIT {
            return ticks;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn burst(mut settings: Settings, report: &mut Report) -> Outcome {
    let messages = settings.take("messages", 10_000_usize)?;
    settings.done()?;
    let target = Target::start(|launch| launch)?;
    let url = format!("http://{}", target.address);
    for way in Way::ALL {
        let peer = Peer::connect(&url, way).await?;
        peer.socket.emit("burst", &messages)?;
        let came = arrived(&peer, messages).await;
        let faults = peer.leave().await;
        report.exactly(&format!("{way:?}: events that came"), came, messages);
        report.exactly(&format!("{way:?}: faults"), faults.len(), 0);
    }
    Ok(())
}

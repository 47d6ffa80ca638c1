//! One message to a room that everybody is in, and how long until all have it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use socketio_client::{Args, Socket, Value};

use super::idle::crowd;
use crate::Outcome;
use crate::peer::lock;
use crate::report::{Report, histogram};
use crate::settings::Settings;
use crate::target::Target;

pub(crate) const HELP: &str = "a message a second to a room that everybody is in; when each has it [clients=10000 messages=60]";

const ROOM: &str = "everybody";

pub(crate) async fn run(mut settings: Settings, report: &mut Report) -> Outcome {
    let clients = settings.take("clients", 10_000_usize)?;
    let messages = settings.take("messages", 60_u64)?;
    settings.done()?;

    let target = Target::start(|launch| launch)?;
    let peers = crowd(&format!("http://{}", target.address), clients).await?;
    let times = Arc::new(Mutex::new(histogram()));
    let came = Arc::<AtomicU64>::default();
    let epoch = Instant::now();
    let sent = Arc::<AtomicU64>::default();
    for peer in &peers {
        let (times, came, sent) = (Arc::clone(&times), Arc::clone(&came), Arc::clone(&sent));
        peer.socket.on("cast", async move |_: Socket, _: Value| {
            let now = micros(epoch.elapsed());
            let took = now.saturating_sub(sent.load(Ordering::SeqCst));
            lock(&times).saturating_record(took);
            came.fetch_add(1, Ordering::SeqCst);
        });
    }
    for peer in &peers {
        let joined = peer.socket.emit_with_ack::<Value>("join", &ROOM);
        joined.await?;
    }
    let speaker = peers.first().ok_or("no clients")?;
    let payload = "x".repeat(100);
    let mut late = 0;
    for n in 1..=messages {
        sent.store(micros(epoch.elapsed()), Ordering::SeqCst);
        speaker.socket.emit("room", &Args((ROOM, &payload)))?;
        let all = n * clients as u64;
        let start = Instant::now();
        while came.load(Ordering::SeqCst) < all && start.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        late += u64::from(came.load(Ordering::SeqCst) != all);
        tokio::time::sleep(Duration::from_secs(1).saturating_sub(start.elapsed())).await;
    }
    report.tell("clients", clients);
    report.exactly("messages that somebody did not get", late, 0);
    let times = lock(&times).clone();
    report.p99("from the emit to a client's handler", &times, 500.0);
    for peer in &peers {
        peer.end().await;
    }
    Ok(())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

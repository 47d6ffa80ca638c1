//! F19: SIGTERM under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use socketio_client::{Reconnect, Transport};
use testkit::Signal;
use testkit::ledger::{Promise, Record, Side, What};
use tokio::task::JoinSet;

use super::{ended, start, within};
use crate::book::{Book, Who, judge};
use crate::talk::{Client, How, PAUSE, Wish};
use crate::{Failure, Outcome, Plan};

/// How long the server may take.
const EXIT: Duration = Duration::from_secs(6);
/// What every client has received when it comes.
const FIRST: u64 = 20;

/// Every client reads all that was sent to it, and a reason; the server ends in time.
pub(crate) async fn run(plan: &Plan) -> Outcome<String> {
    let (rounds, clients) = if plan.full { (20, 200) } else { (1, 60) };
    let (mut latest, mut sent) = (Duration::ZERO, 0);
    for round in 0..rounds {
        let seed = plan.seed + round;
        let (took, messages) = terminated(plan, seed, clients)
            .await
            .map_err(|failure| Failure::new(format!("seed {seed}: {failure}")))?;
        (latest, sent) = (latest.max(took), sent + messages);
    }
    Ok(format!(
        "{rounds} times with {clients} clients: {sent} messages of the server, none missing, exit within {latest:.1?}"
    ))
}

async fn terminated(plan: &Plan, seed: u64, count: u32) -> Outcome<(Duration, usize)> {
    let book = Arc::new(Book::new());
    let running = start(plan, &book, &[]).await?;
    let url = format!("http://{}", running.address);
    let mut clients = Vec::new();
    let mut talking = JoinSet::new();
    for client in 0..count {
        let wish = Wish {
            who: Who {
                client,
                connection: 0,
            },
            messages: u64::MAX,
            seed: seed + u64::from(client),
            binary: true,
        };
        let transport = match client % 2 {
            0 => Transport::Polling,
            _ => Transport::WebSocket,
        };
        let how = How {
            transports: vec![transport],
            reconnect: Reconnect::never(),
            ..How::sending(u64::MAX)
        };
        let client = Client::new(&book, wish, how);
        let socket = client.socket(&url)?;
        drop(socket.connect());
        let talker = Arc::clone(&client);
        talking.spawn(async move { talker.talk(&socket, PAUSE * 8).await });
        clients.push(client);
    }
    for client in &clients {
        let first = async {
            while client.received() < FIRST {
                client.changes().await;
            }
        };
        within("the first messages", first).await?;
    }
    let asked = Instant::now();
    running.signal(Signal::TERM)?;
    ended(running, EXIT).await?;
    let took = asked.elapsed();
    for client in &clients {
        within("a client's disconnect", client.is_down()).await?;
    }
    talking.shutdown().await;
    let lines = book.take();
    let of_server: Vec<Record> = lines
        .iter()
        .filter(|line| match line.what {
            What::Sent { .. } | What::Refused { .. } => line.side == Side::Server,
            What::Received { .. } => line.side == Side::Client,
            // for those who read the lines
            _ => true,
        })
        .cloned()
        .collect();
    let about = |client| format!("polling: {}", client % 2 == 0);
    judge(&of_server, &[Promise::P0], about)?;
    judge(&lines, &[Promise::P2, Promise::P8], about)?;
    let told = |line: &&Record| {
        line.side == Side::Client && matches!(line.what, What::Disconnected { .. })
    };
    let told = lines.iter().filter(told).count();
    if told != clients.len() {
        return Err(Failure::new(format!("{told} of {count} clients were told")));
    }
    Ok((took, of_server.len() / 2))
}

//! F3: SIGKILL, and a new server on the same port.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socketio_client::{Reconnect, Transport};
use testkit::Signal;
use testkit::ledger::{Promise, Record, Side, What};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::lateness::Lateness;
use super::{bury, start, within};
use crate::book::{Book, Who, judge};
use crate::talk::{Client, How, Wish};
use crate::{Failure, Outcome, Plan};

/// How long the server is away.
const AWAY: Duration = Duration::from_millis(2000);
/// All clients are back after this time.
const BACK: Duration = Duration::from_secs(15);
/// In no time as long as this, more than a tenth of all clients try again.
const WINDOW: Duration = Duration::from_millis(100);
const ACK_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest pause between two messages of a client, in microseconds.
const PAUSE: u64 = 1_000_000;

/// All clients come back, spread over time, with other ids; a fourth of them sends again what was not answered.
pub(crate) async fn run(plan: &Plan) -> Outcome<String> {
    let (kills, count) = if plan.full { (10, 2000) } else { (1, 120) };
    let book = Arc::new(Book::new());
    let mut running = start(plan, &book, &[]).await?;
    let port = running.address.port().to_string();
    let url = format!("http://{}", running.address);
    // whoever drops a socket puts an end to it
    let (mut clients, mut sockets) = (Vec::new(), Vec::new());
    let mut talking = JoinSet::new();
    for client in 0..count {
        let wish = Wish {
            who: Who {
                client,
                connection: 0,
            },
            messages: 4,
            seed: plan.seed + u64::from(client),
            binary: true,
        };
        let transport = match client % 2 {
            0 => Transport::Polling,
            _ => Transport::WebSocket,
        };
        let how = How {
            transports: vec![transport],
            reconnect: Reconnect::default(),
            retries: client.is_multiple_of(4).then_some(ACK_TIMEOUT),
            ..How::sending(u64::MAX)
        };
        let client = Client::new(&book, wish, how);
        let socket = client.socket(&url)?;
        drop(socket.connect());
        sockets.push(socket.clone());
        let talker = Arc::clone(&client);
        talking.spawn(async move { talker.talk(&socket, PAUSE).await });
        clients.push(client);
    }
    everybody(&clients, true, &book).await?;
    let (mut slowest, mut densest, mut latest) = (Duration::ZERO, 0, Duration::ZERO);
    for kill in 1..=kills {
        running.signal(Signal::KILL)?;
        drop(running);
        everybody(&clients, false, &book).await?;
        bury(&book.lines(), &book);
        let lateness = Lateness::watch();
        sleep(AWAY).await;
        let begun = Instant::now();
        running = start(plan, &book, &[("PORT", port.clone())]).await?;
        everybody(&clients, true, &book).await?;
        let took = begun.elapsed();
        slowest = slowest.max(took);
        let most = most_at_once(clients.iter().map(|client| client.tried()));
        densest = densest.max(most);
        let (seed, late) = (plan.seed, lateness.most());
        latest = latest.max(late);
        if took > BACK || most > allowed(plan, clients.len(), late) {
            return Err(Failure::new(format!(
                "seed {seed}, kill {kill}: all back after {took:?}, {most} of {count} tried within {WINDOW:?}, \
                 timers were late by {late:.1?}"
            )));
        }
    }
    talking.shutdown().await;
    drop(running);
    everybody(&clients, false, &book).await?;
    drop(sockets);
    let repeated: usize = clients.iter().map(|client| client.repeated_ids()).sum();
    if repeated > 0 {
        return Err(Failure::new(format!("{repeated} ids came twice")));
    }
    bury(&book.lines(), &book);
    judged(&book.take())?;
    Ok(format!(
        "{kills} kills with {count} clients: all back within {slowest:.1?}, at most {densest} of them tried in {WINDOW:?}, \
         timers late by {latest:.1?} at most, all with new ids"
    ))
}

fn judged(lines: &[Record]) -> Outcome {
    let about = |client| format!("polling: {}, retries: {}", client % 2 == 0, client % 4 == 0);
    let (retrying, once): (Vec<Record>, Vec<Record>) =
        lines.iter().cloned().partition(|line| line.client % 4 == 0);
    judge(&once, &[Promise::P2, Promise::P8], about)?;
    // what was under way when the run ended was never answered
    let mut ended: BTreeMap<(u32, u64), bool> = BTreeMap::new();
    for line in &retrying {
        match line.what {
            What::AckWaited { id } => drop(ended.insert((line.client, id), false)),
            What::AckEnded { id, .. } => drop(ended.insert((line.client, id), true)),
            _ => {}
        }
    }
    let known = |line: &&Record| match line.what {
        What::AckWaited { id } => ended.get(&(line.client, id)) == Some(&true),
        What::Sent { seq, .. } | What::Received { seq, .. } => {
            let of_client = (line.side == Side::Client) == matches!(line.what, What::Sent { .. });
            !of_client || ended.get(&(line.client, seq)) == Some(&true)
        }
        _ => true,
    };
    let retrying: Vec<Record> = retrying.iter().filter(known).cloned().collect();
    let p3 = Promise::P3 {
        ack_timeout: ACK_TIMEOUT,
    };
    judge(&retrying, &[p3, Promise::P8], about)
}

/// Until all of them are connected, or none.
async fn everybody(clients: &[Arc<Client>], up: bool, book: &Book) -> Outcome {
    for (number, client) in (0..).zip(clients) {
        let state = async {
            while client.is_up() != up {
                client.changes().await;
            }
        };
        within("all clients", state)
            .await
            .map_err(|failure| Failure::new(format!("{failure}{}", book.tell(number))))?;
    }
    Ok(())
}

/// How many may try within a window. When timers were late, what was to begin in a longer time began in one window.
fn allowed(plan: &Plan, clients: usize, late: Duration) -> usize {
    let tenth = (clients / 10) as f64 * (WINDOW + late).div_duration_f64(WINDOW);
    // few are close together by chance
    (if plan.full { tenth } else { 2.0 * tenth }) as usize
}

/// The most of the attempts that brought the clients back, within one window.
///
/// When they began is for the clients to say; when they succeeded is for the machine, which does them one after the other.
fn most_at_once(attempts: impl Iterator<Item = Duration>) -> usize {
    let mut times: Vec<Duration> = attempts.collect();
    times.sort_unstable();
    let within = |(at, first): (usize, &Duration)| {
        let rest = times.iter().skip(at);
        rest.take_while(|time| **time < *first + WINDOW).count()
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}

//! F18: SIGSTOP for longer than the heartbeat lets anybody be silent, then SIGCONT.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use testkit::ledger::{Promise, Record, Side, What};
use testkit::{Random, Signal, ms};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{start, within};
use crate::book::{Book, Who, judge};
use crate::talk::Wish;
use crate::upgrades::{Http, RawSocket, opening};
use crate::{Failure, Outcome, Plan};

const INTERVAL: Duration = ms(400);
const TIMEOUT: Duration = ms(2000);
/// Clients that live through it, and clients that die meanwhile.
const LIVING: u32 = 60;
const DYING: u32 = 12;

/// How a run is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Pongs are held back for as long as is allowed, so that many are due.
    Before,
    Stopped,
    /// Pongs come at once.
    After,
    Over,
}

/// Whoever answers lives on; whoever died meanwhile is found out.
pub(crate) async fn run(plan: &Plan) -> Outcome<String> {
    let (rounds, frozen) = if plan.full {
        (5, Duration::from_secs(20))
    } else {
        (1, Duration::from_secs(4))
    };
    let mut due = 0;
    for round in 0..rounds {
        let seed = plan.seed + round;
        due += stopped(plan, seed, frozen)
            .await
            .map_err(|failure| Failure::new(format!("seed {seed}: {failure}")))?;
    }
    Ok(format!(
        "{rounds} times {frozen:?} with {LIVING} clients, {due} of which owed a pong: none lost; {DYING} that died were \
         found out"
    ))
}

async fn stopped(plan: &Plan, seed: u64, frozen: Duration) -> Outcome<usize> {
    let book = Arc::new(Book::new());
    let settings = [
        ("PING_INTERVAL_MS", INTERVAL.as_millis().to_string()),
        ("PING_TIMEOUT_MS", TIMEOUT.as_millis().to_string()),
    ];
    let running = start(plan, &book, &settings).await?;
    let phase = watch::Sender::new(Phase::Before);
    let owing = watch::Sender::new(BTreeSet::new());
    let pinged = watch::Sender::new(0);
    let mut clients = JoinSet::new();
    for number in 0..LIVING + DYING {
        let client = Client {
            number,
            dies: number >= LIVING,
            address: running.address,
            phase: phase.subscribe(),
            owing: owing.clone(),
            pinged: pinged.clone(),
            random: Random::new(seed + u64::from(number)),
        };
        clients.spawn(client.run());
    }
    // every client has been through a heartbeat or two
    let many = |count: &u32| *count >= 2 * (LIVING + DYING);
    within("heartbeats", pinged.subscribe().wait_for(many))
        .await?
        .ok();
    running.signal(Signal::STOP)?;
    phase.send_replace(Phase::Stopped);
    let due = owing.borrow().range(..LIVING).count();
    sleep(frozen).await;
    running.signal(Signal::CONT)?;
    phase.send_replace(Phase::After);
    // the dead are found out, and then everybody else has been through more heartbeats
    let dead = async {
        while gone(&book.lines()).len() < usize::try_from(DYING).unwrap_or(0) {
            sleep(ms(20)).await;
        }
    };
    within("the dead are found out", dead).await?;
    let now = *pinged.borrow();
    let more = |count: &u32| *count >= now + 3 * LIVING;
    within("heartbeats", pinged.subscribe().wait_for(more))
        .await?
        .ok();
    let gone = gone(&book.lines());
    phase.send_replace(Phase::Over);
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    if let Some(lost) = gone.iter().find(|client| **client < LIVING) {
        let lines = book.tell(*lost);
        return Err(Failure::new(format!(
            "client {lost} answered and was given up: {gone:?}{lines}"
        )));
    }
    drop(running);
    let of_server: Vec<Record> = book.take();
    let known: Vec<Record> = of_server
        .into_iter()
        .filter(|line| line.client >= LIVING)
        .collect();
    judge(&known, &[Promise::P8], |client| {
        format!("dies: {}", client >= LIVING)
    })?;
    Ok(due)
}

/// Clients whose end the server has told.
fn gone(lines: &[Record]) -> BTreeSet<u32> {
    let ends = lines
        .iter()
        .filter(|line| line.side == Side::Server && matches!(line.what, What::Disconnected { .. }));
    ends.map(|line| line.client).collect()
}

struct Client {
    number: u32,
    dies: bool,
    address: SocketAddr,
    phase: watch::Receiver<Phase>,
    owing: watch::Sender<BTreeSet<u32>>,
    pinged: watch::Sender<u32>,
    random: Random,
}

impl Client {
    async fn run(mut self) -> Outcome {
        let wish = Wish {
            who: Who {
                client: self.number,
                connection: 1,
            },
            messages: 0,
            seed: 0,
            binary: false,
        };
        let connect = format!("40{}", serde_json::to_string(&wish)?);
        let mut over = self.phase.clone();
        let living = async {
            match self.number % 2 {
                0 => self.on_websocket(&connect).await,
                _ => self.on_polling(&connect).await,
            }
        };
        tokio::select! {
            ended = living => ended,
            _ = over.wait_for(|phase| *phase == Phase::Over) => Ok(()),
        }
    }

    async fn on_websocket(&mut self, connect: &str) -> Outcome {
        let mut socket = RawSocket::connect(self.address).await?;
        socket.write(opening().as_bytes()).await?;
        if !socket.answered().await? {
            return Err(Failure::new("no WebSocket"));
        }
        socket.send(connect).await?;
        while let Some(text) = socket.text().await? {
            if text == "2" && self.answers().await {
                socket.send("3").await?;
                self.answered();
            }
        }
        self.has_ended()
    }

    async fn on_polling(&mut self, connect: &str) -> Outcome {
        let (mut gets, mut posts) = (
            Http::connect(self.address).await?,
            Http::connect(self.address).await?,
        );
        let (_, open) = gets.request("GET", "", "").await?;
        let sid = open.split('"').nth(3).unwrap_or_default();
        let query = format!("&sid={sid}");
        posts.request("POST", &query, connect).await?;
        loop {
            let (status, body) = gets.request("GET", &query, "").await?;
            if status != 200 || body.split('\x1e').any(|packet| packet == "1") {
                return self.has_ended();
            }
            if body.split('\x1e').any(|packet| packet == "2") && self.answers().await {
                let (status, _) = posts.request("POST", &query, "3").await?;
                if status != 200 {
                    return self.has_ended();
                }
                self.answered();
            }
        }
    }

    /// Owes a pong; waits until it is to be given. A dead client never does.
    async fn answers(&mut self) -> bool {
        let number = self.number;
        self.owing.send_modify(|owing| owing.extend([number]));
        let most = u64::try_from(TIMEOUT.as_millis()).unwrap_or(0) * 3 / 4;
        let held_back = Duration::from_millis(self.random.below(most));
        let not_before = |phase: &Phase| *phase != Phase::Before;
        tokio::select! {
            () = sleep(held_back) => {}
            _ = self.phase.wait_for(not_before) => {}
        }
        !self.dies || *self.phase.borrow() == Phase::Before
    }

    fn answered(&self) {
        let others = |own: &u32| *own != self.number;
        self.owing.send_modify(|owing| owing.retain(others));
        self.pinged.send_modify(|count| *count += 1);
    }

    fn has_ended(&self) -> Outcome {
        if self.dies {
            return Ok(());
        }
        let number = self.number;
        Err(Failure::new(format!("client {number} was put out")))
    }
}

//! F20: an upgrade is interrupted at each step, in each way, with traffic both ways.

mod case;
mod climb;
mod http;
mod ours;
mod peer;
mod socket;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socketio_server::Server;
use testkit::ledger::{Promise, Record};
use testkit::ms;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::case::{Case, Fault, cases};
use self::climb::{Climbed, climb};
pub(crate) use self::http::Http;
use self::peer::Peer;
pub(crate) use self::socket::{RawSocket, opening};
use crate::book::{Book, Who, judge};
use crate::present::Present;
use crate::talk::{self, Wish};
use crate::{Failure, Outcome, Plan};

/// Interval and timeout, where a session is to end by them.
const HEARTBEAT: Duration = ms(600);
/// How long a probe may take.
const UPGRADE_TIMEOUT: Duration = ms(1200);
/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_secs(60);
const AT_ONCE: usize = 40;
/// Cases that are judged together.
const BATCH: usize = 360;
/// Seeds of a whole run, and of a short one.
const SEEDS: u64 = 50;
const SHORT: u64 = 2;

/// Who is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    ByHand,
    Ours,
}

/// Runs all cases with a client that is written by hand.
pub(crate) async fn by_hand(plan: &Plan) -> Outcome<String> {
    run(Client::ByHand, plan).await
}

/// Runs all cases with our client behind the proxy.
pub(crate) async fn ours(plan: &Plan) -> Outcome<String> {
    run(Client::Ours, plan).await
}

async fn run(client: Client, plan: &Plan) -> Outcome<String> {
    let seeds = if plan.full { SEEDS } else { SHORT };
    let (mut up, mut failed, mut over, mut missed) = (0, 0, 0, 0);
    let cases = plan.some(cases(plan.seed..plan.seed + seeds), usize::MAX);
    for cases in cases.chunks(BATCH) {
        for ended in judged(client, cases).await? {
            match ended {
                Ended::Up => up += 1,
                Ended::Failed => failed += 1,
                Ended::Over => over += 1,
                Ended::Missed => missed += 1,
            }
        }
    }
    let ran = cases.len();
    Ok(format!(
        "{ran} cases of {seeds} seeds: {failed} upgrades failed and long-polling went on, {up} went through, {over} \
         connections ended behind `5`, {missed} never came that far"
    ))
}

#[derive(Clone, Copy, Debug)]
enum Ended {
    Up,
    Failed,
    Over,
    /// It never came to that step.
    Missed,
}

async fn judged(client: Client, cases: &[Case]) -> Outcome<Vec<Ended>> {
    let stage = Arc::new(Stage::start().await?);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (at, case) in cases.iter().enumerate() {
        let seat = Arc::clone(&room).acquire_owned().await;
        let (stage, case) = (Arc::clone(&stage), *case);
        running.spawn(async move {
            let _seat = seat;
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            let ended = async {
                match client {
                    Client::ByHand => interrupted(number, &case, &stage).await,
                    Client::Ours => ours::interrupted(number, &case, &stage).await,
                }
            };
            let ended = timeout(PATIENCE, ended).await;
            let ended = ended.unwrap_or_else(|_| Err(Failure::new("it took too long")));
            ended.map_err(|failure| {
                let lines = stage.book.tell(number);
                Failure::new(format!("{number} {case:?}: {failure}{lines}"))
            })
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = running.join_next().await {
        all.push(ended??);
    }
    let about = |client: u32| {
        let at = usize::try_from(client).unwrap_or_default();
        format!("{:?}", cases.get(at))
    };
    let lines = stage.book.take();
    let lost: HashSet<u32> = lines
        .iter()
        .filter(|line| line.connection > 1)
        .map(|line| line.client)
        .collect();
    for (at, case) in cases.iter().enumerate() {
        let harmless = match client {
            Client::ByHand => !case.ends_the_connection(),
            Client::Ours => ours::is_harmless(case),
        };
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        if harmless && lost.contains(&at) {
            let lines: String = lines
                .iter()
                .filter(|line| line.client == at)
                .map(|line| format!("\n    {line}"))
                .collect();
            return Err(Failure::new(format!(
                "the connection was lost: {}{lines}",
                about(at)
            )));
        }
    }
    // where the client had given its word, a connection broke
    let (over, whole): (Vec<Record>, Vec<Record>) = lines
        .into_iter()
        .partition(|line| lost.contains(&line.client));
    judge(&whole, &[Promise::P1, Promise::P7, Promise::P8], about)?;
    judge(&over, &[Promise::P2, Promise::P7, Promise::P8], about)?;
    Ok(all)
}

/// Servers, and what they are told.
struct Stage {
    book: Arc<Book>,
    present: Arc<Present>,
    servers: Vec<(Pace, SocketAddr)>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// How much time a server gives. Where nothing is to be timed out, a busy machine must not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Patient,
    /// Probes are given up soon.
    Probes,
    /// And sessions.
    Sessions,
}

impl Pace {
    /// That of a case which may end the connection, or may not.
    fn of(case: &Case, is_harmless: bool) -> Self {
        match case.fault {
            _ if !is_harmless => Self::Sessions,
            Fault::Second => Self::Patient,
            _ => Self::Probes,
        }
    }
}

impl Stage {
    async fn start() -> Outcome<Self> {
        let mut stage = Self {
            book: Arc::new(Book::new()),
            present: Arc::default(),
            servers: Vec::new(),
            tasks: Vec::new(),
        };
        for pace in [Pace::Patient, Pace::Probes, Pace::Sessions] {
            let heartbeat = match pace {
                Pace::Sessions => HEARTBEAT,
                Pace::Patient | Pace::Probes => PATIENCE,
            };
            let upgrade = match pace {
                Pace::Patient => PATIENCE,
                Pace::Probes | Pace::Sessions => UPGRADE_TIMEOUT,
            };
            let builder = Server::builder()
                .ping_interval(heartbeat)
                .ping_timeout(heartbeat)
                .upgrade_timeout(upgrade);
            let server = talk::server(builder, &stage.book, &stage.present)?;
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            stage.servers.push((pace, listener.local_addr()?));
            stage.tasks.push(tokio::spawn(async move {
                server.serve(listener, std::future::pending()).await.ok();
            }));
        }
        Ok(stage)
    }

    fn address(&self, meant: Pace) -> Outcome<SocketAddr> {
        let mut servers = self.servers.iter();
        let found = servers.find(|(pace, _)| *pace == meant);
        let (_, address) = found.ok_or_else(|| Failure::new("no server of that pace"))?;
        Ok(*address)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

async fn interrupted(number: u32, case: &Case, stage: &Stage) -> Outcome<Ended> {
    let (ours, theirs) = case.messages();
    let wish = Wish {
        who: Who {
            client: number,
            connection: 1,
        },
        messages: theirs,
        seed: case.seed,
        binary: false,
    };
    let address = stage.address(Pace::of(case, !case.ends_the_connection()))?;
    let peer = Peer::open(address, &stage.book, wish, (0, ours)).await?;
    let mut done = peer.done.subscribe();
    let polling = async { tokio::try_join!(peer.poll(), peer.post()).map(drop) };
    let upgrading = async {
        peer.pause().await;
        let climbed = climb(&peer, case).await?;
        match climbed {
            Climbed::Up(socket) => {
                talk(&peer, socket).await?;
                peer.leave("client namespace disconnect");
                Ok(Ended::Up)
            }
            Climbed::Failed(kept) => {
                drop(done.wait_for(|done| *done).await);
                peer.say_goodbye().await?;
                peer.leave("client namespace disconnect");
                drop(kept);
                Ok(Ended::Failed)
            }
            Climbed::Over(kept) => {
                peer.leave("transport close");
                stage.present.gone(number).await;
                drop(kept);
                again(&peer, wish, ours, stage).await?;
                Ok(Ended::Over)
            }
        }
    };
    let ((), ended) = tokio::try_join!(polling, upgrading)?;
    stage.present.gone(number).await;
    Ok(ended)
}

/// The rest over the WebSocket.
async fn talk(peer: &Peer, mut socket: RawSocket) -> Outcome {
    while !*peer.done.borrow() {
        for packet in peer.packets() {
            socket.send(&packet).await?;
        }
        tokio::select! {
            text = socket.text() => match text? {
                Some(text) => peer.take(&text)?,
                None => return Err(Failure::new("the server closed the WebSocket")),
            },
            () = peer.pause() => {}
        }
    }
    socket.send("41").await?;
    socket.send("1").await?;
    socket.ended().await;
    Ok(())
}

/// Another connection for what is left, on long-polling alone.
async fn again(peer: &Peer, wish: Wish, ours: u64, stage: &Stage) -> Outcome {
    let connection = wish.who.connection + 1;
    let who = Who {
        connection,
        ..wish.who
    };
    let wish = Wish { who, ..wish };
    let sent = (peer.sent(), ours);
    let peer = Peer::open(peer.address, &stage.book, wish, sent).await?;
    let mut done = peer.done.subscribe();
    let leaving = async {
        drop(done.wait_for(|done| *done).await);
        peer.say_goodbye().await?;
        peer.leave("client namespace disconnect");
        Ok(())
    };
    tokio::try_join!(peer.poll(), peer.post(), leaving)?;
    Ok(())
}

//! F20: an upgrade is interrupted at each step, in each way, with traffic both ways.

mod case;
mod climb;
mod http;
mod peer;
mod server;
mod socket;

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

use self::case::{Case, cases};
use self::climb::{Climbed, climb};
use self::peer::{Peer, Way};
use self::server::Wish;
use self::socket::RawSocket;
use crate::book::{Book, Who, judge};
use crate::present::Present;
use crate::{Failure, Outcome, Plan};

const PING_INTERVAL: Duration = ms(600);
const PING_TIMEOUT: Duration = ms(600);
/// How long a probe may take.
const UPGRADE_TIMEOUT: Duration = ms(300);
/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_secs(60);
const AT_ONCE: usize = 96;
/// Seeds of a whole run, and of a short one.
const SEEDS: u64 = 50;
const SHORT: u64 = 2;

/// Runs all cases by hand.
pub(crate) async fn by_hand(plan: &Plan) -> Outcome<String> {
    let seeds = if plan.full { SEEDS } else { SHORT };
    let seeds = plan.seed..plan.seed + seeds;
    let (mut ran, mut up, mut failed, mut over) = (0, 0, 0, 0);
    for seed in seeds.clone() {
        let cases = cases(seed..seed + 1);
        for ended in judged(&cases).await? {
            match ended {
                Ended::Up => up += 1,
                Ended::Failed => failed += 1,
                Ended::Over => over += 1,
            }
            ran += 1;
        }
    }
    let seeds = seeds.end - seeds.start;
    Ok(format!(
        "{ran} cases of {seeds} seeds: {failed} upgrades failed and long-polling went on, {up} went through, {over} \
         connections ended after `5`"
    ))
}

#[derive(Clone, Copy, Debug)]
enum Ended {
    Up,
    Failed,
    Over,
}

async fn judged(cases: &[Case]) -> Outcome<Vec<Ended>> {
    let stage = Arc::new(Stage::start().await?);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (at, case) in cases.iter().enumerate() {
        let seat = Arc::clone(&room).acquire_owned().await;
        let (stage, case) = (Arc::clone(&stage), *case);
        running.spawn(async move {
            let _seat = seat;
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            let ended = timeout(PATIENCE, interrupted(number, &case, &stage)).await;
            let ended = ended.unwrap_or_else(|_| Err(Failure::new("it took too long")));
            ended.map_err(|failure| Failure::new(format!("{case:?}: {failure}")))
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = running.join_next().await {
        all.push(ended??);
    }
    let (over, whole): (Vec<Record>, Vec<Record>) =
        stage.book.take().into_iter().partition(|line| {
            let at = usize::try_from(line.client).unwrap_or_default();
            cases.get(at).is_some_and(Case::ends_the_connection)
        });
    let about = |client| {
        let at = usize::try_from(client).unwrap_or_default();
        format!("{:?}", cases.get(at))
    };
    judge(&whole, &[Promise::P1, Promise::P7, Promise::P8], about)?;
    // the upgrade was over: a connection broke
    judge(&over, &[Promise::P2, Promise::P7, Promise::P8], about)?;
    Ok(all)
}

/// A server, and what it is told.
struct Stage {
    address: SocketAddr,
    book: Arc<Book>,
    present: Arc<Present>,
    task: tokio::task::JoinHandle<()>,
}

impl Stage {
    async fn start() -> Outcome<Self> {
        let (book, present) = (Arc::new(Book::new()), Arc::<Present>::default());
        let builder = Server::builder()
            .ping_interval(PING_INTERVAL)
            .ping_timeout(PING_TIMEOUT)
            .upgrade_timeout(UPGRADE_TIMEOUT);
        let server = server::server(builder, &book, &present)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            server.serve(listener, std::future::pending()).await.ok();
        });
        Ok(Self {
            address,
            book,
            present,
            task,
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
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
    let peer = Peer::open(stage.address, &stage.book, wish, (0, ours)).await?;
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
                peer.turn(Way::Left).await;
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
    let peer = Peer::open(stage.address, &stage.book, wish, sent).await?;
    let mut done = peer.done.subscribe();
    let leaving = async {
        drop(done.wait_for(|done| *done).await);
        peer.turn(Way::Left).await;
        peer.say_goodbye().await?;
        peer.leave("client namespace disconnect");
        Ok(())
    };
    tokio::try_join!(peer.poll(), peer.post(), leaving)?;
    Ok(())
}

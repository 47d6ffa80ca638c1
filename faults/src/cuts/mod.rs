//! F1: a connection is cut after every byte, each way, by RST, FIN and silence, while 20 messages are exchanged.

mod client;
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use socketio_client::Transport;
use socketio_server::Server;
use testkit::ledger::{Promise, Side, What};
use testkit::{Direction, Harm, Mode, Place, Proxy, Script, ms};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::client::Client;
use crate::book::{Book, judge, latest_notice};
use crate::present::Present;
use crate::{Failure, Outcome, Plan};

/// How many messages each side sends.
const MESSAGES: u64 = 10;
/// How many of them before it has heard anything.
const WINDOW: u64 = 4;
const PING_INTERVAL: Duration = ms(400);
const PING_TIMEOUT: Duration = ms(400);
/// What a busy machine may add to a notice.
const SLACK: Duration = Duration::from_secs(4);
/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_secs(240);
/// Exchanges at a time.
const AT_ONCE: usize = 96;
/// Exchanges of a short run, with each transport.
const SHORT: usize = 480;
/// Exchanges that are judged together.
const BATCH: usize = 960;

/// One cut.
#[derive(Clone, Debug)]
struct Case {
    transport: Transport,
    /// Which of the connections.
    number: usize,
    direction: Direction,
    byte: u64,
    harm: Harm,
}

/// Runs all cuts, or those of every so many bytes.
pub(crate) async fn run(plan: &Plan) -> Outcome<String> {
    let mut figures = Vec::new();
    for transport in [Transport::WebSocket, Transport::Polling] {
        let cases = cases(transport, plan).await?;
        let mut latest = Duration::ZERO;
        let (mut harmed, mut at) = (0, 0);
        for batch in cases.chunks(BATCH) {
            let told = judged(batch, at).await?;
            (harmed, latest) = (harmed + told.harmed, latest.max(told.latest));
            at += batch.len();
        }
        let name = transport.name();
        let count = cases.len();
        figures.push(format!(
            "{name}: {count} cuts, {harmed} met the exchange, told within {latest:.1?}"
        ));
    }
    Ok(figures.join("; "))
}

/// Every place of an exchange that goes well.
async fn cases(transport: Transport, plan: &Plan) -> Outcome<Vec<Case>> {
    let stage = Stage::start().await?;
    let proxy = Proxy::start(stage.address).await?;
    exchange(0, transport, &proxy, &stage).await?;
    let mut cases = Vec::new();
    // a number of connections that is not the same in every run, with as many bytes as any has
    let traffic = proxy.traffic();
    let most = traffic
        .iter()
        .fold((0, 0), |most, own| (most.0.max(own.0), most.1.max(own.1)));
    for number in 0..traffic.len() {
        for (direction, bytes) in [(Direction::Up, most.0), (Direction::Down, most.1)] {
            for byte in 0..=bytes {
                for harm in [Harm::Reset, Harm::Finish, Harm::Silence] {
                    cases.push(Case {
                        transport,
                        number,
                        direction,
                        byte,
                        harm,
                    });
                }
            }
        }
    }
    Ok(plan.some(cases, SHORT))
}

struct Told {
    harmed: usize,
    latest: Duration,
}

async fn judged(cases: &[Case], first: usize) -> Outcome<Told> {
    let stage = Arc::new(Stage::start().await?);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (at, case) in cases.iter().enumerate() {
        let seat = Arc::clone(&room).acquire_owned().await;
        let (stage, case) = (Arc::clone(&stage), case.clone());
        running.spawn(async move {
            let _seat = seat;
            let number = u32::try_from(first + at).unwrap_or(u32::MAX);
            let met = cut(number, &case, &stage).await;
            met.map_err(|failure| {
                let lines = stage.book.tell(number);
                Failure::new(format!("{number} {case:?}: {failure}{lines}"))
            })
        });
    }
    let mut harmed = 0;
    while let Some(met) = running.join_next().await {
        harmed += usize::from(met??);
    }
    let lines = stage.book.take();
    let within = PING_INTERVAL + PING_TIMEOUT + SLACK;
    let promises = [Promise::P2, Promise::P8, Promise::P7, Promise::Told(within)];
    judge(&lines, &promises, |client| {
        let at = usize::try_from(client).unwrap_or_default();
        format!("{:?}", cases.get(at.saturating_sub(first)))
    })?;
    Ok(Told {
        harmed,
        latest: latest_notice(&lines),
    })
}

/// A server, and what it is told.
struct Stage {
    address: std::net::SocketAddr,
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
            .connect_timeout(Duration::from_secs(20));
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

/// Whether there was something to cut.
async fn cut(number: u32, case: &Case, stage: &Stage) -> Outcome<bool> {
    let proxy = Proxy::start(stage.address).await?;
    let place = Place::byte(case.byte);
    let script = Script::new().at(case.direction, place, case.harm.clone());
    let meant = case.number;
    proxy.choose(move |opening| {
        if opening.number == meant {
            Mode::Harm(script.clone())
        } else {
            Mode::Forward
        }
    });
    exchange(number, case.transport, &proxy, stage).await?;
    Ok(!proxy.harms().is_empty())
}

async fn exchange(number: u32, transport: Transport, proxy: &Proxy, stage: &Stage) -> Outcome {
    let client = Client::new(number, &stage.book);
    let socket = client.socket(&proxy.url(), transport)?;
    let connecting = socket.connect();
    within("the end of the exchange", client.ended.notified()).await?;
    drop(connecting);
    let last = client.current();
    let harm: Option<Instant> = proxy.harms().first().copied();
    if let Some(at) = harm
        && last.connection > 1
    {
        let first = crate::book::Who {
            connection: 1,
            ..last
        };
        stage.book.write_at(at, first, Side::Client, What::Broken);
    }
    socket.disconnect();
    within("the client's disconnect", client.is_down()).await?;
    within("the server's disconnects", stage.present.gone(number)).await
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> Outcome<T> {
    let done = timeout(PATIENCE, future).await;
    done.map_err(|_| Failure::new(format!("it took too long: {what}")))
}

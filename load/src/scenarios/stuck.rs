//! Requests and WebSockets that come to a halt, and come back whenever they are given up.

use std::net::SocketAddr;
use std::time::Duration;

use socketio_client::Args;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::slow::Honest;
use crate::peer::{Peer, Way};
use crate::report::{Report, histogram, progress};
use crate::settings::Settings;
use crate::target::Target;
use crate::{Outcome, raw};

pub(crate) const HELP: &str = "request heads, bodies and WebSockets that come to a halt, thousands of each,\n\
               and come back when they are closed [clients=5000 seconds=120]";

/// The first of them come one after the other within this time: what the kernel cannot keep until it is accepted would
/// be tried again much later, and its deadline begins when it is accepted.
const COMING: Duration = Duration::from_secs(5);
/// What may be late.
const SLACK: Duration = Duration::from_secs(5);
/// Between two messages to everybody, each of so many bytes: a queue is full after four seconds.
const PAUSE: Duration = Duration::from_millis(50);
const BYTES: usize = 25_000;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Head,
    Body,
    WebSocket,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Head, Self::Body, Self::WebSocket];

    fn name(self) -> &'static str {
        match self {
            Self::Head => "heads",
            Self::Body => "bodies",
            Self::WebSocket => "WebSockets",
        }
    }

    /// How long it may be there; a WebSocket has ten seconds from when its queue is full, which takes some more.
    fn limit(self) -> Duration {
        let rule = match self {
            Self::Head => 10,
            Self::Body => 20,
            Self::WebSocket => 12,
        };
        Duration::from_secs(rule) + SLACK
    }

    async fn open(self, address: SocketAddr) -> Outcome<TcpStream> {
        match self {
            Self::Head => raw::slow_head(address).await,
            Self::Body => raw::slow_body(address).await,
            Self::WebSocket => raw::stalled(address).await,
        }
    }

    fn reads(self) -> bool {
        !matches!(self, Self::WebSocket)
    }
}

pub(crate) async fn run(mut settings: Settings, report: &mut Report) -> Outcome {
    let clients = settings.take("clients", 5000_u32)?;
    let seconds = settings.take("seconds", 120_u64)?;
    settings.done()?;

    let target = Target::start(|launch| launch)?;
    let url = format!("http://{}", target.address);
    let before = target.open().await?;
    let asking = Honest::start(&url);
    let speaker = Peer::connect(&url, Way::WebSocket).await?;
    for kind in Kind::ALL {
        let until = Instant::now() + COMING + Duration::from_secs(seconds);
        if matches!(kind, Kind::WebSocket) {
            let time = COMING + Duration::from_secs(seconds) + kind.limit();
            let count = time.as_millis() / PAUSE.as_millis();
            let cast = Args((count as u64, PAUSE.as_millis() as u64, BYTES));
            speaker.socket.emit("cast", &cast)?;
        }
        let lives = attack(kind, target.address, clients, until).await?;
        judge(report, kind, &lives);
        let what = format!("answers beside {}", kind.name());
        report.p99(&what, &asking.so_far(), 50.0);
    }
    speaker.end().await;
    report.exactly("honest clients served", asking.end(), true);
    report.tell("most resident, KiB", target.peak()?);
    let after = target.settled(before, Duration::from_secs(60)).await?;
    report.exactly("open afterwards", after, before);
    Ok(())
}

/// How long the server kept a connection, if not for longer than it may.
type Life = Option<Duration>;

/// So many at a time until then, and until the last of them is gone.
async fn attack(
    kind: Kind,
    address: SocketAddr,
    clients: u32,
    until: Instant,
) -> Outcome<Vec<Life>> {
    let mut attackers = JoinSet::new();
    for number in 0..clients {
        let wait = COMING * number / clients;
        attackers.spawn(async move {
            sleep(wait).await;
            attacker(kind, address, until).await
        });
    }
    let mut lives = Vec::new();
    while let Some(more) = attackers.join_next().await {
        lives.extend(more??);
    }
    Ok(lives)
}

/// Comes back until then.
async fn attacker(kind: Kind, address: SocketAddr, until: Instant) -> Outcome<Vec<Life>> {
    let mut lives = Vec::new();
    while Instant::now() < until {
        let mut stream = kind.open(address).await?;
        let start = Instant::now();
        let is_gone = raw::gone(&mut stream, start + kind.limit(), kind.reads()).await;
        lives.push(is_gone.then(|| start.elapsed()));
    }
    Ok(lives)
}

fn judge(report: &mut Report, kind: Kind, lives: &[Life]) {
    let (name, count) = (kind.name(), lives.len());
    let kept = lives.iter().filter(|life| life.is_none()).count();
    let mut times = histogram();
    for life in lives.iter().flatten() {
        times.saturating_record(u64::try_from(life.as_micros()).unwrap_or(u64::MAX));
    }
    progress(format!("{count} {name} are gone, but for {kept}"));
    report.times(&format!("how long {name} were there"), &times);
    let limit = kind.limit().as_secs();
    report.exactly(&format!("{name} of {count} kept after {limit} s"), kept, 0);
}

//! Connections that are cut again and again, in front of Node's server, with a ledger.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use interop::{Script, Server};
use socketio_client::{Events, Manager, ManagerEvent, Socket, SocketEvent, SocketId, Transport};
use testkit::{Mode, Proxy, ms};

use super::peer::{How, quick, runtime, until, within};

const CUTS: u32 = 100;

/// A row of numbers that follows from its seed (xorshift).
struct Random(u64);

impl Random {
    /// The seed is printed, so that a failure can be repeated.
    fn new(seed: u64) -> Self {
        eprintln!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Node's server with these settings, and a proxy in front of it.
pub(crate) async fn behind(settings: &[(&str, &str)]) -> (Server, Proxy) {
    let mut script = Script::node("reference_server.mjs");
    for (name, value) in settings {
        script = script.env(name, value);
    }
    let server = Server::start(script, 0).unwrap();
    let proxy = Proxy::start(server.address().parse().unwrap()).await;
    (server, proxy.unwrap())
}

/// A socket that comes back soon, through the proxy.
pub(crate) fn socket(proxy: &Proxy, how: How) -> Socket {
    let manager = Manager::builder(&proxy.url()).unwrap().reconnect(quick());
    let manager = manager.transports(how.transports()).build().unwrap();
    manager.socket("/").unwrap()
}

/// What came of the two rows of numbers that the server sends all the time: `tick` to everybody, `own` to this id.
#[derive(Default)]
struct Ledger {
    last: HashMap<String, u64>,
    /// The highest `tick` ever.
    ticked: u64,
    /// What is wrong unless the session turns out to be a new one.
    doubts: Vec<String>,
    /// What comes between a connection's start and the word on its recovery is judged by that word.
    is_away: bool,
    id: Option<SocketId>,
    recovered: u32,
    fresh: u32,
}

impl Ledger {
    fn number(&mut self, name: &str, n: u64) {
        if name == "tick" {
            let before = self.ticked;
            assert!(
                n > before,
                "tick {n} after {before}: twice, or out of order"
            );
            self.ticked = n;
        }
        if let Some(last) = self.last.insert(name.to_owned(), n)
            && n != last + 1
        {
            self.doubts.push(format!("{name} {n} after {last}"));
        }
        assert!(self.is_away || self.doubts.is_empty(), "{:?}", self.doubts);
    }

    fn connected(&mut self, recovered: bool, id: Option<SocketId>) {
        assert!(id.is_some());
        if recovered {
            assert_eq!(self.doubts, [""; 0], "and it was recovered");
            assert_eq!(self.id, id, "the id of a recovered session");
            self.recovered += 1;
        } else {
            self.doubts.clear();
            // the first of a session may start anywhere
            self.last.clear();
            self.fresh += 1;
        }
        self.id = id;
        self.is_away = false;
    }

    /// Enters the next thing that happens.
    async fn follow(&mut self, events: &mut Events) -> SocketEvent {
        let event = within("an event", events.next()).await;
        match &event {
            SocketEvent::Event(event) if matches!(event.name(), "tick" | "own") => {
                self.number(event.name(), event.read().unwrap());
            }
            SocketEvent::Connected { recovered } => {
                self.connected(*recovered, events.socket().id());
            }
            SocketEvent::Disconnected(_) => self.is_away = true,
            _ => {}
        }
        event
    }
}

/// A cut that no side notices: no request was out, and the next one goes another way.
const UNNOTICED: u32 = 200;

/// What became of the cuts.
#[derive(Debug, Default)]
struct Tally {
    cuts: u32,
    recovered: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Recovered,
    New,
    Unnoticed,
}

/// Cuts the connection, and follows until it is there again.
async fn cut(
    proxy: &Proxy,
    events: &mut Events,
    ledger: &mut Ledger,
    fails_first: bool,
) -> Outcome {
    let (before, recovered) = (ledger.fresh, ledger.recovered);
    if fails_first {
        proxy.set(Mode::Close);
    }
    proxy.cut();
    let mut after = 0;
    while !ledger.is_away && (fails_first || after < UNNOTICED) {
        ledger.follow(events).await;
        after += 1;
    }
    while ledger.is_away {
        let event = ledger.follow(events).await;
        if let SocketEvent::ConnectFailed(_) = event {
            proxy.set(Mode::Forward);
        }
    }
    match (ledger.recovered > recovered, ledger.fresh > before) {
        (true, _) => Outcome::Recovered,
        (_, true) => Outcome::New,
        _ => Outcome::Unnoticed,
    }
}

/// Cuts of connections on WebSocket, and of those that are on long-polling or were just about to leave it.
/// The server has something to say every `tick` milliseconds, and `most` events may come before the next cut.
fn recovers(how: How, tick: u32, most: u64) -> [Tally; 2] {
    runtime().block_on(async {
        let mut random = Random::new(20_261_121);
        let settings = [("RECOVERY_MS", "60000"), ("TICK_MS", &*tick.to_string())];
        let (server, proxy) = behind(&settings).await;
        let socket = socket(&proxy, how);
        let on_websocket = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&on_websocket);
        socket.manager().on_event(move |event| {
            if let ManagerEvent::Opened { transport } | ManagerEvent::Upgraded { transport } = event
            {
                seen.store(*transport == Transport::WebSocket, Ordering::SeqCst);
            }
        });
        let (mut events, mut ledger) = (socket.events(), Ledger::default());
        within("connect", socket.connect()).await.unwrap();
        while ledger.fresh == 0 {
            ledger.follow(&mut events).await;
        }
        let mut tallies = [Tally::default(), Tally::default()];
        let mut probe_was_cut = false;
        for n in 0..CUTS {
            let waits = how == How::WebSocket || how == How::Upgrade && n % 2 == 0;
            // a cut that only the probe of an upgrade noticed leaves the session on long-polling
            let is_linked = waits && !probe_was_cut;
            if is_linked {
                until("the upgrade", || on_websocket.load(Ordering::SeqCst)).await;
                // it was the server's, too, when it answers there
                let answer = socket.emit_with_ack::<u32>("message-with-ack", &n);
                within("an answer", answer).await.unwrap();
            }
            // a session can be recovered when something of it has come
            let mut wanted = 1 + random.below(most);
            while wanted > 0 {
                if let SocketEvent::Event(_) = ledger.follow(&mut events).await {
                    wanted -= 1;
                }
            }
            let fails_first = random.below(4) == 0;
            let outcome = cut(&proxy, &mut events, &mut ledger, fails_first).await;
            match outcome {
                Outcome::Unnoticed => probe_was_cut = true,
                Outcome::Recovered | Outcome::New => probe_was_cut = false,
            }
            let tally = &mut tallies[usize::from(!is_linked)];
            tally.cuts += 1;
            tally.recovered += u32::from(outcome == Outcome::Recovered);
        }
        eprintln!(
            "{how:?}: on WebSocket, and else: {tallies:?}, {} ticks",
            ledger.ticked
        );
        // as many connects as cuts, or fewer
        assert!(ledger.recovered + ledger.fresh <= CUTS + 1);
        drop((events, socket));
        until("no connection left", || proxy.open() == 0).await;
        server.stop();
        tallies
    })
}

fn at_least(percent: u32, tally: &Tally) {
    assert!(tally.recovered * 100 >= tally.cuts * percent, "{tally:?}");
}

#[test]
fn a_hundred_cuts_of_a_websocket_lose_and_double_nothing() {
    let [linked, _] = recovers(How::WebSocket, 2, 20);
    at_least(99, &linked);
}

#[test]
fn a_hundred_cuts_around_upgrades_lose_and_double_nothing() {
    let [linked, _] = recovers(How::Upgrade, 2, 20);
    at_least(99, &linked);
}

/// A cut between two polls is nothing that Node's server notices: it still waits for the next one when the client comes
/// back, and has no session to give. So no share is promised here, nor during an upgrade; whatever is not recovered says
/// so. The server speaks less often, so that most cuts meet a poll that waits.
#[test]
fn a_hundred_cuts_of_long_polling_are_recovered_or_told() {
    recovers(How::Polling, 20, 5);
}

/// A link that goes silent is missed by both heartbeats; what the server wrote meanwhile is lost on it.
#[test]
fn links_that_go_silent_are_recovered() {
    const STALLS: u32 = 5;
    runtime().block_on(async {
        let settings = [
            ("RECOVERY_MS", "60000"),
            ("TICK_MS", "2"),
            ("PING_MS", "200"),
        ];
        let (server, proxy) = behind(&settings).await;
        let socket = socket(&proxy, How::WebSocket);
        let (mut events, mut ledger) = (socket.events(), Ledger::default());
        drop(socket.connect());
        for stall in 0..STALLS {
            while ledger.recovered < stall || ledger.ticked == 0 || ledger.is_away {
                ledger.follow(&mut events).await;
            }
            proxy.stall();
            while !ledger.is_away {
                if let SocketEvent::Disconnected(reason) = ledger.follow(&mut events).await {
                    assert_eq!(reason.to_string(), "ping timeout");
                }
            }
            proxy.cut();
            while ledger.is_away {
                ledger.follow(&mut events).await;
            }
        }
        assert_eq!((ledger.recovered, ledger.fresh), (STALLS, 1));
        drop((events, socket));
        until("no connection left", || proxy.open() == 0).await;
        server.stop();
    });
}

#[test]
fn retries_bring_everything_through_cuts_and_double_only_what_was_cut() {
    const QUIET: u32 = 50;
    const COUNT: u32 = 350;
    runtime().block_on(async {
        let mut random = Random::new(4_711);
        let (server, proxy) = behind(&[]).await;
        let socket = socket(&proxy, How::Upgrade);
        socket.retries(1_000);
        socket.ack_timeout(ms(5_000));
        within("connect", socket.connect()).await.unwrap();
        let mut cuts = 0;
        for range in [0..QUIET, QUIET..COUNT] {
            let acks: Vec<_> = range
                .clone()
                .map(|n| socket.emit_with_ack::<u32>("note", &n))
                .collect();
            for (n, ack) in range.zip(acks) {
                assert_eq!(within("an answer", ack).await, Ok(n));
                if n >= QUIET && random.below(3) == 0 {
                    cuts += 1;
                    proxy.cut();
                }
            }
        }
        let notes = socket.emit_with_ack::<Vec<u32>>("notes", &socketio_client::Args(()));
        let notes = within("the notes", notes).await.unwrap();
        let (mut seen, mut firsts, mut doubles) = (HashSet::new(), Vec::new(), Vec::new());
        for n in &notes {
            let list = if seen.insert(*n) {
                &mut firsts
            } else {
                &mut doubles
            };
            list.push(*n);
        }
        let all: Vec<u32> = (0..COUNT).collect();
        assert_eq!(firsts, all, "what came first came in order");
        eprintln!("{cuts} cuts, {} doubles", doubles.len());
        assert!(cuts >= 50 && doubles.len() <= cuts, "{doubles:?}");
        assert!(doubles.iter().all(|n| *n >= QUIET), "{doubles:?}");
        drop(socket);
        until("no connection left", || proxy.open() == 0).await;
        server.stop();
    });
}

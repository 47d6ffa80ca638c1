//! Connections that are cut again and again, in front of Node's server, with a ledger.

use std::collections::{HashMap, HashSet};

use interop::{Script, Server};
use socketio_client::{Events, Manager, Socket, SocketEvent, SocketId};
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
async fn behind(settings: &[(&str, &str)]) -> (Server, Proxy) {
    let mut script = Script::node("reference_server.mjs");
    for (name, value) in settings {
        script = script.env(name, value);
    }
    let server = Server::start(script, 0).unwrap();
    let proxy = Proxy::start(server.address().parse().unwrap()).await;
    (server, proxy.unwrap())
}

fn socket(proxy: &Proxy, how: How) -> Socket {
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

fn recovers(how: How, at_least: u32) {
    runtime().block_on(async {
        let mut random = Random::new(20_261_121);
        let (server, proxy) = behind(&[("RECOVERY_MS", "60000"), ("TICK_MS", "2")]).await;
        let socket = socket(&proxy, how);
        let (mut events, mut ledger) = (socket.events(), Ledger::default());
        within("connect", socket.connect()).await.unwrap();
        while ledger.fresh == 0 {
            ledger.follow(&mut events).await;
        }
        for _ in 0..CUTS {
            // a session can be recovered when something of it has come
            let mut wanted = 1 + random.below(20);
            while wanted > 0 {
                if let SocketEvent::Event(_) = ledger.follow(&mut events).await {
                    wanted -= 1;
                }
            }
            let fails_first = random.below(4) == 0;
            if fails_first {
                proxy.set(Mode::Close);
            }
            proxy.cut();
            while !ledger.is_away {
                ledger.follow(&mut events).await;
            }
            while ledger.is_away {
                let event = ledger.follow(&mut events).await;
                if let SocketEvent::ConnectFailed(_) = event {
                    proxy.set(Mode::Forward);
                }
            }
            assert!(!socket.is_recovered() || ledger.recovered > 0);
        }
        let Ledger {
            recovered, fresh, ..
        } = ledger;
        eprintln!(
            "{how:?}: {recovered} recovered, {fresh} new, {} ticks",
            ledger.ticked
        );
        assert_eq!(recovered + fresh, CUTS + 1);
        assert!(
            recovered >= at_least,
            "only {recovered} of {CUTS} recovered"
        );
        drop((events, socket));
        until("no connection left", || proxy.open() == 0).await;
        server.stop();
    });
}

#[test]
fn a_hundred_cuts_of_a_websocket_lose_and_double_nothing() {
    recovers(How::WebSocket, CUTS * 99 / 100);
}

#[test]
fn a_hundred_cuts_around_upgrades_lose_and_double_nothing() {
    recovers(How::Upgrade, CUTS * 99 / 100);
}

/// A cut between two polls is nothing that Node's server notices: it still waits for the next one when the client comes
/// back, and has no session to give. So little is promised here; whatever is not recovered says so.
#[test]
fn a_hundred_cuts_of_long_polling_are_recovered_or_told() {
    recovers(How::Polling, CUTS / 2);
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

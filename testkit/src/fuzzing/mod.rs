//! The body of the fuzz target `pair`, which the tests run as well.

mod layers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use engineio::{Config, Data, Transport, client as session};
use socketio_proto::client::{self, Emit, EmitId};
use socketio_proto::{AckId, Args, Binary, Limits, NamespaceId, Parser, RawArgs, server};

use crate::{Machines, ms, secs};

const ROOT: NamespaceId = NamespaceId::ROOT;
/// More than any message of ours, so that none is too large.
const MAX_PAYLOAD: usize = 1200;
/// Steps in which all that waits arrives when nothing is in its way.
const PATIENCE: usize = 20_000;

/// Our client and our server, Socket.IO on Engine.IO, with a network in between that delays,
/// loses and cuts. The first two bytes are the settings, then each operation is a byte: four bits
/// that say what, four that say how much.
///
/// # Panics
/// When a session loses, doubles or reorders a message that both sides go on from, an event or
/// an answer comes twice or out of order, an answer is neither given nor refused, or somebody
/// never ends. When nothing was done to the network, also when something does not arrive.
pub fn pair(bytes: &[u8]) {
    let [transports, flags, operations @ ..] = bytes else {
        return;
    };
    let mut run = Run::new(*transports, *flags);
    for operation in operations {
        run.apply(operation >> 4, u64::from(operation & 15));
        run.pump();
    }
    run.finish();
}

/// What one side sent, and what the other has seen of it.
#[derive(Debug, Default)]
struct Way {
    /// What the session took.
    taken: Vec<Data>,
    /// How much of what arrived was given to the layer above.
    read: usize,
    /// Events that were emitted, and the numbers of those that came out.
    emitted: u64,
    events: Vec<u64>,
}

struct Run {
    p: Machines,
    client: client::Connection,
    server: Option<server::Connection>,
    up: Way,
    down: Way,
    /// Answers that are awaited, by the client and by the server.
    asked: BTreeSet<EmitId>,
    expected: BTreeSet<AckId>,
    opened: bool,
    closed: (bool, bool),
    /// Whether anything was done that may cost a message.
    harmed: bool,
    /// Whether what is missing after that is being noticed.
    is_late: bool,
}

impl Run {
    fn new(transports: u8, flags: u8) -> Self {
        let (polling, websocket) = (Transport::Polling, Transport::WebSocket);
        let mut config = session::Config::default();
        config.transports = match transports % 4 {
            0 | 1 => vec![polling, websocket],
            2 => vec![polling],
            _ => vec![websocket, polling],
        };
        config.force_base64 = flags & 1 != 0;
        config.upgrade = flags & 2 == 0;
        let mut settings = Config::default();
        settings.max_payload = MAX_PAYLOAD;
        let mut client = client::Connection::new(Parser::Json, Arc::default());
        client.connect(&ROOT);
        Self {
            p: Machines::new(settings, config).latency(ms(20), ms(20)),
            client,
            server: None,
            up: Way::default(),
            down: Way::default(),
            asked: BTreeSet::new(),
            expected: BTreeSet::new(),
            opened: false,
            closed: (false, false),
            harmed: false,
            is_late: false,
        }
    }

    fn apply(&mut self, operation: u8, n: u64) {
        let Self { p, client, .. } = self;
        match operation {
            0 | 1 => self.emit(n & 1 != 0, n & 2 != 0, 4 * n as usize),
            2 | 3 => self.push(n & 1 != 0, n & 2 != 0, 4 * n as usize),
            4..=6 => self.run(n as usize + 1),
            7 => self.run_for(ms(n * 20)),
            8 => self.run_for(secs(n * 3)),
            9 => p.link.http = ms(n * 20),
            10 => p.link.websocket = ms(n * 20),
            11 => p.link.down = ms(n * 20),
            12 => match n % 8 {
                0..=2 => p.cut_probe(),
                // what is held longer than a heartbeat ends the session, rightly
                3 => (p.link.hold_posts, self.harmed) = (true, true),
                _ => p.link.release_posts(p.now),
            },
            13 => {
                self.harmed = true;
                match n % 4 {
                    0 => p.lose_get(),
                    1 => p.lose_post(),
                    2 => p.cut_websocket(),
                    _ => p.sleep(secs(n * 4)),
                }
            }
            14 => {
                self.harmed = true;
                match n % 4 {
                    0 => p.close(),
                    1 => p.close_server(),
                    2 => client.disconnect(p.now, &ROOT),
                    _ => self.disconnect(),
                }
            }
            _ => client.connect(&ROOT),
        }
    }

    fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            if !self.p.step() {
                return;
            }
            self.pump();
        }
    }

    /// Until about then: what happens is heard of when it does.
    fn run_for(&mut self, time: Duration) {
        let end = self.p.now + time;
        while self.p.now < end && self.p.step() {
            self.pump();
        }
    }

    fn emit(&mut self, ack: bool, binary: bool, size: usize) {
        let number = self.up.emitted;
        let options = if ack {
            self.asked.insert(EmitId::new(number));
            Emit::default().ack(EmitId::new(number))
        } else {
            Emit::default()
        };
        let args = arguments(number, binary, size);
        let emitted = self
            .client
            .emit(self.p.now, &ROOT, "n".into(), args, options);
        emitted.expect("there is room");
        self.up.emitted += 1;
    }

    fn push(&mut self, ack: bool, binary: bool, size: usize) {
        let (now, number) = (self.p.now, self.down.emitted);
        let Some(server) = &mut self.server else {
            return;
        };
        let id = AckId::new(number).filter(|_| ack);
        let args = arguments(number, binary, size);
        let batch = Parser::Json.event(&ROOT, "n", &args, id, &Limits::default());
        if server.send(&ROOT, batch.expect("it encodes")).is_err() {
            return;
        }
        self.down.emitted += 1;
        if let Some(id) = id
            && server.expect_ack(now, &ROOT, id, now + secs(30)).is_ok()
        {
            self.expected.insert(id);
        }
    }

    fn disconnect(&mut self) {
        if let Some(server) = &mut self.server {
            server.disconnect(self.p.now, &ROOT).ok();
        }
    }

    /// Each side saw a beginning of what the other sent, and each event once.
    fn check(&self) {
        let p = &self.p;
        for (way, seen) in [
            (&self.up, &p.at_server.received),
            (&self.down, &p.at_client.received),
        ] {
            assert!(seen.len() <= way.taken.len(), "{p}");
            assert!(way.taken.starts_with(seen), "{:?}:\n{p}", way.taken);
            let events = &way.events;
            assert!(events.is_sorted_by(|a, b| a < b), "{events:?}:\n{p}");
        }
    }

    fn finish(&mut self) {
        self.p.link.release_posts(self.p.now);
        if !self.harmed {
            let is_there = |way: &Way| way.events.len() as u64 == way.emitted;
            for _ in 0..PATIENCE {
                if is_there(&self.up) && is_there(&self.down) {
                    break;
                }
                self.run(1);
            }
            assert!(is_there(&self.up) && is_there(&self.down), "{}", self.p);
            let closed = (self.p.at_client.closed, self.p.at_server.closed);
            assert_eq!(closed, (None, None), "{}", self.p);
        }
        self.client.remove(self.p.now, &ROOT);
        self.pump();
        self.p.close();
        self.run_for(secs(120));
        self.pump();
        let p = &self.p;
        assert!(p.client.is_closed() && p.at_client.closed.is_some(), "{p}");
        let server = p.server.as_ref();
        assert!(server.is_none_or(|server| server.is_closed()), "{p}");
        assert!(self.asked.is_empty() && self.expected.is_empty(), "{p}");
        assert_eq!((self.client.buffered(), self.client.pending_acks()), (0, 0));
    }
}

fn arguments(number: u64, binary: bool, size: usize) -> RawArgs {
    let encoded = if binary {
        RawArgs::encode(&Args((number, Binary::from(vec![1; size * 8]))))
    } else {
        RawArgs::encode(&Args((number, "é".repeat(size))))
    };
    encoded.expect("it encodes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::pair;

    #[test]
    fn the_seeds_pass() {
        let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/pair");
        let mut count = 0;
        for file in std::fs::read_dir(seeds).expect("seeds") {
            let file = file.expect("a seed");
            pair(&std::fs::read(file.path()).expect("a seed"));
            count += 1;
        }
        assert!(count >= 10, "{count} seeds");
    }

    proptest! {
        #[test]
        fn any_bytes_pass(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            pair(&bytes);
        }
    }
}

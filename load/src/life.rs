//! [`Life`]: what one client saw, from its first connection to its last, as lines of the ledger.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use testkit::ledger::{How, Promise, Record, Side, What, check};
use tokio::time::Instant;

/// Which of a client's connections, counted from 1.
type Connection = u32;

/// Events of the client, and numbers of the server.
const UPS: u32 = 0;
const TICKS: u32 = 1;

/// Everything that a client sent and received. The server's side of it is what its answers say: how many events
/// of which socket it had, this one included.
#[derive(Debug)]
pub(crate) struct Life {
    born: Instant,
    namespace: Arc<str>,
    connection: Connection,
    connected: bool,
    /// The connections by the ids of their sockets.
    ids: HashMap<String, Connection>,
    lines: Vec<Record>,
    ups: u64,
    /// By connection: what the server counted, and the event that it was.
    counted: BTreeMap<(Connection, u64), (u64, u64)>,
    /// By connection: the last number of the server's, and how many of them came.
    ticks: BTreeMap<Connection, (u64, usize)>,
    pub(crate) disconnects: u32,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            born: Instant::now(),
            namespace: "/".into(),
            connection: 0,
            connected: false,
            ids: HashMap::new(),
            lines: Vec::new(),
            ups: 0,
            counted: BTreeMap::new(),
            ticks: BTreeMap::new(),
            disconnects: 0,
        }
    }
}

impl Life {
    fn line(&self, side: Side, connection: Connection, what: What) -> Record {
        Record {
            at: self.born.elapsed(),
            client: 0,
            connection,
            namespace: Arc::clone(&self.namespace),
            side,
            what,
        }
    }

    fn push(&mut self, side: Side, connection: Connection, what: What) {
        let line = self.line(side, connection, what);
        self.lines.push(line);
    }

    pub(crate) fn connected(&mut self, id: &str, recovered: bool) {
        self.connection = self.number(id);
        self.connected = true;
        self.push(Side::Client, self.connection, What::Connected { recovered });
    }

    /// The number of the connection of that socket; an answer may be here before its connect is looked at.
    fn number(&mut self, id: &str) -> Connection {
        if let Some(&number) = self.ids.get(id) {
            return number;
        }
        let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.insert(id.to_owned(), next.saturating_add(1));
        next.saturating_add(1)
    }

    pub(crate) fn disconnected(&mut self, reason: &str) {
        self.connected = false;
        self.disconnects += 1;
        let reason = reason.into();
        self.push(Side::Client, self.connection, What::Disconnected { reason });
    }

    /// The server's next number came, with that content.
    pub(crate) fn tick(&mut self, seq: u64, hash: u64) {
        let (last, came) = self.ticks.entry(self.connection).or_default();
        (*last, *came) = (seq.max(*last), *came + 1);
        let channel = TICKS;
        self.push(
            Side::Client,
            self.connection,
            What::Received { channel, seq, hash },
        );
    }

    /// An event is about to be sent; its number.
    pub(crate) fn up(&mut self, hash: impl FnOnce(u64) -> u64) -> u64 {
        self.ups += 1;
        let (seq, channel) = (self.ups, UPS);
        // what is kept meanwhile is for the connection to come
        let connection = self.connection + u32::from(!self.connected);
        let hash = hash(seq);
        self.push(Side::Client, connection, What::Sent { channel, seq, hash });
        self.push(Side::Client, connection, What::AckWaited { id: seq });
        seq
    }

    /// The wait for an answer has ended: with how many events the server had, on which socket, and with what content
    /// this one came to it.
    pub(crate) fn answered(&mut self, seq: u64, answer: Option<(u64, String, u64)>) {
        let how = if answer.is_some() {
            How::Answered
        } else {
            How::Failed
        };
        self.push(
            Side::Client,
            self.connection,
            What::AckEnded { id: seq, how },
        );
        if let Some((count, id, hash)) = answer {
            let on = self.number(&id);
            self.counted.insert((on, count), (seq, hash));
        }
    }

    /// Events that were sent, and numbers that came.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let ticks = self.ticks.values().map(|(_, came)| *came).sum();
        (usize::try_from(self.ups).unwrap_or(usize::MAX), ticks)
    }

    /// Numbers that came on the connection that is there.
    pub(crate) fn ticks_here(&self) -> usize {
        self.ticks
            .get(&self.connection)
            .map_or(0, |(_, came)| *came)
    }

    /// What the server says that it sent and received on the connection that is there.
    pub(crate) fn totals(&mut self, ups: u64, ticks: u64) {
        let here = self.connection;
        let (last, _) = self.ticks.entry(here).or_default();
        *last = ticks.max(*last);
        // an event that nobody sent, in the place of each that was counted and not answered
        for count in 1..=ups {
            self.counted.entry((here, count)).or_insert((u64::MAX, 0));
        }
    }

    /// What broke a promise: a hole or a repetition within a connection, another content, an event that is not accounted
    /// for, a connect without its disconnect.
    pub(crate) fn faults(mut self, tick_hash: impl Fn(u64) -> u64) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.lines);
        let mut last = (0, 0);
        for (&(on, count), &(seq, hash)) in &self.counted {
            let expected = if on == last.0 { last.1 + 1 } else { 1 };
            // the server counted events in between that got no answer, although later ones did
            let seq = if count == expected { seq } else { u64::MAX };
            last = (on, count);
            let channel = UPS;
            lines.push(self.line(Side::Server, on, What::Received { channel, seq, hash }));
        }
        for (&on, &(most, _)) in &self.ticks {
            for seq in 1..=most {
                let (channel, hash) = (TICKS, tick_hash(seq));
                lines.push(self.line(Side::Server, on, What::Sent { channel, seq, hash }));
            }
        }
        let promises = [Promise::P2, Promise::P7, Promise::P8];
        let broken = promises.map(|promise| check(&lines, promise).err().unwrap_or_default());
        broken.iter().flatten().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(seq: u64) -> u64 {
        seq
    }

    /// Three events and three numbers on one connection, answered as `counts` says.
    fn life(counts: [Option<u64>; 3], ticks: &[u64]) -> Vec<String> {
        let mut life = Life::default();
        life.connected("a", false);
        for count in counts {
            let seq = life.up(one);
            life.answered(seq, count.map(|count| (count, "a".to_owned(), seq)));
        }
        for tick in ticks {
            life.tick(*tick, *tick);
        }
        life.disconnected("transport close");
        life.faults(one)
    }

    #[test]
    fn a_life_without_faults_is_none() {
        assert_eq!(life([Some(1), Some(2), Some(3)], &[1, 2, 3]), [""; 0]);
        assert_eq!(life([Some(1), None, None], &[1]), [""; 0]);
    }

    #[test]
    fn holes_repetitions_and_wrong_orders_are_seen() {
        for (counts, ticks) in [
            ([Some(1), None, Some(2)], vec![]),
            ([Some(1), Some(3), Some(2)], vec![]),
            ([Some(1), Some(2), Some(4)], vec![]),
            ([Some(2), Some(3), Some(4)], vec![]),
            ([Some(1), Some(2), Some(3)], vec![1, 3]),
            ([Some(1), Some(2), Some(3)], vec![1, 2, 2]),
            ([Some(1), Some(2), Some(3)], vec![2, 1]),
        ] {
            assert_ne!(life(counts, &ticks), [""; 0], "{counts:?} {ticks:?}");
        }
    }

    #[test]
    fn what_the_server_counted_must_have_been_sent() {
        let mut life = Life::default();
        life.connected("a", false);
        life.totals(1, 0);
        life.disconnected("io client disconnect");
        assert_eq!(life.faults(one).len(), 1);
    }
}

//! Logs, written by hand or made up from a few numbers.

use std::time::Duration;

use testkit::ledger::{How, Record, Side, What, hash};

pub(crate) const TIMEOUT: Duration = Duration::from_millis(1000);

/// A log in the making. Time passes by a millisecond a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: Vec<Record>,
    pub(crate) client: u32,
    pub(crate) connection: u32,
}

impl Log {
    pub(crate) fn line(&mut self, side: Side, what: What) {
        self.lines.push(Record {
            at: Duration::from_millis(self.lines.len() as u64),
            client: self.client,
            connection: self.connection,
            namespace: "/".into(),
            side,
            what,
        });
    }

    pub(crate) fn up(&mut self, connection: u32, recovered: bool) {
        self.connection = connection;
        self.line(Side::Server, What::Connected { recovered });
        self.line(Side::Client, What::Connected { recovered });
    }

    pub(crate) fn down(&mut self) {
        for side in [Side::Client, Side::Server] {
            let reason = "transport close".into();
            self.line(side, What::Disconnected { reason });
        }
    }

    pub(crate) fn sent(&mut self, side: Side, seq: u64) {
        let hash = hash(&seq.to_le_bytes());
        let channel = 0;
        self.line(side, What::Sent { channel, seq, hash });
    }

    /// What `side` sent arrives.
    pub(crate) fn arrives(&mut self, side: Side, seq: u64) {
        let hash = hash(&seq.to_le_bytes());
        let channel = 0;
        self.line(side.other(), What::Received { channel, seq, hash });
    }

    pub(crate) fn passes(&mut self, side: Side, seq: u64) {
        self.sent(side, seq);
        self.arrives(side, seq);
    }

    pub(crate) fn waited(&mut self, id: u64, how: How) {
        self.line(Side::Client, What::AckWaited { id });
        self.line(Side::Client, What::AckEnded { id, how });
    }
}

/// What a log is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) clients: u32,
    pub(crate) connections: u32,
    /// Messages each way on each connection.
    pub(crate) messages: u64,
    /// Of which so many do not arrive.
    pub(crate) tail: u64,
    /// Whether connections recover the one before.
    pub(crate) recover: bool,
}

/// A log of which everything holds that its shape allows.
pub(crate) fn good(shape: Shape) -> Vec<Record> {
    let Shape {
        messages, recover, ..
    } = shape;
    let tail = shape.tail.min(messages);
    let mut log = Log::default();
    for client in 0..shape.clients {
        log.client = client;
        for connection in 1..=shape.connections {
            let first = u64::from(connection) * 1000;
            log.up(connection, recover && connection > 1);
            if recover && connection > 1 {
                // what the last connection did not bring
                for seq in first - 1000 + messages - tail..first - 1000 + messages {
                    log.arrives(Side::Server, seq);
                }
            }
            let last = connection == shape.connections;
            for seq in first..first + messages {
                let lost = seq - first >= messages - tail;
                for side in [Side::Client, Side::Server] {
                    log.sent(side, seq);
                    if !lost || (last && recover) {
                        log.arrives(side, seq);
                    }
                }
                log.waited(seq, How::Answered);
            }
            log.down();
        }
    }
    log.lines
}

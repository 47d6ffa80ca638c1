//! [`Link`]: the network between a client and a server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use engineio::Data;
use engineio::server::Reply;

/// Something on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    /// A GET, to the server.
    Get(u64),
    /// News for the server that the client of a GET went away.
    GetDropped(u64),
    /// The head of a POST, to the server.
    PostHead(u64),
    /// The body of a POST, to the server.
    PostBody(u64, Bytes),
    /// A WebSocket handshake, to the server.
    Dial(u64),
    /// Its answer, to the client.
    Accept(u64),
    /// An answer, to the client.
    Reply(u64, Reply),
    /// A frame, to the server.
    Up(u64, Data),
    /// A frame, to the client.
    Down(u64, Data),
    /// The end of a WebSocket, to the server.
    UpClosed(u64),
    /// The end of a WebSocket, to the client.
    DownClosed(u64),
}

/// Everything takes its time, by kind: HTTP and WebSocket may overtake each other, what goes
/// the same way may not.
#[derive(Debug, Default)]
pub struct Link {
    /// How long a request, or its answer, is on its way.
    pub http: Duration,
    /// How long a frame is on its way.
    pub websocket: Duration,
    /// Whether bodies of POSTs are stuck.
    pub hold_posts: bool,
    hops: BTreeMap<(Instant, u64), Hop>,
    held: Vec<Hop>,
    broken: BTreeSet<u64>,
    count: u64,
}

impl Link {
    /// Puts something on its way.
    pub fn carry(&mut self, now: Instant, hop: Hop) {
        if self.hold_posts && matches!(hop, Hop::PostBody(..)) {
            return self.held.push(hop);
        }
        if self.is_lost(&hop) {
            return;
        }
        let latency = match hop {
            Hop::Get(_) | Hop::GetDropped(_) | Hop::PostHead(_) | Hop::PostBody(..) => self.http,
            Hop::Reply(..) => self.http,
            _ => self.websocket,
        };
        self.count += 1;
        self.hops.insert((now + latency, self.count), hop);
    }

    /// Lets the bodies go that were held.
    pub fn release_posts(&mut self, now: Instant) {
        self.hold_posts = false;
        for hop in std::mem::take(&mut self.held) {
            self.carry(now, hop);
        }
    }

    /// Breaks a WebSocket: its frames are lost, those on their way and those to come.
    pub fn break_websocket(&mut self, link: u64) {
        self.broken.insert(link);
        let hops = std::mem::take(&mut self.hops);
        let arriving = hops.into_iter().filter(|(_, hop)| !self.is_lost(hop));
        self.hops = arriving.collect();
    }

    fn is_lost(&self, hop: &Hop) -> bool {
        match hop {
            Hop::Up(link, _) | Hop::Down(link, _) | Hop::Accept(link) => self.broken.contains(link),
            _ => false,
        }
    }

    /// Drops one answer that is on its way.
    pub fn lose_reply(&mut self, request: u64) {
        self.hops
            .retain(|_, hop| !matches!(hop, Hop::Reply(own, _) if *own == request));
    }

    /// When the next thing arrives.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.hops.first_key_value().map(|((at, _), _)| *at)
    }

    /// What arrives next.
    pub fn arrive(&mut self) -> Option<Hop> {
        self.hops.pop_first().map(|(_, hop)| hop)
    }
}

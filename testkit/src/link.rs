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
    /// News for the server that the client of a POST went away.
    PostDropped(u64),
    /// News for the client that a request will not be answered.
    Failed(u64),
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
    /// How much longer everything takes that goes to the client.
    pub down: Duration,
    /// Whether bodies of POSTs are stuck.
    pub hold_posts: bool,
    hops: BTreeMap<(Instant, u64), Hop>,
    held: Vec<Hop>,
    broken: BTreeSet<u64>,
    /// When the newest hop of each request and WebSocket arrives, by direction. (They share a
    /// counter, so a number names one of them.)
    newest: BTreeMap<(u64, bool), Instant>,
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
        let (latency, way) = match &hop {
            Hop::Get(name) | Hop::GetDropped(name) | Hop::PostHead(name) => {
                (self.http, (*name, false))
            }
            Hop::PostBody(name, _) | Hop::PostDropped(name) => (self.http, (*name, false)),
            Hop::Reply(name, _) | Hop::Failed(name) => (self.http + self.down, (*name, true)),
            Hop::Dial(link) | Hop::Up(link, _) | Hop::UpClosed(link) => {
                (self.websocket, (*link, false))
            }
            Hop::Accept(link) | Hop::Down(link, _) | Hop::DownClosed(link) => {
                (self.websocket + self.down, (*link, true))
            }
        };
        // a latency that became shorter lets nothing overtake on the same connection
        let newest = self.newest.entry(way).or_insert(now);
        let at = (now + latency).max(*newest);
        *newest = at;
        self.count += 1;
        self.hops.insert((at, self.count), hop);
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

    /// Drops all of a request that is on its way, and its answer.
    pub fn lose_request(&mut self, request: u64) {
        let is_lost = |hop: &Hop| match hop {
            Hop::Get(own) | Hop::PostHead(own) | Hop::PostBody(own, _) | Hop::Reply(own, _) => {
                *own == request
            }
            _ => false,
        };
        self.hops.retain(|_, hop| !is_lost(hop));
        self.held.retain(|hop| !is_lost(hop));
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

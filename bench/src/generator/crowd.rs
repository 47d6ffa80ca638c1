//! [`Crowd`]: many WebSockets on one thread.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bench::frames::{self, Kind};
use mio::{Events, Poll, Token};

use super::packets::shown;
use super::wire::{self, PIECE, Wire};
use super::{answer, upgrade};
use crate::Outcome;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a turn waits.
const TURN: Duration = Duration::from_millis(100);

/// What a client of the crowd hears.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heard<'a> {
    /// The namespace took it in.
    Joined,
    Text(&'a [u8]),
    Binary(&'a [u8]),
    /// The server answered the goodbye and closed.
    Over,
}

/// Where a client's frames go.
#[derive(Debug)]
pub(crate) struct Way<'a>(&'a mut Vec<u8>);

impl Way<'_> {
    pub(crate) fn text(&mut self, message: &[u8]) {
        frames::masked(Kind::Text, message, self.0);
    }

    pub(crate) fn binary(&mut self, message: &[u8]) {
        frames::masked(Kind::Binary, message, self.0);
    }

    pub(crate) fn close(&mut self) {
        // 1000: a normal end
        frames::masked(Kind::Close, &[0x03, 0xe8], self.0);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Asking,
    Opening,
    Joining,
    In,
    Leaving,
    Over,
}

#[derive(Debug)]
struct Client {
    wire: Wire,
    stage: Stage,
}

#[derive(Debug)]
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    server: SocketAddr,
    clients: Vec<Client>,
    /// Pings of the server that were answered.
    pub(crate) pings: u64,
    connects: usize,
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr) -> Outcome<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; PIECE],
            server,
            clients: Vec::new(),
            pings: 0,
            connects: 0,
        })
    }

    /// As many clients in the namespace `/`, so many of them at a time.
    pub(crate) fn of(server: SocketAddr, count: usize, at_once: usize) -> Outcome<Self> {
        let mut crowd = Self::new(server)?;
        crowd.grow(count, at_once)?;
        Ok(crowd)
    }

    /// Connects more of them.
    pub(crate) fn grow(&mut self, count: usize, at_once: usize) -> Outcome {
        let all = self.clients.len() + count;
        let mut joined = self.clients.len();
        let deadline = Instant::now() + PATIENCE;
        while joined < all {
            while self.clients.len() < all.min(joined + at_once) {
                self.connect(self.clients.len())?;
            }
            self.turn(|_, heard, _| {
                joined += usize::from(matches!(heard, Heard::Joined));
                Ok(())
            })?;
            if Instant::now() > deadline {
                return Err(format!("{joined} of {all} clients were let in").into());
            }
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Connects the client of that number, or connects it again after its end.
    pub(crate) fn connect(&mut self, number: usize) -> Outcome {
        self.connects += 1;
        let from = wire::source(self.connects);
        let wire = Wire::connect(self.server, from, self.poll.registry(), Token(number))?;
        let mut client = Client {
            wire,
            stage: Stage::Asking,
        };
        upgrade("", client.wire.output());
        client.wire.flush()?;
        match self.clients.get_mut(number) {
            Some(place) => *place = client,
            None => self.clients.push(client),
        }
        Ok(())
    }

    /// Says something as one of them.
    pub(crate) fn say(&mut self, number: usize, words: impl FnOnce(&mut Way<'_>)) -> Outcome {
        let client = self.clients.get_mut(number).ok_or("no such client")?;
        words(&mut Way(client.wire.output()));
        Ok(client.wire.flush()?)
    }

    /// Whether the system has taken all that was said.
    pub(crate) fn is_flushed(&self) -> bool {
        self.clients.iter().all(|client| client.wire.is_flushed())
    }

    /// Says goodbye as one of them, which then hears that it is over.
    pub(crate) fn leave(&mut self, number: usize) -> Outcome {
        self.say(number, |way| way.close())?;
        if let Some(client) = self.clients.get_mut(number) {
            client.stage = Stage::Leaving;
        }
        Ok(())
    }

    /// Waits a little for what servers say, tells it, and sends what is answered.
    pub(crate) fn turn(
        &mut self,
        mut hear: impl FnMut(usize, Heard<'_>, &mut Way<'_>) -> Outcome,
    ) -> Outcome {
        self.poll.poll(&mut self.events, Some(TURN))?;
        for event in &self.events {
            let number = event.token().0;
            let Some(client) = self.clients.get_mut(number) else {
                continue;
            };
            if client.stage == Stage::Over {
                continue;
            }
            if event.is_readable() || event.is_read_closed() {
                client.wire.fill(&mut self.buffer, event.is_read_closed())?;
                client.hear(number, &mut hear, &mut self.pings)?;
            }
            client.wire.flush()?;
        }
        Ok(())
    }

    /// Turns until `done`; `what` is told when that takes too long.
    pub(crate) fn until(
        &mut self,
        what: &str,
        mut hear: impl FnMut(usize, Heard<'_>, &mut Way<'_>) -> Outcome<bool>,
    ) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        let mut done = false;
        while !done {
            self.turn(|number, heard, way| {
                done |= hear(number, heard, way)?;
                Ok(())
            })?;
            if Instant::now() > deadline {
                return Err(format!("waited in vain: {what}").into());
            }
        }
        Ok(())
    }
}

impl Client {
    fn hear(
        &mut self,
        number: usize,
        hear: &mut impl FnMut(usize, Heard<'_>, &mut Way<'_>) -> Outcome,
        pings: &mut u64,
    ) -> Outcome {
        // not in the wire while it is read, so that answers can be written
        let input = std::mem::take(&mut self.wire.input);
        let mut bytes = input.as_slice();
        if self.stage == Stage::Asking {
            match answer(bytes)? {
                Some(answer) if answer.status == 101 => {
                    self.stage = Stage::Opening;
                    bytes = bytes.get(bytes.len() - answer.behind..).unwrap_or_default();
                }
                Some(answer) => return Err(format!("no WebSocket: {}", answer.status).into()),
                None => bytes = &[],
            }
        }
        while self.stage != Stage::Asking
            && let Some(frame) = frames::first(bytes)?
        {
            bytes = frame.rest;
            let mut way = Way(self.wire.output());
            let content = frame.content;
            match (self.stage, frame.kind) {
                (_, Kind::Text) if content == b"2" => {
                    way.text(b"3");
                    *pings += 1;
                }
                (Stage::Opening, Kind::Text) if content.starts_with(b"0{") => {
                    way.text(b"40");
                    self.stage = Stage::Joining;
                }
                (Stage::Joining, Kind::Text) if content.starts_with(b"40{\"sid\":\"") => {
                    self.stage = Stage::In;
                    hear(number, Heard::Joined, &mut way)?;
                }
                (Stage::In, Kind::Text) => hear(number, Heard::Text(content), &mut way)?,
                (Stage::In, Kind::Binary) => hear(number, Heard::Binary(content), &mut way)?,
                (Stage::Leaving, _) => {}
                (stage, kind) => {
                    let text = shown(content);
                    return Err(format!("client {number}, {stage:?}: {kind:?} {text}").into());
                }
            }
        }
        let (rest, asking) = (bytes.len(), self.stage == Stage::Asking);
        self.wire.input = input;
        if !asking {
            self.wire.keep(rest);
        }
        if !self.wire.is_ended {
            return Ok(());
        }
        if self.stage != Stage::Leaving {
            return Err(format!("client {number} was cut off, {:?}", self.stage).into());
        }
        self.stage = Stage::Over;
        hear(number, Heard::Over, &mut Way(&mut Vec::new()))
    }
}

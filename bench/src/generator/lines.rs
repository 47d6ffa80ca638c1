//! [`Lines`]: connections that speak HTTP, or HTTP first and WebSocket then.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::packets::shown;
use super::wire::{self, PIECE, Wire};
use super::{answer, get, post, without_ping};
use crate::Outcome;

const PATIENCE: Duration = Duration::from_secs(20);
const TURN: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Lines {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    server: SocketAddr,
    wires: Vec<Option<Wire>>,
    connects: usize,
    /// When something came last.
    heard: Instant,
}

impl Lines {
    pub(crate) fn new(server: SocketAddr) -> Outcome<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; PIECE],
            server,
            wires: Vec::new(),
            connects: 0,
            heard: Instant::now(),
        })
    }

    /// Sends something, on a new connection if there is none of that number.
    pub(crate) fn send(&mut self, number: usize, words: impl FnOnce(&mut Vec<u8>)) -> Outcome {
        if self.wires.len() <= number {
            self.wires.resize_with(number + 1, || None);
        }
        let place = self.wires.get_mut(number).ok_or("no such line")?;
        let wire = match place {
            Some(wire) => wire,
            None => {
                self.connects += 1;
                let from = wire::source(self.connects);
                place.insert(Wire::connect(
                    self.server,
                    from,
                    self.poll.registry(),
                    Token(number),
                )?)
            }
        };
        words(wire.output());
        Ok(wire.flush()?)
    }

    /// Closes a connection.
    pub(crate) fn hang_up(&mut self, number: usize) {
        if let Some(place) = self.wires.get_mut(number) {
            *place = None;
        }
    }

    /// Waits a little. `hear` gets what has come on a line and whether that was the last, and tells how much of it
    /// it has used; it is asked again until it uses nothing.
    pub(crate) fn turn(
        &mut self,
        mut hear: impl FnMut(usize, &[u8], bool) -> Outcome<usize>,
    ) -> Outcome {
        self.poll.poll(&mut self.events, Some(TURN))?;
        for event in &self.events {
            let number = event.token().0;
            let Some(Some(wire)) = self.wires.get_mut(number) else {
                continue;
            };
            self.heard = Instant::now();
            if event.is_readable() || event.is_read_closed() {
                wire.fill(&mut self.buffer, event.is_read_closed())?;
                loop {
                    let used = hear(number, &wire.input, wire.is_ended)?;
                    if used == 0 {
                        break;
                    }
                    wire.keep(wire.input.len() - used);
                }
            }
            wire.flush()?;
        }
        if self.heard.elapsed() > PATIENCE {
            return Err("the server says nothing any more".into());
        }
        Ok(())
    }

    /// The next answer on one line, while the others are quiet.
    pub(crate) fn ask(
        &mut self,
        number: usize,
        words: impl FnOnce(&mut Vec<u8>),
    ) -> Outcome<Vec<u8>> {
        self.send(number, words)?;
        let mut body = None;
        while body.is_none() {
            self.turn(|_, input, is_ended| {
                let Some(answer) = answer(input)? else {
                    return if is_ended {
                        Err("cut off".into())
                    } else {
                        Ok(0)
                    };
                };
                if answer.status != 200 {
                    return Err(format!("{}: {}", answer.status, shown(&answer.body)).into());
                }
                body = Some(answer.body);
                Ok(input.len() - answer.behind)
            })?;
        }
        body.ok_or_else(|| "no answer".into())
    }

    /// Opens a session in the namespace `/` on one line; its id.
    pub(crate) fn join(&mut self, number: usize) -> Outcome<String> {
        let open = self.ask(number, |out| get("", out))?;
        let sid = sid(&open)?;
        self.ask(number, |out| post(&sid, b"40", out))?;
        let mut joined = Vec::new();
        // a poll may bring a ping alone
        for _ in 0..2 {
            let (others, is_pinged) = without_ping(&self.ask(number, |out| get(&sid, out))?);
            joined = others;
            if is_pinged {
                self.ask(number, |out| post(&sid, b"3", out))?;
            }
            if !joined.is_empty() {
                break;
            }
        }
        if joined.starts_with(b"40{\"sid\":\"") {
            Ok(sid)
        } else {
            Err(format!("not let in: {}", shown(&joined)).into())
        }
    }
}

/// The id in the packet that opens a session.
pub(crate) fn sid(open: &[u8]) -> Outcome<String> {
    let open = std::str::from_utf8(open)?;
    let sid = open
        .split_once("\"sid\":\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    let (sid, _) = sid.ok_or_else(|| format!("no session: {open}"))?;
    Ok(sid.to_owned())
}

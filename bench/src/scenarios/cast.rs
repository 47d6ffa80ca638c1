//! Messages to many: to all, and to the members of rooms.

use std::time::Instant;

use testkit::Running;

use super::AT_ONCE;
use crate::Outcome;
use crate::generator::packets::{payload, shown};
use crate::generator::{Crowd, Heard};
use crate::measure::{Figures, Span, Times};

/// A broadcast, and how it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    pub(crate) receivers: usize,
    /// Messages of one sender, one behind the other, until the next ones wait for all to have them.
    pub(crate) burst: usize,
    /// Clients that send at the same time.
    pub(crate) senders: usize,
}

impl Cast {
    pub(crate) fn to(receivers: usize) -> Self {
        let (burst, senders) = (1, 1);
        Self {
            receivers,
            burst,
            senders,
        }
    }

    pub(crate) fn in_bursts(self, burst: usize) -> Self {
        Self { burst, ..self }
    }

    fn at_once(self) -> usize {
        self.burst * self.senders
    }
}

/// The messages that are on the way, and who has got what of them.
#[derive(Debug)]
struct Flight {
    cast: Cast,
    texts: Vec<Vec<u8>>,
    /// Of each receiver: a bit for each message.
    got: Vec<u64>,
    missing: usize,
}

impl Flight {
    fn new(cast: Cast) -> Self {
        Self {
            cast,
            texts: Vec::new(),
            got: vec![0; cast.receivers],
            missing: 0,
        }
    }

    /// The next messages, from that number on. Those of a sender are neighbours.
    fn launch(&mut self, number: u64) {
        let numbers = (number..).take(self.cast.at_once());
        let text = |number| format!("42[\"cast\",{}]", payload(number)).into_bytes();
        self.texts = numbers.map(text).collect();
        self.got.fill(0);
        self.missing = self.cast.receivers * self.cast.at_once();
    }

    /// A receiver got something; whether it came before an earlier one of its sender.
    fn heard(&mut self, number: usize, heard: Heard<'_>) -> Outcome<bool> {
        let Heard::Text(message) = heard else {
            return Err(format!("not expected: {heard:?}").into());
        };
        let got = self.got.get_mut(number).ok_or("no such client")?;
        // it is nearly always the first that is missing
        let from = got.trailing_ones() as usize;
        let known = self
            .texts
            .iter()
            .skip(from)
            .position(|text| text == message);
        let place = known
            .map(|place| place + from)
            .filter(|place| *got & (1 << place) == 0);
        let place = place.ok_or_else(|| format!("strange or twice: {}", shown(message)))?;
        let first = place - place % self.cast.burst;
        let earlier = ((1_u64 << place) - 1) & !((1_u64 << first) - 1);
        let in_order = *got & earlier == earlier;
        *got |= 1 << place;
        self.missing -= 1;
        Ok(!in_order)
    }
}

/// Some send to all; the next messages go out when all have the last ones.
pub(crate) fn casts(server: &Running, times: Times, cast: Cast) -> Outcome<Figures> {
    let mut crowd = Crowd::of(server.address, cast.receivers, AT_ONCE)?;
    let mut span = Span::start(&server.process, times)?;
    let mut flight = Flight::new(cast);
    let (mut sent, mut delivered) = (0_u64, 0_u64);
    loop {
        flight.launch(sent);
        let start = Instant::now();
        for (sender, texts) in flight.texts.chunks(cast.burst).enumerate() {
            crowd.say(sender, |way| texts.iter().for_each(|text| way.text(text)))?;
        }
        crowd.until("a cast to all", |number, heard, _| {
            span.disorder += u64::from(flight.heard(number, heard)?);
            Ok(flight.missing == 0)
        })?;
        span.took(start.elapsed());
        sent += cast.at_once() as u64;
        delivered += (cast.at_once() * cast.receivers) as u64;
        if let Some(figures) = span.over(delivered)? {
            return Ok(figures);
        }
    }
}

/// In each room of so many members, one sends to the room when all have the last one.
pub(crate) fn rooms(
    server: &Running,
    times: Times,
    clients: usize,
    members: usize,
) -> Outcome<Figures> {
    let mut crowd = Crowd::of(server.address, clients, AT_ONCE)?;
    join_all(&mut crowd, &|number| {
        vec![format!("room{}", number / members)]
    })?;
    talk(server, times, &mut crowd, members)
}

/// Puts each client into its rooms, one after the other.
pub(crate) fn join_all(crowd: &mut Crowd, rooms: &dyn Fn(usize) -> Vec<String>) -> Outcome {
    let mut open = 0;
    for number in 0..crowd.len() {
        crowd.say(number, |way| {
            for (id, room) in rooms(number).iter().enumerate() {
                way.text(format!("42{id}[\"join\",\"{room}\"]").as_bytes());
                open += 1;
            }
        })?;
    }
    crowd.until("the rooms", |_, heard, _| {
        let Heard::Text([b'4', b'3', ..]) = heard else {
            return Err(format!("not expected: {heard:?}").into());
        };
        open -= 1;
        Ok(open == 0)
    })
}

/// Talk in the rooms `room0`, `room1` and so on, whose members are neighbours.
pub(crate) fn talk(
    server: &Running,
    times: Times,
    crowd: &mut Crowd,
    members: usize,
) -> Outcome<Figures> {
    struct Talk {
        said: u64,
        since: Instant,
        missing: usize,
        got: u64,
    }
    let mut rooms: Vec<Talk> = Vec::new();
    let mut span = Span::start(&server.process, times)?;
    let mut begin = Vec::new();
    for room in 0..crowd.len() / members {
        let since = Instant::now();
        rooms.push(Talk {
            said: 0,
            since,
            missing: 0,
            got: 0,
        });
        begin.push(room);
    }
    let mut delivered = 0;
    let (mut figures, mut quiet) = (None, 0);
    let deadline = Instant::now() + times.warm + times.window * 10;
    while quiet < rooms.len() {
        for room in begin.drain(..) {
            if figures.is_some() {
                quiet += 1;
                continue;
            }
            let talk = rooms.get_mut(room).ok_or("no such room")?;
            talk.said += 1;
            (talk.missing, talk.got, talk.since) = (members, 0, Instant::now());
            let text = format!("42[\"room\",\"room{room}\",{}]", payload(talk.said));
            crowd.say(room * members, |way| way.text(text.as_bytes()))?;
        }
        crowd.turn(|number, heard, _| {
            let Heard::Text(message) = heard else {
                return Err(format!("not expected: {heard:?}").into());
            };
            let (room, member) = (number / members, number % members);
            let talk = rooms.get_mut(room).ok_or("no such room")?;
            let wanted = format!("42[\"cast\",{}]", payload(talk.said));
            if message != wanted.as_bytes() || talk.got & (1 << member) != 0 {
                return Err(format!("strange or twice: {}", shown(message)).into());
            }
            talk.got |= 1 << member;
            talk.missing -= 1;
            delivered += 1;
            if talk.missing == 0 {
                span.took(talk.since.elapsed());
                begin.push(room);
            }
            Ok(())
        })?;
        if figures.is_none() {
            figures = span.over(delivered)?;
        }
        if Instant::now() > deadline {
            return Err("a message to a room did not come to all".into());
        }
    }
    figures.ok_or_else(|| "no figures".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight() -> Flight {
        let mut flight = Flight::new(Cast {
            receivers: 2,
            burst: 2,
            senders: 2,
        });
        flight.launch(7);
        flight
    }

    fn heard(flight: &mut Flight, number: u64) -> Outcome<bool> {
        let text = format!("42[\"cast\",{}]", payload(number));
        flight.heard(1, Heard::Text(text.as_bytes()))
    }

    #[test]
    fn a_cast_comes_once_and_whole() {
        let mut flight = flight();
        assert!(!heard(&mut flight, 7).unwrap());
        heard(&mut flight, 7).unwrap_err();
        heard(&mut flight, 11).unwrap_err();
        flight
            .heard(0, Heard::Text(b"42[\"cast\",\"7\"]"))
            .unwrap_err();
        assert_eq!(flight.missing, 7);
    }

    #[test]
    fn order_is_that_of_a_sender() {
        let mut flight = flight();
        // the second sender may be first, its own messages may not change places
        assert!(heard(&mut flight, 10).unwrap());
        assert!(!heard(&mut flight, 9).unwrap());
        assert!(!heard(&mut flight, 7).unwrap());
        assert!(!heard(&mut flight, 8).unwrap());
    }
}

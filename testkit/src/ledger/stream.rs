//! A stream: what one side sends to the other in one channel, beside what arrived of it.

use std::collections::{BTreeMap, HashMap};

use super::check::{Fault, Wrong, note};
use super::record::{Record, Side, What};

/// What identifies a stream. `part` is what a stream is cut into: connections, or runs of recovered ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    pub(super) client: u32,
    pub(super) namespace: &'a str,
    pub(super) sender: Side,
    pub(super) channel: u32,
    pub(super) part: u32,
}

#[derive(Debug, Default)]
pub(super) struct Stream<'a> {
    pub(super) sent: Vec<&'a Record>,
    pub(super) received: Vec<&'a Record>,
}

/// A message that came in: where it stands among those sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    pub(super) position: usize,
    pub(super) line: &'a Record,
}

/// The streams of a log; `part` says which part a line of a sender's messages belongs to.
pub(super) fn streams<'a>(
    lines: &'a [Record],
    part: impl Fn(Side, &'a Record) -> u32,
) -> BTreeMap<Key<'a>, Stream<'a>> {
    let mut streams = BTreeMap::<Key<'_>, Stream<'_>>::new();
    for line in lines {
        let (sender, channel) = match line.what {
            What::Sent { channel, .. } | What::Refused { channel, .. } => (line.side, channel),
            What::Received { channel, .. } => (line.side.other(), channel),
            _ => continue,
        };
        let key = Key {
            client: line.client,
            namespace: &line.namespace,
            sender,
            channel,
            part: part(sender, line),
        };
        let stream = streams.entry(key).or_default();
        match line.what {
            What::Sent { .. } => stream.sent.push(line),
            What::Refused { seq, .. } => {
                let at = |sent: &&Record| message(sent).is_some_and(|(sent, _)| sent == seq);
                match stream.sent.iter().rposition(at) {
                    Some(position) => drop(stream.sent.remove(position)),
                    // what was never about to be sent
                    None => stream.received.push(line),
                }
            }
            _ => stream.received.push(line),
        }
    }
    streams
}

impl<'a> Stream<'a> {
    /// What came in, matched with what was sent: everything is known, unaltered, and counted upwards.
    pub(super) fn arrivals(&self, faults: &mut Vec<Fault>) -> Vec<Arrival<'a>> {
        let mut sent: HashMap<u64, (usize, u64)> = HashMap::new();
        let mut last = None;
        for (position, line) in self.sent.iter().enumerate() {
            let Some((seq, hash)) = message(line) else {
                continue;
            };
            if last.is_some_and(|last| seq <= last) {
                note(faults, Wrong::Miscounted, line);
            }
            last = Some(seq);
            sent.insert(seq, (position, hash));
        }
        let mut arrivals = Vec::with_capacity(self.received.len());
        for line in &self.received {
            let Some((seq, hash)) = message(line) else {
                note(faults, Wrong::NeverSent, line);
                continue;
            };
            match sent.get(&seq) {
                None => note(faults, Wrong::NeverSent, line),
                Some((_, original)) if *original != hash => note(faults, Wrong::Altered, line),
                Some((position, _)) => arrivals.push(Arrival {
                    position: *position,
                    line,
                }),
            }
        }
        arrivals
    }

    /// Those of the arrivals that came for the first time, which must be in order, and those that came again.
    pub(super) fn firsts(
        &self,
        arrivals: Vec<Arrival<'a>>,
        faults: &mut Vec<Fault>,
    ) -> (Arrived<'a>, Vec<Arrival<'a>>) {
        let mut seen = vec![None; self.sent.len()];
        let (mut firsts, mut again) = (Vec::new(), Vec::new());
        let mut latest = None;
        for arrival in arrivals {
            match seen.get_mut(arrival.position) {
                Some(place @ None) => *place = Some(arrival.line),
                _ => {
                    again.push(arrival);
                    continue;
                }
            }
            if latest.is_some_and(|latest| arrival.position < latest) {
                note(faults, Wrong::Reordered, arrival.line);
            }
            latest = latest.max(Some(arrival.position));
            firsts.push(arrival);
        }
        (Arrived { seen, firsts }, again)
    }

    /// As [`Stream::firsts`], where nothing may come again.
    pub(super) fn once(&self, faults: &mut Vec<Fault>) -> Arrived<'a> {
        let arrivals = self.arrivals(faults);
        let (arrived, again) = self.firsts(arrivals, faults);
        for arrival in again {
            note(faults, Wrong::Twice, arrival.line);
        }
        arrived
    }
}

/// What arrived of a stream.
#[derive(Debug)]
pub(super) struct Arrived<'a> {
    /// For each message sent, the line of its first arrival.
    pub(super) seen: Vec<Option<&'a Record>>,
    /// In the order of arrival.
    pub(super) firsts: Vec<Arrival<'a>>,
}

pub(super) fn message(line: &Record) -> Option<(u64, u64)> {
    match line.what {
        What::Sent { seq, hash, .. } | What::Received { seq, hash, .. } => Some((seq, hash)),
        _ => None,
    }
}

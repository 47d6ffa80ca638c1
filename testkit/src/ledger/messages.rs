//! What becomes of messages.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::check::{Fault, Wrong, note};
use super::record::{How, Record, Side, What, ack_id};
use super::sockets::{Runs, Sockets};
use super::stream::{Arrived, Stream, message, streams};

pub(super) fn exactly_once(lines: &[Record], faults: &mut Vec<Fault>) {
    for stream in streams(lines, |_, _| 0).into_values() {
        let arrived = stream.once(faults);
        for (sent, seen) in stream.sent.iter().zip(&arrived.seen) {
            if seen.is_none() {
                note(faults, Wrong::NeverArrived, sent);
            }
        }
    }
}

pub(super) fn at_most_once(lines: &[Record], faults: &mut Vec<Fault>) -> usize {
    let sockets = Sockets::of(lines);
    prefixes(lines, &sockets, faults, |line| {
        (line.connection, line.connection)
    })
}

pub(super) fn recovered(lines: &[Record], faults: &mut Vec<Fault>) -> usize {
    let sockets = Sockets::of(lines);
    let runs = Runs::of(lines, &sockets);
    prefixes(lines, &sockets, faults, |line| runs.of_line(line))
}

/// Counts the messages that were lost. `part` gives the first and the last connection that one to a client counts
/// with.
fn prefixes<'a>(
    lines: &'a [Record],
    sockets: &Sockets<'a>,
    faults: &mut Vec<Fault>,
    part: impl Fn(&'a Record) -> (u32, u32),
) -> usize {
    let mut lost = 0;
    let cut = |sender, line: &'a Record| match sender {
        Side::Server => part(line).0,
        Side::Client => 0,
    };
    for (key, stream) in streams(lines, cut) {
        let arrived = stream.once(faults);
        lost += match key.sender {
            Side::Server => {
                let until = stream.sent.first().map_or(key.part, |line| part(line).1);
                from_server(&stream, &arrived, sockets, until, faults)
            }
            Side::Client => from_client(&stream, &arrived, sockets, faults),
        };
    }
    lost
}

/// A stream of one part: what arrived is its beginning, nothing is missing of what was sent before the client's
/// last connection of the part, and if something is missing of that, the client was told of its end.
fn from_server(
    stream: &Stream<'_>,
    arrived: &Arrived<'_>,
    sockets: &Sockets<'_>,
    until: u32,
    faults: &mut Vec<Fault>,
) -> usize {
    let end = arrived.firsts.iter().map(|arrival| arrival.position + 1);
    let end = end.max().unwrap_or(0);
    let mut lost = 0;
    for (position, sent) in stream.sent.iter().enumerate() {
        if matches!(arrived.seen.get(position), Some(Some(_))) {
            continue;
        }
        lost += 1;
        let last = sockets.last(sent, Side::Client, until);
        if position < end || last.is_some_and(|(last, _)| sent.connection < last) {
            note(faults, Wrong::Hole, sent);
        } else if last.is_some_and(|(_, ended)| !ended) {
            note(faults, Wrong::NotTold, sent);
        }
    }
    lost
}

/// A stream over all connections of a client. Each brought a piece of it without a gap, that begins with what
/// the client sent when it was up, or had kept for it.
fn from_client(
    stream: &Stream<'_>,
    arrived: &Arrived<'_>,
    sockets: &Sockets<'_>,
    faults: &mut Vec<Fault>,
) -> usize {
    let mut pieces: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for arrival in &arrived.firsts {
        let at = arrival.position;
        let piece = pieces.entry(arrival.line.connection).or_insert((at, at));
        *piece = (piece.0.min(at), piece.1.max(at));
        if let Some(sent) = stream.sent.get(at)
            && sent.connection > arrival.line.connection
        {
            note(faults, Wrong::NeverSent, arrival.line);
        }
    }
    let mut lost = 0;
    for (position, sent) in stream.sent.iter().enumerate() {
        if matches!(arrived.seen.get(position), Some(Some(_))) {
            continue;
        }
        lost += 1;
        // what was kept while nothing could be reached belongs to the connection that came about
        let Some(own) = sockets.next_of_client(sent) else {
            continue;
        };
        let inside = |(first, last): &(usize, usize)| (*first..*last).contains(&position);
        let before = |(first, _): &(usize, usize)| position < *first;
        if pieces.values().any(inside) || pieces.get(&own).is_some_and(before) {
            note(faults, Wrong::Hole, sent);
        } else if sockets
            .last(sent, Side::Server, own)
            .is_some_and(|(_, ended)| !ended)
        {
            note(faults, Wrong::NotTold, sent);
        }
    }
    lost
}

/// Counts what was lost and what came again.
pub(super) fn at_least_once(
    lines: &[Record],
    ack_timeout: Duration,
    faults: &mut Vec<Fault>,
) -> (usize, usize) {
    let mut ends: HashMap<(u32, &str, u64), How> = HashMap::new();
    for line in lines {
        if let (Side::Client, What::AckEnded { id, how }) = (line.side, &line.what) {
            ends.insert((line.client, &line.namespace, *id), *how);
        }
    }
    super::waits::end_once(lines, faults);
    let (mut lost, mut doubled) = (0, 0);
    for (key, stream) in streams(lines, |_, _| 0) {
        if key.sender != Side::Client {
            continue;
        }
        let arrivals = stream.arrivals(faults);
        let (arrived, again) = stream.firsts(arrivals, faults);
        for (sent, seen) in stream.sent.iter().zip(&arrived.seen) {
            lost += usize::from(seen.is_none());
            let seq = message(sent).map_or(0, |(seq, _)| seq);
            match ends.get(&(key.client, key.namespace, ack_id(key.channel, seq))) {
                None => note(faults, Wrong::NeverEnded, sent),
                Some(How::Answered) if seen.is_none() => note(faults, Wrong::AnsweredUnseen, sent),
                Some(_) => {}
            }
        }
        doubled += again.len();
        // a connection that brings a message again, and early, has no reason to
        let mut brought: BTreeSet<(usize, u32)> = arrived
            .firsts
            .iter()
            .map(|first| (first.position, first.line.connection))
            .collect();
        for repeat in again {
            let known = !brought.insert((repeat.position, repeat.line.connection));
            let sent = stream.sent.get(repeat.position);
            if known && sent.is_some_and(|sent| repeat.line.at < sent.at + ack_timeout) {
                note(faults, Wrong::Twice, repeat.line);
            }
        }
    }
    (lost, doubled)
}

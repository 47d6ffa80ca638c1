//! The lives of sockets.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::check::{Fault, SocketKey, Wrong, note, socket};
use super::record::{Record, Side, What};

pub(super) fn paired(lines: &[Record], faults: &mut Vec<Fault>) {
    let mut sockets: BTreeMap<SocketKey<'_>, (&Record, bool)> = BTreeMap::new();
    // a client has one socket in a namespace; the server may not know yet that the last one is dead
    let mut present: HashMap<(u32, &str), u32> = HashMap::new();
    for line in lines {
        let place = (line.client, &*line.namespace);
        match line.what {
            What::Connected { .. } => {
                if sockets.insert(socket(line), (line, false)).is_some() {
                    note(faults, Wrong::ConnectedTwice, line);
                }
                if line.side == Side::Client && present.insert(place, line.connection).is_some() {
                    note(faults, Wrong::Overlap, line);
                }
            }
            What::Disconnected { .. } => {
                match sockets.get_mut(&socket(line)) {
                    Some((_, ended @ false)) => *ended = true,
                    _ => note(faults, Wrong::DisconnectedUnconnected, line),
                }
                if line.side == Side::Client && present.get(&place) == Some(&line.connection) {
                    present.remove(&place);
                }
            }
            _ => {}
        }
    }
    for (line, ended) in sockets.into_values() {
        if !ended {
            note(faults, Wrong::NeverDisconnected, line);
        }
    }
}

pub(super) fn told(lines: &[Record], within: Duration, faults: &mut Vec<Fault>) {
    let mut connected: HashMap<SocketKey<'_>, &Record> = HashMap::new();
    let mut ends: HashMap<SocketKey<'_>, Duration> = HashMap::new();
    let mut broken: HashMap<(u32, u32), Duration> = HashMap::new();
    for line in lines {
        match line.what {
            What::Connected { .. } => drop(connected.insert(socket(line), line)),
            What::Disconnected { .. } => {
                ends.entry(socket(line)).or_insert(line.at);
            }
            What::Broken => {
                broken
                    .entry((line.client, line.connection))
                    .or_insert(line.at);
            }
            _ => {}
        }
    }
    for (key, line) in connected {
        let Some(at) = broken.get(&(line.client, line.connection)) else {
            continue;
        };
        // whoever connects on a broken connection had its answer on the way
        let from = (*at).max(line.at);
        if ends.get(&key).is_none_or(|end| *end > from + within) {
            note(faults, Wrong::ToldLate, line);
        }
    }
}

//! Waits for acks.

use std::collections::HashMap;

use super::check::{Fault, Wrong, note};
use super::record::{Record, What};

pub(super) fn end_once(lines: &[Record], faults: &mut Vec<Fault>) {
    let mut waits: HashMap<_, (&Record, bool)> = HashMap::new();
    for line in lines {
        let key = |id: u64| (line.client, &*line.namespace, line.side, id);
        match line.what {
            What::AckWaited { id } => {
                let known = waits.insert(key(id), (line, false)).is_some();
                if known {
                    note(faults, Wrong::WaitedTwice, line);
                }
            }
            What::AckEnded { id, .. } => match waits.get_mut(&key(id)) {
                Some((_, ended @ false)) => *ended = true,
                _ => note(faults, Wrong::EndedTwice, line),
            },
            _ => {}
        }
    }
    for (line, ended) in waits.into_values() {
        if !ended {
            note(faults, Wrong::NeverEnded, line);
        }
    }
}

//! Which sockets there were in a run, and which of them continue one another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::check::{SocketKey, socket};
use super::record::{Record, Side, What};

/// Which sockets there were, and which of them ended.
pub(super) struct Sockets<'a> {
    ended: BTreeMap<SocketKey<'a>, bool>,
}

impl<'a> Sockets<'a> {
    pub(super) fn of(lines: &'a [Record]) -> Self {
        let mut ended = BTreeMap::new();
        for line in lines {
            match line.what {
                What::Connected { .. } => drop(ended.entry(socket(line)).or_insert(false)),
                What::Disconnected { .. } => drop(ended.insert(socket(line), true)),
                _ => {}
            }
        }
        Self { ended }
    }

    /// The last socket up to that connection that the side was told of, and whether of its end as well.
    pub(super) fn last(&self, line: &'a Record, side: Side, until: u32) -> Option<(u32, bool)> {
        let (client, namespace) = (line.client, &*line.namespace);
        let range = (client, namespace, side, 0)..=(client, namespace, side, until);
        let (key, ended) = self.ended.range(range).next_back()?;
        Some((key.3, *ended))
    }

    /// The connection of the client's with the line's number, or the next one that came about.
    pub(super) fn next_of_client(&self, line: &'a Record) -> Option<u32> {
        let (client, namespace) = (line.client, &*line.namespace);
        let from = (client, namespace, Side::Client, line.connection);
        let to = (client, namespace, Side::Client, u32::MAX);
        let (next, _) = self.ended.range(from..=to).next()?;
        Some(next.3)
    }
}

/// Runs of connections, each of which recovers the one before.
pub(super) struct Runs<'a> {
    /// The connections with which a run begins.
    fresh: HashMap<(u32, &'a str, Side), BTreeSet<u32>>,
    /// Those that a server began anew, and the client never heard of. It may recover an older one.
    unheard: BTreeSet<(u32, &'a str, u32)>,
}

impl<'a> Runs<'a> {
    pub(super) fn of(lines: &'a [Record], sockets: &Sockets<'a>) -> Self {
        let mut runs = Self {
            fresh: HashMap::new(),
            unheard: BTreeSet::new(),
        };
        for line in lines {
            let What::Connected { recovered: false } = line.what else {
                continue;
            };
            let (client, namespace) = (line.client, &*line.namespace);
            let heard = (client, namespace, Side::Client, line.connection);
            if sockets.ended.contains_key(&heard) {
                let fresh = runs.fresh.entry((client, namespace, line.side));
                fresh.or_default().insert(line.connection);
            } else {
                runs.unheard.insert((client, namespace, line.connection));
            }
        }
        runs
    }

    /// The first and the last connection of the run of a line of the server's messages.
    pub(super) fn of_line(&self, line: &'a Record) -> (u32, u32) {
        let (client, namespace, connection) = (line.client, &*line.namespace, line.connection);
        if self.unheard.contains(&(client, namespace, connection)) {
            return (connection, connection);
        }
        let fresh = |side| self.fresh.get(&(client, namespace, side));
        let first = fresh(line.side).and_then(|fresh| fresh.range(..=connection).next_back());
        let first = first.copied().unwrap_or_default();
        let next = fresh(Side::Client).and_then(|fresh| fresh.range(first + 1..).next());
        (first, next.map_or(u32::MAX, |next| next - 1))
    }
}

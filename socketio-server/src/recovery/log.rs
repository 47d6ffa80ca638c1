//! [`Log`]: the events of a namespace that clients may have missed.

use std::collections::VecDeque;
use std::time::Instant;

use engineio::Batch;

use super::Recovery;
use crate::rooms::Selection;

/// What an entry costs beside its frames and the names of rooms.
const ENTRY_COST: usize = 200;
/// What tells servers apart has so many characters.
pub(crate) const EPOCH_CHARS: usize = 8;

/// The newest events of a namespace, bounded in time and bytes. They are numbered from 1.
#[derive(Debug)]
pub(crate) struct Log {
    /// Tells the numbers of this namespace from those of another server, or of one of its name
    /// in another life: `SERVER.LIFE`.
    epoch: Box<str>,
    limits: Recovery,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The number of the newest event, kept or not.
    newest: u64,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    selection: Selection,
    batch: Batch,
    bytes: usize,
}

impl Log {
    pub(crate) fn new(epoch: impl Into<Box<str>>, limits: Recovery) -> Self {
        Self {
            epoch: epoch.into(),
            limits,
            entries: VecDeque::new(),
            bytes: 0,
            newest: 0,
        }
    }

    /// The number of the newest event.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// The number of the oldest event that is kept, or of the next one.
    pub(crate) fn oldest(&self) -> u64 {
        self.newest + 1 - self.entries.len() as u64
    }

    /// What the next event carries.
    pub(crate) fn next_offset(&self) -> String {
        format!("{}-{}", self.epoch, self.newest + 1)
    }

    pub(crate) fn append(&mut self, now: Instant, selection: &Selection, batch: &Batch) {
        let names = selection.rooms.iter().chain(&selection.except);
        let names: usize = names.map(|room| room.as_str().len()).sum();
        let bytes = batch.size() + names + ENTRY_COST;
        self.newest += 1;
        self.bytes += bytes;
        self.entries.push_back(Entry {
            at: now,
            selection: selection.clone(),
            batch: batch.clone(),
            bytes,
        });
        self.prune(now);
    }

    /// Forgets what is too old or too much.
    pub(crate) fn prune(&mut self, now: Instant) {
        let Self {
            limits,
            entries,
            bytes,
            ..
        } = self;
        let goes = |bytes: usize, entry: &Entry| {
            bytes > limits.max_bytes || now.duration_since(entry.at) > limits.max_gap
        };
        while entries.front().is_some_and(|entry| goes(*bytes, entry))
            && let Some(entry) = entries.pop_front()
        {
            *bytes -= entry.bytes;
        }
        if entries.is_empty() {
            *entries = VecDeque::new();
        }
    }

    /// The number that a client names, of a session that began behind number `start`. `None`
    /// for one that this server cannot have given to it.
    pub(crate) fn position(&self, offset: Option<&str>, start: u64) -> Option<u64> {
        let Some(offset) = offset else {
            return Some(start);
        };
        let (epoch, number) = offset.rsplit_once('-')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = number.parse().ok().filter(|_| is_number)?;
        if *epoch != *self.epoch {
            // of another life: then it has had nothing in this session; what is no offset at all
            // tells nothing
            return is_epoch(epoch).then_some(start);
        }
        (number <= self.newest).then(|| number.max(start))
    }

    /// The events behind a number, in order; `None` when some of them are forgotten.
    pub(crate) fn after(
        &self,
        number: u64,
    ) -> Option<impl Iterator<Item = (u64, &Selection, &Batch)>> {
        let oldest = self.oldest();
        let skip = (number + 1).checked_sub(oldest)?;
        let entries = self.entries.iter().skip(usize::try_from(skip).ok()?);
        let numbered = (number + 1..).zip(entries);
        Some(numbered.map(|(number, entry)| (number, &entry.selection, &entry.batch)))
    }
}

/// Clients take the last string of any event for an offset, whatever it says.
fn is_epoch(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(server, life)| {
        let is_number = !life.is_empty() && life.bytes().all(|byte| byte.is_ascii_digit());
        server.len() == EPOCH_CHARS && is_number
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engineio::Data;

    use super::*;
    use crate::clock;

    fn log(limits: Recovery) -> Log {
        Log::new("ser-ver1.1", limits)
    }

    fn fill(log: &mut Log, now: Instant, count: usize) {
        for _ in 0..count {
            log.append(now, &Selection::default(), &Data::from("x").into());
        }
    }

    fn numbers(log: &Log, number: u64) -> Option<Vec<u64>> {
        Some(log.after(number)?.map(|(number, ..)| number).collect())
    }

    #[test]
    fn what_is_behind_a_number_comes_in_order_or_not_at_all() {
        let now = clock::now();
        let mut log = log(Recovery::default().max_gap(Duration::from_secs(10)));
        assert_eq!(numbers(&log, 0), Some(vec![]));
        fill(&mut log, now, 3);
        assert_eq!(numbers(&log, 0), Some(vec![1, 2, 3]));
        assert_eq!(numbers(&log, 2), Some(vec![3]));
        assert_eq!(numbers(&log, 3), Some(vec![]));
        let later = now + Duration::from_secs(11);
        fill(&mut log, later, 1);
        assert_eq!(numbers(&log, 2), None, "3 is forgotten");
        assert_eq!(numbers(&log, 3), Some(vec![4]));
        log.prune(later + Duration::from_secs(11));
        assert_eq!((numbers(&log, 3), numbers(&log, 4)), (None, Some(vec![])));
        assert_eq!(log.bytes, 0);
    }

    #[test]
    fn bytes_are_bounded() {
        let now = clock::now();
        let mut log = log(Recovery::default().max_bytes(1000));
        fill(&mut log, now, 100);
        assert!(log.bytes <= 1000 && log.entries.len() < 5);
        assert_eq!(
            (log.newest(), log.next_offset().as_str()),
            (100, "ser-ver1.1-101")
        );
    }

    #[test]
    fn offsets_are_judged() {
        let now = clock::now();
        let mut log = log(Recovery::default());
        fill(&mut log, now, 9);
        for (offset, start, position) in [
            (None, 4, Some(4)),
            (Some("ser-ver1.1-7"), 4, Some(7)),
            (Some("ser-ver1.1-2"), 4, Some(4)),
            (Some("ser-ver1.1-10"), 4, None),
            (Some("ser-ver1.2-9"), 4, Some(4)),
            (Some("otherone.1-99"), 4, Some(4)),
            (Some("other-99"), 4, None),
            (Some("2026-11-20"), 4, None),
            (Some("ser-ver1.1-"), 4, None),
            (Some("ser-ver1.1-+7"), 4, None),
            (Some("ser-ver1.1-99999999999999999999"), 4, None),
            (Some("7"), 4, None),
            (Some(""), 4, None),
        ] {
            assert_eq!(log.position(offset, start), position, "{offset:?}");
        }
    }
}

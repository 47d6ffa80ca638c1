//! [`History`]: which rooms a socket was in, by the number of the event.

use std::collections::{HashMap, HashSet, VecDeque};

use socketio_proto::SocketId;

use crate::rooms::{Room, Selection};

/// Fewer changes are kept as they are.
const COMPACT_FROM: usize = 64;

/// The rooms of one socket over time. Its own id is not among them.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The rooms before the changes.
    base: HashSet<Room>,
    changes: VecDeque<Change>,
    /// So many changes are a reason to look for those that cancel out.
    compact_at: usize,
    /// The newest event that was sent to the socket.
    sent: u64,
    /// The newest event when the socket left.
    ended: u64,
}

#[derive(Clone, Debug)]
struct Change {
    /// Holds for events behind this number.
    after: u64,
    room: Room,
    joined: bool,
}

impl History {
    /// The socket joined or left a room when the newest event was number `after`. Of events
    /// before `oldest` nobody will ask.
    pub(crate) fn record(&mut self, after: u64, room: Room, joined: bool, oldest: u64) {
        self.changes.push_back(Change {
            after,
            room,
            joined,
        });
        while self
            .changes
            .front()
            .is_some_and(|change| change.after < oldest)
            && let Some(change) = self.changes.pop_front()
        {
            if change.joined {
                self.base.insert(change.room);
            } else {
                self.base.remove(&change.room);
            }
        }
        if self.changes.len() >= self.compact_at.max(COMPACT_FROM) {
            self.compact();
        }
    }

    /// Forgets rooms that were joined and left between two events.
    fn compact(&mut self) {
        let mut rooms = self.base.clone();
        let mut changes = std::mem::take(&mut self.changes).into_iter().peekable();
        while let Some(Change {
            after,
            room,
            joined,
        }) = changes.next()
        {
            let mut last = HashMap::from([(room, joined)]);
            while let Some(change) = changes.next_if(|change| change.after == after) {
                last.insert(change.room, change.joined);
            }
            for (room, joined) in last {
                let changed = if joined {
                    rooms.insert(room.clone())
                } else {
                    rooms.remove(&room)
                };
                if changed {
                    self.changes.push_back(Change {
                        after,
                        room,
                        joined,
                    });
                }
            }
        }
        self.compact_at = COMPACT_FROM.max(self.changes.len() * 2);
    }

    /// Whether the event of that number was for the socket.
    pub(crate) fn selects(&self, selection: &Selection, own: &SocketId, number: u64) -> bool {
        let is_in = |room: &Room| room.as_str() == own.as_str() || self.was_in(room, number);
        selection.sender.as_ref() != Some(own)
            && (selection.rooms.is_empty() || selection.rooms.iter().any(is_in))
            && !selection.except.iter().any(is_in)
    }

    fn was_in(&self, room: &Room, number: u64) -> bool {
        let mut changes = self.changes.iter().rev();
        match changes.find(|change| change.after < number && change.room == *room) {
            Some(change) => change.joined,
            None => self.base.contains(room),
        }
    }

    /// The socket left when the newest event was number `ended`, and of those it was sent number `sent` last.
    pub(crate) fn end(&mut self, sent: u64, ended: u64) {
        (self.sent, self.ended) = (sent, ended);
    }

    /// From where on a client that has everything up to `position` may miss something. Who had received all that was
    /// for it misses nothing from before its end, however long ago its newest event was.
    pub(crate) fn missing_from(&self, position: u64) -> u64 {
        if self.sent <= position {
            position.max(self.ended)
        } else {
            position
        }
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// The rooms at its end.
    pub(crate) fn rooms(&self) -> HashSet<Room> {
        let mut rooms = self.base.clone();
        for change in &self.changes {
            if change.joined {
                rooms.insert(change.room.clone());
            } else {
                rooms.remove(&change.room);
            }
        }
        rooms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(room: &str) -> Selection {
        Selection {
            rooms: vec![room.into()],
            ..Selection::default()
        }
    }

    fn own() -> SocketId {
        SocketId::from_entropy([7; 15])
    }

    #[test]
    fn a_room_that_was_left_still_counts_for_what_was_sent_before() {
        let mut history = History::default();
        history.record(0, "red".into(), true, 0);
        history.record(3, "red".into(), false, 0);
        let selected = |number| history.selects(&to("red"), &own(), number);
        assert_eq!([1, 3, 4].map(selected), [true, true, false]);
        let except = Selection {
            except: vec!["red".into()],
            ..Selection::default()
        };
        let selected = |number| history.selects(&except, &own(), number);
        assert_eq!([1, 3, 4].map(selected), [false, false, true]);
    }

    #[test]
    fn its_own_events_are_not_for_it_and_its_id_is_its_room() {
        let history = History::default();
        assert!(history.selects(&to(own().as_str()), &own(), 1));
        let from = Selection {
            sender: Some(own()),
            ..Selection::default()
        };
        assert!(!history.selects(&from, &own(), 1));
        assert!(history.selects(&Selection::default(), &own(), 1));
    }

    #[test]
    fn what_nobody_asks_for_is_folded_into_the_base() {
        let mut history = History::default();
        for n in 0..1000 {
            history.record(n, "red".into(), n % 2 == 0, n.saturating_sub(3));
        }
        assert!(history.changes.len() < 10);
        assert!(!history.was_in(&"red".into(), 1001));
        assert!(history.was_in(&"red".into(), 999));
        history.record(1000, "blue".into(), true, 1000);
        assert_eq!(history.rooms(), HashSet::from(["blue".into()]));
    }

    #[test]
    fn a_socket_that_comes_and_goes_while_nothing_is_sent_takes_no_memory() {
        let mut history = History::default();
        history.record(1, "red".into(), true, 1);
        for n in 0..10_000 {
            let room = format!("room-{}", n / 2);
            history.record(2, room.into(), n % 2 == 0, 1);
        }
        history.record(2, "blue".into(), true, 1);
        assert!(history.changes.len() < 200, "{}", history.changes.len());
        assert_eq!(
            history.rooms(),
            HashSet::from(["red".into(), "blue".into()])
        );
        let red = |number| history.was_in(&"red".into(), number);
        let blue = |number| history.was_in(&"blue".into(), number);
        assert_eq!([1, 2, 3].map(red), [false, true, true]);
        assert_eq!([1, 2, 3].map(blue), [false, false, true]);
    }
}

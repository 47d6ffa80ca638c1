//! [`Selection`]: who a broadcast goes to.

use socketio_proto::SocketId;

use super::{Room, Rooms, Slot};

/// Which sockets a broadcast goes to: those in any of `rooms` (all, when there is none), but
/// in none of `except`, and not `sender`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) rooms: Vec<Room>,
    pub(crate) except: Vec<Room>,
    pub(crate) sender: Option<SocketId>,
}

impl Selection {
    pub(crate) fn one(id: SocketId) -> Self {
        Self {
            rooms: vec![id.into()],
            ..Self::default()
        }
    }
}

impl Rooms {
    /// Calls `each` with every selected slot, once.
    pub(crate) fn select(&self, selection: &Selection, mut each: impl FnMut(Slot)) {
        let sender = selection.sender.as_ref().and_then(|id| self.find(id));
        match (&*selection.rooms, &*selection.except) {
            ([], []) => {
                self.everybody()
                    .filter(|slot| Some(*slot) != sender)
                    .for_each(each);
            }
            ([room], []) => self.in_room(room, |slot| {
                if Some(slot) != sender {
                    each(slot);
                }
            }),
            (rooms, except) => {
                let mut done = Bits::new(self.sockets.len());
                for room in except {
                    self.in_room(room, |slot| {
                        done.insert(slot);
                    });
                }
                if let Some(sender) = sender {
                    done.insert(sender);
                }
                let mut once = |slot| {
                    if done.insert(slot) {
                        each(slot);
                    }
                };
                if rooms.is_empty() {
                    self.everybody().for_each(once);
                } else {
                    rooms.iter().for_each(|room| self.in_room(room, &mut once));
                }
            }
        }
    }

    fn everybody(&self) -> impl Iterator<Item = Slot> {
        let sockets = self.sockets.iter().enumerate();
        sockets
            .filter(|(_, socket)| socket.is_some())
            .map(|(slot, _)| slot as Slot)
    }

    fn in_room(&self, name: &Room, mut each: impl FnMut(Slot)) {
        if let Some(room) = self
            .by_name
            .get(name)
            .and_then(|room| self.rooms.get(*room))
        {
            room.members.iter().for_each(|member| each(member.slot));
        }
        // a socket never is a member of the room of its own id, others may be
        if let Some(slot) = name.as_str().parse().ok().and_then(|id| self.find(&id)) {
            each(slot);
        }
    }
}

/// A set of slots.
struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)])
    }

    /// Whether it was not there before.
    fn insert(&mut self, slot: Slot) -> bool {
        let (word, bit) = (slot as usize / 64, 1u64 << (slot % 64));
        let Some(word) = self.0.get_mut(word) else {
            return false;
        };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

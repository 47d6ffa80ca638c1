//! The room index of a namespace: who is where. Pure data.
//!
//! Members are dense lists of slots, so that a broadcast walks memory in order. Every
//! membership knows its place in both lists, so that joining and leaving cost the same however
//! large the room.

mod room;
mod select;

use std::collections::HashMap;

use socketio_proto::SocketId;

pub use self::room::{Room, RoomEvent};
pub(crate) use self::select::Selection;

/// Place of a socket in its namespace's tables.
pub(crate) type Slot = u32;

#[derive(Debug, Default)]
pub(crate) struct Rooms {
    by_name: HashMap<Room, usize>,
    rooms: Vec<Members>,
    free_rooms: Vec<usize>,
    by_id: HashMap<SocketId, Slot>,
    sockets: Vec<Option<Entry>>,
    free_slots: Vec<Slot>,
    /// What happened since it was last asked for, if anybody asks.
    events: Option<Vec<RoomEvent>>,
}

#[derive(Debug)]
struct Members {
    name: Room,
    members: Vec<Member>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    slot: Slot,
    /// Where in the socket's list of memberships.
    membership: usize,
}

#[derive(Debug)]
struct Entry {
    id: SocketId,
    memberships: Vec<Membership>,
}

#[derive(Clone, Copy, Debug)]
struct Membership {
    room: usize,
    /// Where in the room's list of members.
    member: usize,
}

impl Rooms {
    /// Gives a socket its slot, below the count of all that were ever there at once.
    pub(crate) fn add(&mut self, id: SocketId) -> Slot {
        let entry = Some(Entry {
            id: id.clone(),
            memberships: Vec::new(),
        });
        let slot = match self.free_slots.pop() {
            Some(slot) => slot,
            None => {
                self.sockets.push(None);
                (self.sockets.len() - 1) as Slot
            }
        };
        if let Some(place) = self.sockets.get_mut(slot as usize) {
            *place = entry;
        }
        self.by_id.insert(id.clone(), slot);
        self.note(|| {
            let room = Room::from(&id);
            let created = RoomEvent::Created { room: room.clone() };
            [created, RoomEvent::Joined { room, socket: id }]
        });
        slot
    }

    /// From now on somebody asks for what happens.
    pub(crate) fn record(&mut self) {
        self.events.get_or_insert_default();
    }

    pub(crate) fn take_events(&mut self) -> Vec<RoomEvent> {
        self.events.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note<const N: usize>(&mut self, events: impl FnOnce() -> [RoomEvent; N]) {
        if let Some(noted) = &mut self.events {
            noted.extend(events());
        }
    }

    /// Takes a socket out of its rooms and gives its slot back.
    pub(crate) fn remove(&mut self, slot: Slot) {
        while let Some(membership) = self.memberships(slot).last().copied() {
            self.detach(slot, membership.room);
        }
        if let Some(entry) = self.sockets.get_mut(slot as usize).and_then(Option::take) {
            self.by_id.remove(&entry.id);
            self.free_slots.push(slot);
            self.note(|| {
                let (room, socket) = (Room::from(&entry.id), entry.id);
                let left = RoomEvent::Left {
                    room: room.clone(),
                    socket,
                };
                [left, RoomEvent::Deleted { room }]
            });
        }
        if self.by_id.is_empty() {
            *self = Self {
                events: self.events.take(),
                ..Self::default()
            };
        }
    }

    pub(crate) fn find(&self, id: &SocketId) -> Option<Slot> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn id(&self, slot: Slot) -> Option<SocketId> {
        let entry = self.sockets.get(slot as usize)?.as_ref()?;
        Some(entry.id.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Puts a socket into a room. Once is enough.
    pub(crate) fn join(&mut self, slot: Slot, name: Room) {
        let Some(Some(entry)) = self.sockets.get(slot as usize) else {
            return;
        };
        if entry.id.as_str() == name.as_str() {
            return;
        }
        let room = match self.by_name.get(&name) {
            Some(room) => *room,
            None => self.create(name),
        };
        if self.membership(slot, room).is_some() {
            return;
        }
        let Some(Some(entry)) = self.sockets.get_mut(slot as usize) else {
            return;
        };
        let Some(place) = self.rooms.get_mut(room) else {
            return;
        };
        let membership = Membership {
            room,
            member: place.members.len(),
        };
        place.members.push(Member {
            slot,
            membership: entry.memberships.len(),
        });
        entry.memberships.push(membership);
        if self.events.is_some() {
            let (first, socket) = (membership.member == 0, entry.id.clone());
            let Some(room) = self.rooms.get(room).map(|room| room.name.clone()) else {
                return;
            };
            if first {
                self.note(|| [RoomEvent::Created { room: room.clone() }]);
            }
            self.note(|| [RoomEvent::Joined { room, socket }]);
        }
    }

    /// Takes a socket out of a room. Empty rooms vanish.
    pub(crate) fn leave(&mut self, slot: Slot, name: &Room) {
        if let Some(room) = self.by_name.get(name).copied() {
            self.detach(slot, room);
        }
    }

    /// How many rooms a socket is in, without that of its own id.
    pub(crate) fn count(&self, slot: Slot) -> usize {
        self.memberships(slot).len()
    }

    pub(crate) fn is_in(&self, slot: Slot, name: &Room) -> bool {
        let own = self.id(slot).is_some_and(|id| id.as_str() == name.as_str());
        let room = self.by_name.get(name);
        own || room.is_some_and(|room| self.membership(slot, *room).is_some())
    }

    /// The rooms of a socket, its own id first.
    pub(crate) fn of(&self, slot: Slot) -> Vec<Room> {
        let Some(Some(entry)) = self.sockets.get(slot as usize) else {
            return Vec::new();
        };
        let joined = entry
            .memberships
            .iter()
            .filter_map(|membership| Some(self.rooms.get(membership.room)?.name.clone()));
        std::iter::once(Room::from(&entry.id))
            .chain(joined)
            .collect()
    }

    fn create(&mut self, name: Room) -> usize {
        // the name may be a slice of a packet, which it must not keep alive
        let name = name.detached();
        let members = Members {
            name: name.clone(),
            members: Vec::new(),
        };
        let room = match self.free_rooms.pop() {
            Some(room) => room,
            None => self.rooms.len(),
        };
        match self.rooms.get_mut(room) {
            Some(place) => *place = members,
            None => self.rooms.push(members),
        }
        self.by_name.insert(name, room);
        room
    }

    fn memberships(&self, slot: Slot) -> &[Membership] {
        let entry = self.sockets.get(slot as usize).and_then(Option::as_ref);
        entry.map_or(&[], |entry| &entry.memberships)
    }

    /// Where in the list of a socket's memberships a room is. The shorter of the two lists is
    /// searched, so that neither the rooms of a socket nor the members of a room make it slow.
    fn membership(&self, slot: Slot, room: usize) -> Option<usize> {
        let memberships = self.memberships(slot);
        let members = &self.rooms.get(room)?.members;
        if memberships.last().is_some_and(|last| last.room == room) {
            return Some(memberships.len() - 1);
        }
        if members.len() < memberships.len() {
            let member = members.iter().find(|member| member.slot == slot);
            return member.map(|member| member.membership);
        }
        memberships.iter().position(|own| own.room == room)
    }

    /// Ends one membership; the last of either list takes its place there.
    fn detach(&mut self, slot: Slot, room: usize) {
        let Some(index) = self.membership(slot, room) else {
            return;
        };
        let Some(Some(entry)) = self.sockets.get_mut(slot as usize) else {
            return;
        };
        let Membership { member, .. } = entry.memberships.swap_remove(index);
        if let Some(moved) = entry.memberships.get(index).copied()
            && let Some(member) = self
                .rooms
                .get_mut(moved.room)
                .and_then(|r| r.members.get_mut(moved.member))
        {
            member.membership = index;
        }
        let Some(place) = self.rooms.get_mut(room) else {
            return;
        };
        place.members.swap_remove(member);
        if let Some(moved) = place.members.get(member).copied()
            && let Some(Some(entry)) = self.sockets.get_mut(moved.slot as usize)
            && let Some(membership) = entry.memberships.get_mut(moved.membership)
        {
            membership.member = member;
        }
        let Some(place) = self.rooms.get_mut(room) else {
            return;
        };
        let last = place.members.is_empty();
        let name = self.events.is_some().then(|| place.name.clone());
        if last {
            place.members = Vec::new();
            self.by_name.remove(&place.name);
            self.free_rooms.push(room);
        }
        if let (Some(room), Some(socket)) = (name, self.id(slot)) {
            let deleted = last.then(|| RoomEvent::Deleted { room: room.clone() });
            self.note(|| [RoomEvent::Left { room, socket }]);
            if let Some(deleted) = deleted {
                self.note(|| [deleted]);
            }
        }
    }
}

#[cfg(test)]
mod tests;

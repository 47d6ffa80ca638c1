//! [`State`]: what a namespace keeps behind its lock.

use std::collections::HashMap;

use engineio::Batch;
use socketio_proto::SocketId;

use super::namespace::Seat;
use crate::connection::{Command, Connection};
use crate::recovery::{History, Log};
use crate::rooms::{RoomEvent, Rooms, Selection, Slot};
use crate::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) rooms: Rooms,
    /// By slot, so that a broadcast walks memory in order.
    pub(super) members: Vec<Option<Arc<Connection>>>,
    pub(super) recovery: Option<Box<Recoverable>>,
    /// What happened to rooms and nobody was told of yet.
    pub(super) untold: Vec<RoomEvent>,
    /// Somebody is telling: of what comes meanwhile, too.
    pub(super) is_telling: bool,
}

/// What is needed to give a client what it missed.
#[derive(Debug)]
pub(super) struct Recoverable {
    pub(super) log: Log,
    pub(super) histories: HashMap<SocketId, History>,
    /// By slot, the number of the newest event that was sent to the member.
    pub(super) sent: Vec<u64>,
}

impl State {
    /// Queues the frames, shared by all, for those who are selected. `expect` says what to tell
    /// the task of each of them before, `number` is that of an event that is kept.
    pub(super) fn send(
        &mut self,
        selection: &Selection,
        batch: &Batch,
        volatile: bool,
        expect: Option<&dyn Fn(SocketId) -> Command>,
        number: Option<u64>,
    ) {
        let Self {
            rooms,
            members,
            recovery,
            ..
        } = self;
        let mut kept = recovery.as_mut().zip(number);
        let mut shared = None;
        rooms.select(selection, |slot| {
            let Some(Some(member)) = members.get(slot as usize) else {
                return;
            };
            if let Some(expect) = expect
                && let Some(id) = rooms.id(slot)
            {
                member.command(expect(id));
            }
            if let Some((recovery, number)) = &mut kept {
                recovery.mark(slot, *number);
            }
            let batch = shared.get_or_insert_with(|| member.handle.share(batch));
            let frames = batch.iter().cloned();
            // a member that has just closed is told by its own task
            if volatile {
                member.handle.send_volatile(frames).ok();
            } else {
                member.handle.send(frames).ok();
            }
        });
    }

    pub(super) fn seat(&mut self, id: SocketId, connection: Arc<Connection>) -> Seat {
        let slot = self.rooms.add(id);
        if self.members.len() <= slot as usize {
            self.members.resize(slot as usize + 1, None);
        }
        if let Some(place) = self.members.get_mut(slot as usize) {
            *place = Some(connection);
        }
        if let Some(recovery) = &mut self.recovery {
            recovery.mark(slot, 0);
        }
        let recovery = self.recovery.as_ref();
        Seat {
            slot,
            newest: recovery.map_or(0, |recovery| recovery.log.newest()),
        }
    }
}

impl Recoverable {
    /// The event of that number was sent to a member.
    pub(super) fn mark(&mut self, slot: Slot, number: u64) {
        let slot = slot as usize;
        if self.sent.len() <= slot {
            self.sent.resize(slot + 1, 0);
        }
        if let Some(sent) = self.sent.get_mut(slot) {
            *sent = number;
        }
    }

    /// What is known of a member that leaves.
    pub(super) fn end(&mut self, id: &SocketId, slot: Slot) -> Option<History> {
        let mut history = self.histories.remove(id)?;
        let sent = self.sent.get(slot as usize).copied().unwrap_or_default();
        history.end(sent, self.log.newest());
        Some(history)
    }

    /// Who was where, by the number of the event.
    pub(super) fn note(&mut self, events: &[RoomEvent]) {
        let (newest, oldest) = (self.log.newest(), self.log.oldest());
        for event in events {
            let (room, socket, joined) = match event {
                RoomEvent::Joined { room, socket } => (room, socket, true),
                RoomEvent::Left { room, socket } => (room, socket, false),
                RoomEvent::Created { .. } | RoomEvent::Deleted { .. } => continue,
            };
            if room.as_str() == socket.as_str() {
                continue;
            }
            if let Some(history) = self.histories.get_mut(socket) {
                history.record(newest, room.clone(), joined, oldest);
            }
        }
    }
}

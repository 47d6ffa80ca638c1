//! [`NamespaceCore`]: members and rooms of one namespace, whatever the type of its data, and
//! the one point through which its broadcasts leave.

use std::collections::HashMap;

use engineio::Batch;
use socketio_proto::{AckId, NamespaceId, SocketId};

use super::observer::Observer;
use super::state::{Recoverable, State};
use crate::clock;
use crate::connection::{Command, Connection};
use crate::outgoing::Outgoing;
use crate::recovery::{History, Log, Recovery};
use crate::rooms::{RoomEvent, Rooms, Selection, Slot};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering};

type OnOutgoing = Box<dyn Fn(&[Receiver<'_>], &Outgoing<'_>) + Send + Sync>;
type OnRoom = Box<dyn Fn(&RoomEvent) + Send + Sync>;

/// Namespaces whose events are numbered.
static LIVES: AtomicU64 = AtomicU64::new(1);

/// Members and rooms of one namespace.
pub(crate) struct NamespaceCore {
    pub(crate) id: NamespaceId,
    state: Mutex<State>,
    /// Whether events are kept for clients that come back.
    pub(crate) recovers: bool,
    /// Ids of the acks that its events ask for: one row for all sockets, so that a broadcast
    /// has the same id, and the same bytes, for everybody.
    next_ack: AtomicU64,
    removed: AtomicBool,
    on_outgoing: Observer<OnOutgoing>,
    on_room: Observer<OnRoom>,
}

/// A client's place in a namespace.
pub(crate) struct Seat {
    pub(crate) slot: Slot,
    /// The number of the newest event that may be recovered.
    pub(crate) newest: u64,
}

/// Somebody in a namespace.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) slot: Slot,
    pub(crate) id: SocketId,
    pub(crate) connection: Arc<Connection>,
}

/// Somebody who gets an event.
pub(crate) type Receiver<'a> = (Slot, &'a SocketId);

/// What a recovered client wants to have.
pub(crate) struct Claim<'a> {
    pub(crate) id: SocketId,
    pub(crate) history: &'a History,
    pub(crate) start: u64,
    pub(crate) offset: Option<&'a str>,
}

/// The observer is being told; also when it panics, that is over.
struct Telling<'a>(&'a NamespaceCore);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.state.lock().is_telling = false;
    }
}

impl std::fmt::Debug for NamespaceCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamespaceCore")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl NamespaceCore {
    pub(crate) fn new(id: NamespaceId, recovery: Option<&(Box<str>, Recovery)>) -> Arc<Self> {
        let mut state = State::default();
        if let Some((epoch, limits)) = recovery {
            state.rooms.record();
            // a namespace that takes the name of another counts from 1 again
            let life = LIVES.fetch_add(1, Ordering::Relaxed);
            state.recovery = Some(Box::new(Recoverable {
                log: Log::new(format!("{epoch}.{life}"), *limits),
                histories: HashMap::new(),
                sent: Vec::new(),
            }));
        }
        Arc::new(Self {
            id,
            recovers: state.recovery.is_some(),
            state: Mutex::new(state),
            next_ack: AtomicU64::new(0),
            removed: AtomicBool::new(false),
            on_outgoing: Observer::default(),
            on_room: Observer::default(),
        })
    }

    pub(crate) fn observe_outgoing(&self, observer: OnOutgoing) {
        self.on_outgoing.set(observer);
    }

    pub(crate) fn observe_rooms(&self, observer: OnRoom) {
        self.state.lock().rooms.record();
        self.on_room.set(observer);
    }

    /// Whether it is in service, or was never taken out of it.
    pub(crate) fn is_open(&self) -> bool {
        !self.removed.load(Ordering::Acquire)
    }

    pub(crate) fn close(&self) {
        self.removed.store(true, Ordering::Release);
    }

    pub(crate) fn reopen(&self) {
        self.removed.store(false, Ordering::Release);
    }

    pub(crate) fn next_ack(&self) -> Option<AckId> {
        AckId::new(self.next_ack.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn add(&self, id: SocketId, connection: Arc<Connection>) -> Seat {
        self.with_state(|state| {
            if let Some(recovery) = &mut state.recovery {
                recovery.histories.insert(id.clone(), History::default());
            }
            state.seat(id, connection)
        })
    }

    /// Gives a client its place again, its rooms, and what it missed: all of it, before anything
    /// else is sent. `None` when some of it is not known any more.
    pub(crate) fn readmit(&self, claim: &Claim<'_>, connection: &Arc<Connection>) -> Option<Seat> {
        let now = clock::now();
        self.with_state(|state| {
            let recovery = state.recovery.as_mut()?;
            recovery.log.prune(now);
            let position = recovery.log.position(claim.offset, claim.start)?;
            let position = claim.history.missing_from(position);
            let mut sent = claim.history.sent();
            let missed = recovery.log.after(position)?;
            if state.rooms.find(&claim.id).is_some() {
                return None;
            }
            for (number, selection, batch) in missed {
                if claim.history.selects(selection, &claim.id, number) {
                    sent = number;
                    connection.handle.send(batch.iter().cloned()).ok();
                }
            }
            let seat = state.seat(claim.id.clone(), Arc::clone(connection));
            if let Some(recovery) = &mut state.recovery {
                recovery
                    .histories
                    .insert(claim.id.clone(), claim.history.clone());
                recovery.mark(seat.slot, sent);
            }
            for room in claim.history.rooms() {
                state.rooms.join(seat.slot, room);
            }
            Some(seat)
        })
    }

    /// Takes a member out; what rooms it was in, where that may be asked for.
    pub(crate) fn remove(&self, slot: Slot) -> Option<History> {
        self.with_state(|state| {
            let id = state.rooms.id(slot);
            let recovery = state.recovery.as_mut().zip(id);
            let history = recovery.and_then(|(recovery, id)| recovery.end(&id, slot));
            state.rooms.remove(slot);
            if let Some(place) = state.members.get_mut(slot as usize) {
                *place = None;
            }
            if state.rooms.len() == 0 {
                state.members = Vec::new();
                if let Some(recovery) = &mut state.recovery {
                    recovery.sent = Vec::new();
                }
            }
            history
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().rooms.len()
    }

    pub(crate) fn with_rooms<R>(&self, f: impl FnOnce(&mut Rooms) -> R) -> R {
        self.with_state(|state| f(&mut state.rooms))
    }

    /// As [`NamespaceCore::with_rooms`], for a caller that holds a lock: it tells the observer
    /// when it does no longer.
    pub(crate) fn change<R>(&self, f: impl FnOnce(&mut Rooms) -> R) -> R {
        self.change_state(|state| f(&mut state.rooms))
    }

    /// Tells the observer what happened to rooms, when the lock is free again.
    fn with_state<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let result = self.change_state(f);
        self.tell();
        result
    }

    fn change_state<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock();
        let result = f(&mut state);
        let events = state.rooms.take_events();
        if let Some(recovery) = &mut state.recovery {
            recovery.note(&events);
        }
        if self.on_room.is_present() {
            state.untold.extend(events);
        }
        result
    }

    /// Tells the observer what happened to rooms, in the order in which it did: one thread at a
    /// time, for all of them. No lock may be held.
    pub(crate) fn tell(&self) {
        let Some(observer) = self.on_room.get() else {
            return;
        };
        while let Some((events, _telling)) = self.untold() {
            events.iter().for_each(|event| observer(event));
        }
    }

    fn untold(&self) -> Option<(Vec<RoomEvent>, Telling<'_>)> {
        let mut state = self.state.lock();
        if state.is_telling || state.untold.is_empty() {
            return None;
        }
        state.is_telling = true;
        Some((std::mem::take(&mut state.untold), Telling(self)))
    }

    /// Who is selected now. A moment later the place of one may be another's.
    pub(crate) fn selected(&self, selection: &Selection) -> Vec<Member> {
        let state = self.state.lock();
        let State { rooms, members, .. } = &*state;
        let mut selected = Vec::new();
        rooms.select(selection, |slot| {
            if let Some(Some(connection)) = members.get(slot as usize)
                && let Some(id) = rooms.id(slot)
            {
                let connection = Arc::clone(connection);
                selected.push(Member {
                    slot,
                    id,
                    connection,
                });
            }
        });
        selected
    }

    /// Moves the selected members between rooms.
    pub(crate) fn change_rooms(&self, selection: &Selection, change: impl Fn(&mut Rooms, Slot)) {
        self.with_rooms(|rooms| {
            let mut slots = Vec::new();
            rooms.select(selection, |slot| slots.push(slot));
            slots.into_iter().for_each(|slot| change(rooms, slot));
        });
    }

    /// The ordered dispatch point: whatever two broadcasts of this namespace share, gets them
    /// in the same order everywhere. The frames are encoded once and shared by all.
    pub(crate) fn dispatch(
        &self,
        selection: &Selection,
        batch: &Batch,
        volatile: bool,
        expect: Option<&dyn Fn(SocketId) -> Command>,
    ) {
        let mut state = self.state.lock();
        state.send(selection, batch, volatile, expect, None);
    }

    /// As [`NamespaceCore::dispatch`], for an event that is kept for those who miss it. It is
    /// encoded with its offset, which exists only once it is its turn.
    pub(crate) fn dispatch_kept<E>(
        &self,
        selection: &Selection,
        encode: impl FnOnce(&str) -> Result<Batch, E>,
    ) -> Result<(), E> {
        let mut state = self.state.lock();
        let Some(recovery) = &mut state.recovery else {
            return Ok(());
        };
        let batch = encode(&recovery.log.next_offset())?;
        recovery.log.append(clock::now(), selection, &batch);
        let number = recovery.log.newest();
        state.send(selection, &batch, false, None, Some(number));
        Ok(())
    }

    /// Whether somebody wants to see what is sent.
    pub(crate) fn is_observed(&self) -> bool {
        self.on_outgoing.is_present()
    }

    /// Shows what is sent, once for each of those who get it.
    pub(crate) fn show(&self, receivers: &[Receiver<'_>], outgoing: &Outgoing<'_>) {
        if let Some(observer) = self.on_outgoing.get() {
            observer(receivers, outgoing);
        }
    }
}

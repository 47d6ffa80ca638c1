//! [`Hall`]: all connections of a floor, and the rooms that they are in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One connection, by the way that others reach it.
#[derive(Debug)]
pub struct Seat<W> {
    id: usize,
    /// What others write to.
    pub way: W,
}

type Members<W> = Vec<Arc<Seat<W>>>;

/// Who is there.
#[derive(Debug)]
pub struct Hall<W> {
    seats: Mutex<Vec<Option<Arc<Seat<W>>>>>,
    free: Mutex<Vec<usize>>,
    rooms: Mutex<HashMap<Vec<u8>, Members<W>>>,
}

impl<W> Default for Hall<W> {
    fn default() -> Self {
        Self {
            seats: Mutex::default(),
            free: Mutex::default(),
            rooms: Mutex::default(),
        }
    }
}

impl<W> Hall<W> {
    /// Somebody comes.
    pub fn enter(&self, way: W) -> Arc<Seat<W>> {
        let mut seats = lock(&self.seats);
        let id = lock(&self.free).pop().unwrap_or_else(|| {
            seats.push(None);
            seats.len() - 1
        });
        let seat = Arc::new(Seat { id, way });
        if let Some(place) = seats.get_mut(id) {
            *place = Some(Arc::clone(&seat));
        }
        seat
    }

    /// Somebody goes, out of all rooms as well.
    pub fn leave(&self, seat: &Seat<W>) {
        if let Some(place) = lock(&self.seats).get_mut(seat.id) {
            *place = None;
        }
        for members in lock(&self.rooms).values_mut() {
            members.retain(|member| member.id != seat.id);
        }
        lock(&self.free).push(seat.id);
    }

    /// Somebody joins a room.
    pub fn join(&self, seat: &Arc<Seat<W>>, room: &[u8]) {
        let mut rooms = lock(&self.rooms);
        rooms
            .entry(room.to_vec())
            .or_default()
            .push(Arc::clone(seat));
    }

    /// Visits everybody.
    pub fn everybody(&self, visit: impl FnMut(&Arc<Seat<W>>)) {
        lock(&self.seats).iter().flatten().for_each(visit);
    }

    /// Visits the members of a room.
    pub fn members(&self, room: &[u8], visit: impl FnMut(&Arc<Seat<W>>)) {
        let rooms = lock(&self.rooms);
        rooms.get(room).into_iter().flatten().for_each(visit);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! [`Memory`]: what all queues of a server hold together, and what all unfinished input does.

use std::sync::Arc;

use bytes::Bytes;

use crate::net::sync::{AtomicUsize, Ordering};

/// What is held is told in steps of this size: those who hold nearly nothing never touch the common counter.
const STEP: usize = 4096;

/// Bytes that are held for clients, whichever. What several queues share counts once.
#[derive(Debug)]
pub(super) struct Memory {
    budget: usize,
    used: AtomicUsize,
}

impl Memory {
    pub(super) fn new(budget: usize) -> Arc<Self> {
        Arc::new(Self {
            budget,
            used: AtomicUsize::new(0),
        })
    }

    /// `true` when that is too much.
    pub(super) fn add(&self, bytes: usize) -> bool {
        self.used.fetch_add(bytes, Ordering::Relaxed) + bytes > self.budget
    }

    pub(super) fn sub(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// The bytes, counted for as long as somebody holds them.
    pub(super) fn hold(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        self.add(bytes.len());
        Bytes::from_owner(Held {
            bytes,
            memory: Arc::clone(self),
        })
    }
}

/// What one of those who hold something has told a [`Memory`]. It is taken back with it.
#[derive(Debug)]
pub(super) struct Charge {
    memory: Arc<Memory>,
    told: usize,
}

impl Charge {
    pub(super) fn new(memory: &Arc<Memory>) -> Self {
        let memory = Arc::clone(memory);
        Self { memory, told: 0 }
    }

    /// Tells how much is held now; `true` when that is more than before, and all together is too much.
    pub(super) fn settle(&mut self, held: usize) -> bool {
        let held = held / STEP * STEP;
        let before = std::mem::replace(&mut self.told, held);
        if held > before {
            return self.memory.add(held - before);
        }
        if held < before {
            self.memory.sub(before - held);
        }
        false
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.memory.sub(self.told);
    }
}

struct Held {
    bytes: Bytes,
    memory: Arc<Memory>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.sub(self.bytes.len());
    }
}

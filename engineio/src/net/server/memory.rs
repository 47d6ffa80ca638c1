//! [`Memory`]: what all queues of a server hold together.

use std::sync::Arc;

use bytes::Bytes;

use crate::net::sync::{AtomicUsize, Ordering};

/// Bytes that wait for clients, whichever. What several queues share counts once.
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

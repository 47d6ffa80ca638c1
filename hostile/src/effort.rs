//! What an attack costs whoever makes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the bytes that the connections of one script write; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effort(Arc<AtomicU64>);

impl Effort {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::SeqCst);
    }

    /// Bytes so far.
    pub(crate) fn sent(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

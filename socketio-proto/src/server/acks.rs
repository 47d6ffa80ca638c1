//! The acknowledgements that a client owes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::error::Misuse;
use crate::id::{AckId, NamespaceId};

/// Pending acknowledgements by name and by deadline: both always hold the same.
#[derive(Debug, Default)]
pub(super) struct Acks {
    pending: BTreeMap<(NamespaceId, AckId), Instant>,
    deadlines: BTreeSet<(Instant, NamespaceId, AckId)>,
}

impl Acks {
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn insert(
        &mut self,
        namespace: NamespaceId,
        id: AckId,
        until: Instant,
    ) -> Result<(), Misuse> {
        let key = (namespace.clone(), id);
        if self.pending.contains_key(&key) {
            return Err(Misuse::DuplicateAck);
        }
        self.pending.insert(key, until);
        self.deadlines.insert((until, namespace, id));
        Ok(())
    }

    /// Whether it was pending.
    pub(super) fn remove(&mut self, namespace: &NamespaceId, id: AckId) -> bool {
        let key = (namespace.clone(), id);
        let Some(until) = self.pending.remove(&key) else {
            return false;
        };
        self.deadlines.remove(&(until, key.0, id));
        true
    }

    /// Nobody waits for the acks of `namespace` any more.
    pub(super) fn forget(&mut self, namespace: &NamespaceId) {
        let all = (namespace.clone(), AckId::MIN)..=(namespace.clone(), AckId::MAX);
        let ids: Vec<AckId> = self.pending.range(all).map(|((_, id), _)| *id).collect();
        for id in ids {
            self.remove(namespace, id);
        }
    }

    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.deadlines.clear();
    }

    /// The earliest deadline.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(until, ..)| *until)
    }

    /// Takes one that is due.
    pub(super) fn expired(&mut self, now: Instant) -> Option<(NamespaceId, AckId)> {
        if self.deadline()? > now {
            return None;
        }
        let (_, namespace, id) = self.deadlines.pop_first()?;
        let key = (namespace, id);
        self.pending.remove(&key);
        Some(key)
    }
}

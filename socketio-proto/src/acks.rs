//! The acknowledgements that the other end owes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::error::Misuse;
use crate::id::{AckId, NamespaceId};

/// Pending acknowledgements by name and by deadline, each with what its end has to know.
#[derive(Debug)]
pub(crate) struct Acks<T> {
    pending: BTreeMap<(NamespaceId, AckId), (Option<Instant>, T)>,
    /// Those that have a deadline.
    deadlines: BTreeSet<(Instant, NamespaceId, AckId)>,
}

impl<T> Default for Acks<T> {
    fn default() -> Self {
        Self {
            pending: BTreeMap::new(),
            deadlines: BTreeSet::new(),
        }
    }
}

impl<T> Acks<T> {
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Expects one, for ever when there is no deadline.
    pub(crate) fn insert(
        &mut self,
        namespace: NamespaceId,
        id: AckId,
        until: Option<Instant>,
        what: T,
    ) -> Result<(), Misuse> {
        let key = (namespace.clone(), id);
        if self.pending.contains_key(&key) {
            return Err(Misuse::DuplicateAck);
        }
        self.pending.insert(key, (until, what));
        self.deadlines
            .extend(until.map(|until| (until, namespace, id)));
        Ok(())
    }

    /// What is pending, if it is.
    pub(crate) fn get(&self, namespace: &NamespaceId, id: AckId) -> Option<&T> {
        let (_, what) = self.pending.get(&(namespace.clone(), id))?;
        Some(what)
    }

    /// What was pending, if it was.
    pub(crate) fn remove(&mut self, namespace: &NamespaceId, id: AckId) -> Option<T> {
        Some(self.take(namespace, id)?.1)
    }

    /// As [`Acks::remove`], with the deadline.
    pub(crate) fn take(
        &mut self,
        namespace: &NamespaceId,
        id: AckId,
    ) -> Option<(Option<Instant>, T)> {
        let key = (namespace.clone(), id);
        let (until, what) = self.pending.remove(&key)?;
        if let Some(until) = until {
            self.deadlines.remove(&(until, key.0, id));
        }
        Some((until, what))
    }

    /// The ids of `namespace`, in order.
    pub(crate) fn ids(&self, namespace: &NamespaceId) -> Vec<AckId> {
        let all = (namespace.clone(), AckId::MIN)..=(namespace.clone(), AckId::MAX);
        self.pending.range(all).map(|((_, id), _)| *id).collect()
    }

    /// The earliest deadline.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(until, ..)| *until)
    }

    /// Takes one that is due.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<(NamespaceId, AckId, T)> {
        if self.deadline()? > now {
            return None;
        }
        let (_, namespace, id) = self.deadlines.pop_first()?;
        let key = (namespace, id);
        let (_, what) = self.pending.remove(&key)?;
        Some((key.0, id, what))
    }
}

//! The acknowledgements that the other end owes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::error::Misuse;
use crate::id::{AckId, NamespaceId};

/// Pending acknowledgements by name and by deadline, each with what its end has to know.
///
/// Most connections never owe one: the tables come with the first.
#[derive(Debug)]
pub(crate) struct Acks<T>(Option<Box<Tables<T>>>);

#[derive(Debug)]
struct Tables<T> {
    pending: BTreeMap<(NamespaceId, AckId), (Option<Instant>, T)>,
    /// Those that have a deadline.
    deadlines: BTreeSet<(Instant, NamespaceId, AckId)>,
}

impl<T> Default for Acks<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for Tables<T> {
    fn default() -> Self {
        Self {
            pending: BTreeMap::new(),
            deadlines: BTreeSet::new(),
        }
    }
}

impl<T> Acks<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |tables| tables.pending.len())
    }

    /// Keeps no tables for none.
    pub(crate) fn shrink(&mut self) {
        self.0.take_if(|tables| tables.pending.is_empty());
    }

    /// Expects one, for ever when there is no deadline.
    pub(crate) fn insert(
        &mut self,
        namespace: NamespaceId,
        id: AckId,
        until: Option<Instant>,
        what: T,
    ) -> Result<(), Misuse> {
        let tables = self.0.get_or_insert_default();
        let key = (namespace.clone(), id);
        if tables.pending.contains_key(&key) {
            return Err(Misuse::DuplicateAck);
        }
        tables.pending.insert(key, (until, what));
        let deadline = until.map(|until| (until, namespace, id));
        tables.deadlines.extend(deadline);
        Ok(())
    }

    /// What is pending, if it is.
    pub(crate) fn get(&self, namespace: &NamespaceId, id: AckId) -> Option<&T> {
        let tables = self.0.as_ref()?;
        let (_, what) = tables.pending.get(&(namespace.clone(), id))?;
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
        let tables = self.0.as_mut()?;
        let key = (namespace.clone(), id);
        let (until, what) = tables.pending.remove(&key)?;
        if let Some(until) = until {
            tables.deadlines.remove(&(until, key.0, id));
        }
        Some((until, what))
    }

    /// The ids of `namespace`, in order.
    pub(crate) fn ids(&self, namespace: &NamespaceId) -> Vec<AckId> {
        let Some(tables) = &self.0 else {
            return Vec::new();
        };
        let all = (namespace.clone(), AckId::MIN)..=(namespace.clone(), AckId::MAX);
        tables.pending.range(all).map(|((_, id), _)| *id).collect()
    }

    /// The earliest deadline.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let (until, ..) = self.0.as_ref()?.deadlines.first()?;
        Some(*until)
    }

    /// Takes one that is due.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<(NamespaceId, AckId, T)> {
        if self.deadline()? > now {
            return None;
        }
        let tables = self.0.as_mut()?;
        let (_, namespace, id) = tables.deadlines.pop_first()?;
        let key = (namespace, id);
        let (_, what) = tables.pending.remove(&key)?;
        Some((key.0, id, what))
    }
}

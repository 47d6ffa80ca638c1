//! [`Dynamic`]: namespaces that come into being when a client asks for a name that matches.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use socketio_proto::{IntoArgs, NamespaceId};

use super::Definition;
use super::handle::NamespaceHandle;
use super::matcher::{Matcher, Params};
use super::mounted::{AnyNamespace, Mounted};
use crate::broadcast::Broadcast;
use crate::core::{Core, NamespaceCore};
use crate::error::SendError;
use crate::handshake::Handshake;
use crate::recovery::Recovery;
use crate::rooms::Room;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, Weak};

/// So few children that are gone may stay in the table.
const SWEEP_FROM: usize = 32;

/// A pattern in service.
pub(crate) struct Dynamic<D> {
    matcher: Matcher,
    definition: Arc<Definition<D>>,
    recovery: Option<(Box<str>, Recovery)>,
    /// Those that are in service, and those that somebody still has a handle of: a client that
    /// asks for such a name again gets the same namespace.
    children: Mutex<BTreeMap<NamespaceId, Weak<Mounted<D>>>>,
    /// So many children are a reason to look for those that are gone.
    sweep_at: AtomicUsize,
}

impl<D> Dynamic<D> {
    pub(super) fn new(
        matcher: Matcher,
        definition: Definition<D>,
        recovery: Option<(Box<str>, Recovery)>,
    ) -> Arc<Self> {
        Arc::new(Self {
            matcher,
            recovery,
            definition: Arc::new(definition),
            children: Mutex::default(),
            sweep_at: AtomicUsize::new(SWEEP_FROM),
        })
    }

    fn living(&self) -> Vec<Arc<Mounted<D>>> {
        let children = self.children.lock();
        children.values().filter_map(Weak::upgrade).collect()
    }
}

/// A pattern without the type of its data.
pub(crate) trait AnyDynamic: Send + Sync {
    fn matches<'a>(
        &'a self,
        handshake: &'a Handshake,
    ) -> Pin<Box<dyn Future<Output = Option<Params>> + Send + 'a>>;

    /// The child of that name: the one that is known, or a new one.
    fn child(&self, id: &NamespaceId, params: Params) -> Arc<dyn AnyNamespace>;

    /// The child is no longer in service.
    fn forget(&self, id: &NamespaceId);

    fn children(&self) -> Vec<Arc<NamespaceCore>>;
}

impl<D: Send + Sync + 'static> AnyDynamic for Dynamic<D> {
    fn matches<'a>(
        &'a self,
        handshake: &'a Handshake,
    ) -> Pin<Box<dyn Future<Output = Option<Params>> + Send + 'a>> {
        Box::pin(self.matcher.matches(handshake))
    }

    fn child(&self, id: &NamespaceId, params: Params) -> Arc<dyn AnyNamespace> {
        let mut children = self.children.lock();
        if let Some(known) = children.get(id).and_then(Weak::upgrade) {
            known.core.reopen();
            return known;
        }
        // who was the last to leave one still held it when it was taken out of service
        if children.len() >= self.sweep_at.load(Ordering::Relaxed) {
            children.retain(|_, child| child.strong_count() > 0);
            let next = SWEEP_FROM.max(children.len() * 2);
            self.sweep_at.store(next, Ordering::Relaxed);
        }
        let recovery = self.recovery.as_ref();
        let core = NamespaceCore::new(id.clone(), recovery);
        let child = Mounted::new(core, Arc::clone(&self.definition), params, recovery);
        children.insert(id.clone(), Arc::downgrade(&child));
        child
    }

    fn forget(&self, id: &NamespaceId) {
        let mut children = self.children.lock();
        if children
            .get(id)
            .is_some_and(|child| child.strong_count() == 0)
        {
            children.remove(id);
        }
    }

    fn children(&self) -> Vec<Arc<NamespaceCore>> {
        let living = self.living();
        living.iter().map(|child| Arc::clone(&child.core)).collect()
    }
}

/// Reaches the children of a mounted [`Matcher`]. Clones are cheap.
pub struct DynamicHandle<D = ()> {
    server: Arc<Core>,
    dynamic: Arc<Dynamic<D>>,
}

impl<D> Clone for DynamicHandle<D> {
    fn clone(&self) -> Self {
        Self {
            server: Arc::clone(&self.server),
            dynamic: Arc::clone(&self.dynamic),
        }
    }
}

impl<D> fmt::Debug for DynamicHandle<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicHandle")
            .field("matcher", &self.dynamic.matcher)
            .finish_non_exhaustive()
    }
}

impl<D: Send + Sync + 'static> DynamicHandle<D> {
    pub(super) fn new(server: &Arc<Core>, dynamic: &Arc<Dynamic<D>>) -> Self {
        Self {
            server: Arc::clone(server),
            dynamic: Arc::clone(dynamic),
        }
    }

    /// The namespaces that are there, in the order of their names.
    #[must_use]
    pub fn children(&self) -> Vec<NamespaceHandle<D>> {
        let handle = |child| NamespaceHandle::new(&self.server, child);
        self.dynamic.living().into_iter().map(handle).collect()
    }

    /// The namespace of that name, if it is there.
    #[must_use]
    pub fn child(&self, id: &NamespaceId) -> Option<NamespaceHandle<D>> {
        let child = self.dynamic.children.lock().get(id)?.upgrade()?;
        Some(NamespaceHandle::new(&self.server, child))
    }

    /// Addresses everybody in all of them.
    pub fn broadcast(&self) -> Broadcast {
        let dynamic: Arc<dyn AnyDynamic> = Arc::clone(&self.dynamic) as _;
        Broadcast::to_children(Arc::clone(&self.server), dynamic)
    }

    /// Addresses a room in each of them.
    pub fn to(&self, room: impl Into<Room>) -> Broadcast {
        self.broadcast().to(room)
    }

    /// Addresses everybody in all of them who is not in `room`.
    pub fn except(&self, room: impl Into<Room>) -> Broadcast {
        self.broadcast().except(room)
    }

    /// Sends an event to everybody in all of them.
    ///
    /// # Errors
    /// As [`Broadcast::emit`].
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.broadcast().emit(event, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The session that was the last to leave still holds the child when it is taken out of
    /// service.
    #[test]
    fn nothing_is_kept_of_children_that_are_gone() {
        let matcher = Matcher::path("/{id}").expect("a pattern");
        let dynamic: Arc<Dynamic<()>> = Dynamic::new(matcher, Definition::open(), None);
        let name = |n: usize| NamespaceId::new(format!("/{n}")).expect("a name");
        let kept = dynamic.child(&name(0), Params::new());
        for n in 1..1000 {
            let child = dynamic.child(&name(n), Params::new());
            dynamic.forget(&name(n));
            drop(child);
        }
        assert!(dynamic.children.lock().len() < 100);
        let again = dynamic.child(&name(0), Params::new());
        assert!(Arc::ptr_eq(kept.core(), again.core()));
    }
}

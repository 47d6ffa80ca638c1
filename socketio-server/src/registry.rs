//! [`Registry`]: the namespaces in service, by name, and the patterns that more come from.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use socketio_proto::{ConnectError, NamespaceId};

use crate::core::{Core, NamespaceCore};
use crate::error::MountError;
use crate::handshake::Handshake;
use crate::namespace::{AnyDynamic, AnyNamespace, Params};
use crate::sync::{Arc, Mutex};

#[derive(Default)]
pub(crate) struct Registry(Mutex<State>);

#[derive(Default)]
struct State {
    /// Keyed by wire data: the standard map hashes with a random key.
    namespaces: HashMap<NamespaceId, Service>,
    dynamics: Vec<Arc<dyn AnyDynamic>>,
    /// How many of the namespaces came from patterns.
    children: usize,
    /// How many there ever were.
    adopted: u64,
}

struct Service {
    namespace: Arc<dyn AnyNamespace>,
    /// The pattern that it came from.
    parent: Option<Arc<dyn AnyDynamic>>,
    /// Clients that are in a child, or about to be.
    users: usize,
    /// Tells a child from one of the same name before it, whose leases may still be around.
    number: u64,
}

/// The right to use a child: it stays in service for as long as somebody has one.
pub(crate) struct Lease {
    server: Arc<Core>,
    id: NamespaceId,
    number: u64,
}

pub(crate) type Found = (Arc<dyn AnyNamespace>, Option<Box<Lease>>);

impl Registry {
    /// Adds a namespace unless the name is taken.
    pub(crate) fn insert(&self, namespace: Arc<dyn AnyNamespace>) -> Result<(), MountError> {
        match self.0.lock().namespaces.entry(namespace.core().id.clone()) {
            Entry::Occupied(_) => Err(MountError::Taken),
            Entry::Vacant(place) => {
                namespace.core().reopen();
                place.insert(Service {
                    namespace,
                    parent: None,
                    users: 0,
                    number: 0,
                });
                Ok(())
            }
        }
    }

    pub(crate) fn add_dynamic(&self, dynamic: Arc<dyn AnyDynamic>) {
        self.0.lock().dynamics.push(dynamic);
    }

    pub(crate) fn has(&self, id: &NamespaceId) -> bool {
        self.0.lock().namespaces.contains_key(id)
    }

    pub(crate) fn get(&self, id: &NamespaceId) -> Option<Arc<dyn AnyNamespace>> {
        let state = self.0.lock();
        Some(Arc::clone(&state.namespaces.get(id)?.namespace))
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn AnyNamespace>> {
        let state = self.0.lock();
        let services = state.namespaces.values();
        services
            .map(|service| Arc::clone(&service.namespace))
            .collect()
    }

    /// The namespace of that name, to be connected to.
    pub(crate) fn find(&self, server: &Arc<Core>, id: &NamespaceId) -> Option<Found> {
        let mut state = self.0.lock();
        let service = state.namespaces.get_mut(id)?;
        Some(service.used(server))
    }

    pub(crate) fn has_dynamics(&self) -> bool {
        !self.0.lock().dynamics.is_empty()
    }

    /// Asks the patterns, in the order in which they were mounted.
    pub(crate) async fn resolve(
        server: Arc<Core>,
        handshake: Handshake,
    ) -> Result<Found, ConnectError> {
        let dynamics = server.registry.0.lock().dynamics.clone();
        for dynamic in dynamics {
            if let Some(params) = dynamic.matches(&handshake).await {
                let id = handshake.namespace();
                return server.registry.adopt(&server, id, dynamic, params);
            }
        }
        Err(invalid_namespace())
    }

    /// Puts a child into service, unless somebody else did meanwhile.
    fn adopt(
        &self,
        server: &Arc<Core>,
        id: &NamespaceId,
        parent: Arc<dyn AnyDynamic>,
        params: Params,
    ) -> Result<Found, ConnectError> {
        let found = {
            let mut state = self.0.lock();
            let full = state.children >= server.settings.max_children;
            let number = state.adopted + 1;
            match state.namespaces.entry(id.clone()) {
                Entry::Occupied(mut known) => return Ok(known.get_mut().used(server)),
                Entry::Vacant(_) if full => return Err(ConnectError::new("too many namespaces")),
                Entry::Vacant(place) => {
                    let namespace = parent.child(id, params);
                    let service = place.insert(Service {
                        namespace,
                        parent: Some(parent),
                        users: 0,
                        number,
                    });
                    let found = service.used(server);
                    state.children += 1;
                    state.adopted = number;
                    found
                }
            }
        };
        server.announce(id);
        Ok(found)
    }

    /// Takes a namespace out of service; `false` when it was not in it.
    pub(crate) fn remove(&self, core: &Arc<NamespaceCore>) -> bool {
        let removed = {
            let mut state = self.0.lock();
            let Entry::Occupied(service) = state.namespaces.entry(core.id.clone()) else {
                return false;
            };
            if !Arc::ptr_eq(service.get().namespace.core(), core) {
                return false;
            }
            core.close();
            let service = service.remove();
            state.children -= usize::from(service.parent.is_some());
            service
        };
        removed.dismiss();
        true
    }

    fn release(&self, Lease { id, number, .. }: &Lease, keep_empty: bool) {
        let empty = {
            let mut state = self.0.lock();
            let Entry::Occupied(mut service) = state.namespaces.entry(id.clone()) else {
                return;
            };
            if service.get().number != *number {
                return;
            }
            service.get_mut().users = service.get().users.saturating_sub(1);
            if service.get().users > 0 || service.get().parent.is_none() || keep_empty {
                return;
            }
            let service = service.remove();
            state.children -= 1;
            service
        };
        empty.dismiss();
    }
}

impl Service {
    fn used(&mut self, server: &Arc<Core>) -> Found {
        let namespace = Arc::clone(&self.namespace);
        if self.parent.is_none() {
            return (namespace, None);
        }
        self.users += 1;
        let lease = Lease {
            server: Arc::clone(server),
            id: namespace.core().id.clone(),
            number: self.number,
        };
        (namespace, Some(Box::new(lease)))
    }

    /// The last act: without the registry's lock, because the namespace may go with it.
    fn dismiss(self) {
        let Self {
            namespace, parent, ..
        } = self;
        let id = namespace.core().id.clone();
        drop(namespace);
        if let Some(parent) = parent {
            parent.forget(&id);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let keep_empty = self.server.settings.keep_empty_children;
        self.server.registry.release(self, keep_empty);
    }
}

/// Node's words for a name that nothing is mounted under.
pub(crate) fn invalid_namespace() -> ConnectError {
    ConnectError::new("Invalid namespace")
}

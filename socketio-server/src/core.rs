//! What does not depend on the type of a namespace's data: settings, the registry of
//! namespaces, members and rooms, and the one point through which broadcasts leave.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use engineio::Batch;
use socketio_proto::server::Config as ProtocolConfig;
use socketio_proto::{NamespaceId, Parser, SocketId};

use crate::connection::Connection;
use crate::error::MountError;
use crate::namespace::AnyNamespace;
use crate::rooms::{Rooms, Selection, Slot};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering};

/// Settings that sockets need.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) protocol: Arc<ProtocolConfig>,
    pub(crate) parser: Parser,
    pub(crate) ack_timeout: Duration,
    pub(crate) disconnect_timeout: Duration,
    pub(crate) inbox_bytes: usize,
}

/// The server, as its connections see it.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    /// Keyed by wire data: the standard map hashes with a random key.
    namespaces: Mutex<HashMap<NamespaceId, Arc<dyn AnyNamespace>>>,
    pub(crate) root: Arc<NamespaceCore>,
    pub(crate) tasks: AtomicUsize,
    pub(crate) closing: AtomicBool,
}

impl Core {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            namespaces: Mutex::default(),
            root: NamespaceCore::new(NamespaceId::ROOT),
            tasks: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
        })
    }

    /// Adds a namespace; the old one back if the name is taken.
    pub(crate) fn insert(&self, namespace: Arc<dyn AnyNamespace>) -> Result<(), MountError> {
        match self.namespaces.lock().entry(namespace.core().id.clone()) {
            Entry::Occupied(_) => Err(MountError::Taken),
            Entry::Vacant(place) => {
                place.insert(namespace);
                Ok(())
            }
        }
    }

    pub(crate) fn find(&self, id: &NamespaceId) -> Option<Arc<dyn AnyNamespace>> {
        self.namespaces.lock().get(id).cloned()
    }

    pub(crate) fn namespaces(&self) -> Vec<Arc<dyn AnyNamespace>> {
        self.namespaces.lock().values().cloned().collect()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Members and rooms of one namespace.
#[derive(Debug)]
pub(crate) struct NamespaceCore {
    pub(crate) id: NamespaceId,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rooms: Rooms,
    /// By slot, so that a broadcast walks memory in order.
    members: Vec<Option<Arc<Connection>>>,
}

impl NamespaceCore {
    pub(crate) fn new(id: NamespaceId) -> Arc<Self> {
        Arc::new(Self {
            id,
            state: Mutex::default(),
        })
    }

    pub(crate) fn add(&self, id: SocketId, connection: Arc<Connection>) -> Slot {
        let mut state = self.state.lock();
        let slot = state.rooms.add(id);
        if state.members.len() <= slot as usize {
            state.members.resize(slot as usize + 1, None);
        }
        if let Some(place) = state.members.get_mut(slot as usize) {
            *place = Some(connection);
        }
        slot
    }

    pub(crate) fn remove(&self, slot: Slot) {
        let mut state = self.state.lock();
        state.rooms.remove(slot);
        if let Some(place) = state.members.get_mut(slot as usize) {
            *place = None;
        }
        if state.rooms.len() == 0 {
            state.members = Vec::new();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().rooms.len()
    }

    pub(crate) fn with_rooms<R>(&self, f: impl FnOnce(&mut Rooms) -> R) -> R {
        f(&mut self.state.lock().rooms)
    }

    /// The ordered dispatch point: whatever two broadcasts of this namespace share, gets them
    /// in the same order everywhere. The frames are encoded once and shared by all.
    pub(crate) fn dispatch(&self, selection: &Selection, batch: &Batch, volatile: bool) {
        let state = self.state.lock();
        let State { rooms, members } = &*state;
        let mut shared = None;
        rooms.select(selection, |slot| {
            if let Some(Some(member)) = members.get(slot as usize) {
                let batch = shared.get_or_insert_with(|| member.handle.share(batch));
                let frames = batch.iter().cloned();
                // a member that has just closed is told by its own task
                if volatile {
                    member.handle.send_volatile(frames).ok();
                } else {
                    member.handle.send(frames).ok();
                }
            }
        });
    }
}

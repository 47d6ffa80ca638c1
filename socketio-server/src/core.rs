//! What does not depend on the type of a namespace's data: settings, the registry of
//! namespaces, members and rooms, and the one point through which broadcasts leave.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use engineio::Batch;
use socketio_proto::server::Config as ProtocolConfig;
use socketio_proto::{IntoArgs, NamespaceId, Parser, SocketId};

use crate::connection::Connection;
use crate::error::{MountError, SendError};
use crate::namespace::AnyNamespace;
use crate::rooms::{Room, Rooms, Selection, Slot};
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
        rooms.select(selection, |slot| {
            if let Some(Some(member)) = members.get(slot as usize) {
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

/// A broadcast under construction: who gets it, and how. Made by `to`, `except` and the like.
///
/// Every client gets it once, however many of the rooms it is in. Encoded once for all.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `emit`"]
pub struct Broadcast {
    core: Arc<Core>,
    namespace: Arc<NamespaceCore>,
    selection: Selection,
    volatile: bool,
}

impl Broadcast {
    pub(crate) fn new(core: Arc<Core>, namespace: Arc<NamespaceCore>) -> Self {
        Self {
            core,
            namespace,
            selection: Selection::default(),
            volatile: false,
        }
    }

    pub(crate) fn from(mut self, sender: SocketId) -> Self {
        self.selection.sender = Some(sender);
        self
    }

    /// Also those in this room; of several, each client once. The id of a socket is its room.
    pub fn to(mut self, room: impl Into<Room>) -> Self {
        self.selection.rooms.push(room.into());
        self
    }

    /// Not those in this room.
    pub fn except(mut self, room: impl Into<Room>) -> Self {
        self.selection.except.push(room.into());
        self
    }

    /// May be lost: clients for which something is still queued, or whose poll is not there,
    /// do not get it.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sends `2["event",…]` to all of them.
    ///
    /// One argument is sent for a serialisable payload; use
    /// [`Args`](socketio_proto::Args) for several, `&Args(())` for none.
    ///
    /// # Errors
    /// [`SendError::Encode`]: a reserved name, or a payload that cannot be encoded.
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        let Settings {
            parser, protocol, ..
        } = &self.core.settings;
        let id = &self.namespace.id;
        let batch = parser.event(id, event, payload, None, &protocol.limits)?;
        self.namespace
            .dispatch(&self.selection, &batch, self.volatile);
        Ok(())
    }
}

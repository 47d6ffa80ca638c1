//! [`SocketCore`]: what all handles of one socket and its connection's task share.

use socketio_proto::client::Settings;
use socketio_proto::{NamespaceId, SocketId};

use crate::auth::Auth;
use crate::listeners::Listeners;
use crate::sync::{Arc, AtomicUsize, Mutex};

pub(crate) struct SocketCore {
    pub(crate) namespace: NamespaceId,
    pub(crate) state: Mutex<State>,
    pub(crate) listeners: Mutex<Listeners>,
    pub(crate) auth: Mutex<Auth>,
    pub(crate) settings: Mutex<Settings>,
    /// Bytes of events that wait for handlers and in streams.
    pub(crate) held: Arc<AtomicUsize>,
}

/// What a socket tells of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// While it is connected.
    pub(crate) id: Option<SocketId>,
    pub(crate) active: bool,
    pub(crate) recovered: bool,
    /// How often somebody disconnected it: what was wished before counts no more.
    pub(crate) left: u64,
}

impl State {
    /// Somebody disconnects it.
    pub(crate) fn leave(&mut self) {
        let left = self.left + 1;
        *self = Self {
            left,
            ..Self::default()
        };
    }
}

impl SocketCore {
    pub(crate) fn new(namespace: NamespaceId, settings: Settings) -> Self {
        Self {
            namespace,
            state: Mutex::default(),
            listeners: Mutex::default(),
            auth: Mutex::default(),
            settings: Mutex::new(settings),
            held: Arc::default(),
        }
    }
}

//! [`Core`]: what all connections of a server share and what does not depend on the type of a
//! namespace's data: settings, the registry of namespaces, counters.

mod namespace;
mod observer;
mod state;

use std::time::Duration;

use socketio_proto::server::Config as ProtocolConfig;
use socketio_proto::{NamespaceId, Parser};

use crate::error::MountError;
use crate::metrics::Counters;
use crate::namespace::AnyNamespace;
use crate::peers::Peers;
use crate::recovery::Recovery;
use crate::registry::Registry;
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};

pub(crate) use self::namespace::{Claim, Member, NamespaceCore, Seat};

/// Settings that sockets need.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) protocol: Arc<ProtocolConfig>,
    pub(crate) parser: Parser,
    pub(crate) ack_timeout: Duration,
    pub(crate) disconnect_timeout: Duration,
    pub(crate) inbox_bytes: usize,
    pub(crate) max_event_rate: Option<u32>,
    pub(crate) max_rooms: Option<usize>,
    pub(crate) keep_empty_children: bool,
    pub(crate) max_children: usize,
    /// With what tells this server's offsets from another's.
    pub(crate) recovery: Option<(Box<str>, Recovery)>,
}

pub(crate) type OnNamespace = Box<dyn Fn(&NamespaceId) + Send + Sync>;

/// The server, as its connections see it.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    pub(crate) root: Arc<NamespaceCore>,
    pub(crate) tasks: AtomicUsize,
    pub(crate) pending_acks: AtomicUsize,
    pub(crate) counters: Counters,
    pub(crate) closing: AtomicBool,
    pub(crate) on_namespace: Vec<OnNamespace>,
    pub(crate) peers: Option<Peers>,
}

impl Core {
    pub(crate) fn new(
        settings: Settings,
        on_namespace: Vec<OnNamespace>,
        peers: Option<Peers>,
    ) -> Arc<Self> {
        let core = Arc::new(Self {
            root: NamespaceCore::new(NamespaceId::ROOT, settings.recovery.as_ref()),
            settings,
            registry: Registry::default(),
            tasks: AtomicUsize::new(0),
            pending_acks: AtomicUsize::new(0),
            counters: Counters::default(),
            closing: AtomicBool::new(false),
            on_namespace,
            peers,
        });
        if let Some(peers) = &core.peers {
            peers.add(&core);
        }
        core
    }

    /// Puts a namespace into service.
    pub(crate) fn insert(&self, namespace: Arc<dyn AnyNamespace>) -> Result<(), MountError> {
        let id = namespace.core().id.clone();
        self.registry.insert(namespace)?;
        self.announce(&id);
        Ok(())
    }

    /// Tells those who want to know of new namespaces.
    pub(crate) fn announce(&self, id: &NamespaceId) {
        self.on_namespace.iter().for_each(|observer| observer(id));
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

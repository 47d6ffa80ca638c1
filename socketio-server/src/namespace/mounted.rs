//! [`Mounted`]: a namespace in service.

use engineio::{Protocol, Text};
use socketio_proto::{RawArgs, SocketId};

use super::definition::Definition;
use super::handle::NamespaceHandle;
use super::matcher::Params;
use crate::connection::Connection;
use crate::core::{Core, Member, NamespaceCore};
use crate::handler::Answering;
use crate::handshake::Handshake;
use crate::recovery::{Recovery, Resume, Sessions};
use crate::registry::Lease;
use crate::remote::RemoteSocket;
use crate::rooms::Slot;
use crate::session::{NamespaceSession, Session};
use crate::socket::Socket;
use crate::sync::{Arc, Mutex};

pub(crate) struct Mounted<D> {
    pub(crate) core: Arc<NamespaceCore>,
    pub(crate) definition: Arc<Definition<D>>,
    /// What the pattern took from the name.
    params: Arc<Params>,
    /// Those that can be recovered, if any can.
    pub(crate) sessions: Option<Arc<Sessions<D>>>,
    /// By slot.
    sockets: Mutex<Vec<Option<Socket<D>>>>,
}

impl<D: Send + Sync + 'static> Mounted<D> {
    pub(super) fn new(
        core: Arc<NamespaceCore>,
        definition: Arc<Definition<D>>,
        params: Params,
        recovery: Option<&(Box<str>, Recovery)>,
    ) -> Arc<Self> {
        let mounted = Arc::new(Self {
            sessions: recovery.map(|(_, limits)| Sessions::new(*limits)),
            core,
            definition,
            params: Arc::new(params),
            sockets: Mutex::default(),
        });
        mounted.observe();
        mounted
    }

    /// Connects the namespace's observers, if it has any, to what happens in its core.
    fn observe(self: &Arc<Self>) {
        let handlers = &self.definition.handlers;
        if !handlers.any_outgoing.is_empty() {
            let mounted = Arc::downgrade(self);
            self.core
                .observe_outgoing(Box::new(move |receivers, outgoing| {
                    let Some(mounted) = mounted.upgrade() else {
                        return;
                    };
                    for socket in receivers.iter().filter_map(|to| mounted.find(to.0, to.1)) {
                        for observer in &mounted.definition.handlers.any_outgoing {
                            observer(&socket, outgoing);
                        }
                    }
                }));
        }
        if !handlers.room_events.is_empty() {
            let definition = Arc::clone(&self.definition);
            self.core.observe_rooms(Box::new(move |event| {
                for observer in &definition.handlers.room_events {
                    observer(event);
                }
            }));
        }
    }
}

impl<D> Mounted<D> {
    pub(crate) fn insert(&self, socket: Socket<D>) {
        let mut sockets = self.sockets.lock();
        let slot = socket.slot() as usize;
        if sockets.len() <= slot {
            sockets.resize(slot + 1, None);
        }
        if let Some(place) = sockets.get_mut(slot) {
            *place = Some(socket);
        }
    }

    pub(crate) fn remove(&self, socket: &Socket<D>) {
        let mut sockets = self.sockets.lock();
        let place = sockets.get_mut(socket.slot() as usize);
        // the slot was given back before: it may be another's by now
        let removed = place.and_then(|place| place.take_if(|own| own.is(socket)));
        if self.core.len() == 0 {
            *sockets = Vec::new();
        }
        drop(sockets);
        drop(removed);
    }

    /// The socket at a place, unless it is another's by now.
    pub(super) fn find(&self, slot: Slot, id: &SocketId) -> Option<Socket<D>> {
        let sockets = self.sockets.lock();
        let socket = sockets.get(slot as usize)?.as_ref()?;
        (socket.id() == id).then(|| socket.clone())
    }

    pub(super) fn all(&self) -> Vec<Socket<D>> {
        self.sockets.lock().iter().flatten().cloned().collect()
    }
}

/// A namespace without the type of its data.
pub(crate) trait AnyNamespace: Send + Sync {
    fn core(&self) -> &Arc<NamespaceCore>;

    /// A client asks to connect.
    fn connect(
        self: Arc<Self>,
        server: &Arc<Core>,
        connection: &Arc<Connection>,
        auth: Option<Text>,
        lease: Option<Box<Lease>>,
    ) -> Box<dyn Session>;

    /// What a cluster may know of those who are still there.
    fn remote(&self, server: &Arc<Core>, members: &[Member]) -> Vec<RemoteSocket>;

    /// An event of another server. The answer is that of the first listener that has one.
    fn server_event(self: Arc<Self>, server: &Arc<Core>, event: &str, args: &RawArgs) -> Answering;
}

impl<D: Send + Sync + 'static> AnyNamespace for Mounted<D> {
    fn core(&self) -> &Arc<NamespaceCore> {
        &self.core
    }

    fn connect(
        self: Arc<Self>,
        server: &Arc<Core>,
        connection: &Arc<Connection>,
        auth: Option<Text>,
        lease: Option<Box<Lease>>,
    ) -> Box<dyn Session> {
        let request = Arc::clone(&connection.request);
        let params = Arc::clone(&self.params);
        // an old client's id is that of its new session: it cannot have the old one's
        let may_resume = self.sessions.is_some() && request.protocol() == Protocol::V4;
        let (resume, auth) = match auth.as_ref().filter(|_| may_resume) {
            Some(payload) => match Resume::take(payload) {
                Some((resume, rest)) => (Some(resume), Some(rest)),
                None => (None, auth),
            },
            None => (None, auth),
        };
        let handshake = Handshake::new(request, self.core.id.clone(), auth).with_params(params);
        Box::new(NamespaceSession::new(
            self,
            Arc::clone(server),
            Arc::clone(connection),
            handshake,
            resume,
            lease,
        ))
    }

    fn remote(&self, server: &Arc<Core>, members: &[Member]) -> Vec<RemoteSocket> {
        let sockets = members
            .iter()
            .filter_map(|member| self.find(member.slot, &member.id));
        let share = self.definition.handlers.share_data.as_ref();
        sockets
            .map(|socket| RemoteSocket::of(server, &socket, share))
            .collect()
    }

    fn server_event(self: Arc<Self>, server: &Arc<Core>, event: &str, args: &RawArgs) -> Answering {
        let listeners = self.definition.handlers.server_events.get(event);
        let handle = NamespaceHandle::new(server, Arc::clone(&self));
        let running: Vec<Answering> = listeners
            .into_iter()
            .flatten()
            .map(|listener| listener(handle.clone(), args.clone()))
            .collect();
        Box::pin(async move {
            let mut answer = None;
            for listener in running {
                let given = listener.await;
                answer = answer.or(given);
            }
            match answer {
                Some(answer) => Some(answer),
                None => std::future::pending().await,
            }
        })
    }
}

//! [`NamespaceSession`]: one client in one namespace, inside the connection's task: the auth
//! step, then its events, one handler after another.

mod admission;
mod job;
mod joined;
mod list;
mod stages;
mod step;

use std::task::{Context, Waker};
use std::time::Instant;

use engineio::Text;
use socketio_proto::server::Connection as Machine;
use socketio_proto::{AckId, ConnectError, DisconnectReason, RawArgs, SocketId};

use crate::afterlife;
use crate::connection::Connection;
use crate::core::Core;
use crate::handshake::Handshake;
use crate::namespace::Mounted;
use crate::recovery::Resume;
use crate::registry::Lease;
use crate::sync::Arc;
use crate::trace::debug;

use self::admission::Accepted;
use self::job::Event;
pub(crate) use self::job::Job;
pub(crate) use self::joined::Joined;
pub(crate) use self::list::SessionList;
use self::step::{Step, recover};

/// A session without the type of its data.
pub(crate) trait Session: Send {
    fn received(&mut self, name: Text, args: RawArgs, ack: Option<AckId>);

    /// Lets the auth step and handlers run.
    fn poll(&mut self, now: Instant, machine: &mut Machine, cx: &mut Context<'_>) -> Progress;

    /// Of its socket, if it has one already.
    fn id(&self) -> Option<&SocketId>;

    /// Bytes of events that wait for handlers.
    fn inbox_bytes(&self) -> usize;

    /// Whether nothing would come of [`Session::poll`] before an event is received.
    fn is_idle(&self) -> bool;

    /// The connection moved to another transport.
    fn upgraded(&self);

    /// Gives back memory that is kept for events.
    fn shrink(&mut self);

    fn disconnected(self: Box<Self>, reason: DisconnectReason);
}

/// What polling a session came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Waits,
    /// The client was accepted: its handlers run when it was told so.
    Accepted,
    Refused,
}

pub(crate) struct NamespaceSession<D: Send + Sync + 'static> {
    namespace: Arc<Mounted<D>>,
    server: Arc<Core>,
    connection: Arc<Connection>,
    phase: Phase<D>,
    /// Keeps a namespace that came from a pattern in service.
    lease: Option<Box<Lease>>,
}

enum Phase<D: Send + Sync + 'static> {
    Joining {
        step: Step<D>,
        handshake: Handshake,
    },
    /// It was accepted. It is a member when it was told so: nothing may overtake the answer.
    Accepted(Option<Box<Accepted<D>>>),
    Joined(Joined<D>),
}

impl<D: Send + Sync + 'static> NamespaceSession<D> {
    pub(crate) fn new(
        namespace: Arc<Mounted<D>>,
        server: Arc<Core>,
        connection: Arc<Connection>,
        handshake: Handshake,
        resume: Option<Resume>,
        lease: Option<Box<Lease>>,
    ) -> Self {
        let step = match resume {
            Some(resume) => Step::Back(recover(Arc::clone(&namespace), handshake.clone(), resume)),
            None => Step::fresh(&namespace, &handshake),
        };
        Self {
            namespace,
            server,
            connection,
            phase: Phase::Joining { step, handshake },
            lease,
        }
    }
}

pub(crate) fn internal_error() -> ConnectError {
    ConnectError::new("internal server error")
}

impl<D: Send + Sync + 'static> Session for NamespaceSession<D> {
    fn received(&mut self, name: Text, args: RawArgs, ack: Option<AckId>) {
        if let Phase::Joined(joined) = &mut self.phase {
            joined.push(Event { name, args, ack });
        }
    }

    fn poll(&mut self, now: Instant, machine: &mut Machine, cx: &mut Context<'_>) -> Progress {
        if let Phase::Accepted(accepted) = &mut self.phase
            && let Some(accepted) = accepted.take()
        {
            self.phase = Phase::Joined(self.enter(*accepted));
        }
        match &mut self.phase {
            Phase::Accepted(_) => Progress::Waits,
            Phase::Joining { .. } => self.join(now, machine, cx),
            Phase::Joined(joined) => {
                joined.poll(cx);
                Progress::Waits
            }
        }
    }

    fn id(&self) -> Option<&SocketId> {
        match &self.phase {
            Phase::Joined(joined) => Some(joined.socket.id()),
            Phase::Joining { .. } | Phase::Accepted(_) => None,
        }
    }

    fn inbox_bytes(&self) -> usize {
        match &self.phase {
            Phase::Joined(joined) => joined.inbox_bytes(),
            Phase::Joining { .. } | Phase::Accepted(_) => 0,
        }
    }

    fn is_idle(&self) -> bool {
        match &self.phase {
            Phase::Joined(joined) => joined.is_idle(),
            Phase::Joining { .. } | Phase::Accepted(_) => false,
        }
    }

    fn upgraded(&self) {
        if let Phase::Joined(joined) = &self.phase {
            joined.upgraded();
        }
    }

    fn shrink(&mut self) {
        if let Phase::Joined(joined) = &mut self.phase {
            joined.shrink();
        }
    }

    fn disconnected(self: Box<Self>, reason: DisconnectReason) {
        if let Phase::Joined(mut joined) = self.phase {
            debug!("socket {} left: {reason}", joined.socket.id());
            if is_by_client(reason) {
                // what came before the end, in the same read perhaps, is handled: whoever sends
                // and leaves has sent. Its handlers are polled again in their afterlife
                joined.poll(&mut Context::from_waker(Waker::noop()));
            }
            joined.end(reason, self.lease);
            afterlife::start(self.server, joined, reason);
        }
    }
}

/// Whether the client or its connection went, not we.
fn is_by_client(reason: DisconnectReason) -> bool {
    matches!(
        reason,
        DisconnectReason::ClientNamespaceDisconnect
            | DisconnectReason::TransportClose
            | DisconnectReason::TransportError
            | DisconnectReason::PingTimeout
    )
}

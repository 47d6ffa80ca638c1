//! [`NamespaceSession`]: one client in one namespace, inside the connection's task: the auth
//! step, then its events, one handler after another.

mod job;
mod joined;
mod list;
mod stages;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use engineio::Text;
use socketio_proto::server::Connection as Machine;
use socketio_proto::{
    AckId, ConnectError, DisconnectReason, RawArgs, Revision, SessionKey, SocketId,
};

use crate::afterlife;
use crate::connection::Connection;
use crate::core::{Claim, Core, Seat};
use crate::handshake::Handshake;
use crate::namespace::{Joining, Mounted};
use crate::recovery::{Resume, Returning};
use crate::registry::{Lease, invalid_namespace};
use crate::socket::{Socket, SocketCore};
use crate::sync::Arc;
use crate::trace::debug;

use self::job::Event;
pub(crate) use self::job::Job;
pub(crate) use self::joined::Joined;
pub(crate) use self::list::SessionList;

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

struct Accepted<D> {
    id: SocketId,
    key: Option<SessionKey>,
    data: D,
    handshake: Handshake,
}

/// What a client that wants in is waiting for.
enum Step<D: Send + Sync + 'static> {
    /// The steps of the namespace.
    Fresh(Joining<D>),
    /// Its old session.
    Back(Recovering<D>),
}

enum Stepped<D: Send + Sync + 'static> {
    Fresh(D),
    Back(Option<Box<Back<D>>>),
}

impl<D: Send + Sync + 'static> Step<D> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Stepped<D>, ConnectError>> {
        match self {
            Self::Fresh(joining) => poll_guarded(joining, cx).map_ok(Stepped::Fresh),
            Self::Back(recovering) => poll_guarded(recovering, cx).map_ok(Stepped::Back),
        }
    }

    fn fresh(namespace: &Mounted<D>, handshake: &Handshake) -> Self {
        let join = AssertUnwindSafe(|| namespace.definition.join(handshake.clone()));
        let refused = |_| -> Joining<D> { Box::pin(std::future::ready(Err(internal_error()))) };
        Self::Fresh(catch_unwind(join).unwrap_or_else(refused))
    }
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

    /// Polls what the client waits for, and answers it when that is done.
    fn join(&mut self, now: Instant, machine: &mut Machine, cx: &mut Context<'_>) -> Progress {
        loop {
            let (polled, handshake) = match &mut self.phase {
                Phase::Joining { step, handshake } => match step.poll(cx) {
                    Poll::Pending => return Progress::Waits,
                    Poll::Ready(result) => (result, handshake.clone()),
                },
                Phase::Accepted(_) | Phase::Joined(_) => return Progress::Waits,
            };
            let admitted = match polled {
                Err(error) => Err(error),
                Ok(Stepped::Fresh(data)) => self.welcome(now, machine, data, handshake),
                Ok(Stepped::Back(back)) => {
                    let Some(joined) = back
                        .and_then(|back| self.welcome_back(now, machine, back, handshake.clone()))
                    else {
                        let step = Step::fresh(&self.namespace, &handshake);
                        self.phase = Phase::Joining { step, handshake };
                        continue;
                    };
                    Ok(Phase::Joined(joined))
                }
            };
            return match admitted {
                Ok(phase) => {
                    if let Phase::Joined(joined) = &phase {
                        self.joined(joined);
                    }
                    self.phase = phase;
                    Progress::Accepted
                }
                Err(error) => {
                    let namespace = &self.namespace.core.id;
                    self.server.counters.refused.add();
                    machine.refuse(now, namespace, &error).ok();
                    Progress::Refused
                }
            };
        }
    }

    /// It is a member.
    fn joined(&self, joined: &Joined<D>) {
        let namespace = &self.namespace.core.id;
        debug!("socket {} joined {namespace}", joined.socket.core().shown());
        self.server.counters.connected.add();
        // who removed the namespace just now did not see the socket
        if !self.namespace.core.is_open() {
            joined.socket.core().put_out();
        }
    }

    /// A new session.
    fn welcome(
        &self,
        now: Instant,
        machine: &mut Machine,
        data: D,
        handshake: Handshake,
    ) -> Result<Phase<D>, ConnectError> {
        let namespace = &self.namespace;
        if !namespace.core.is_open() {
            return Err(invalid_namespace());
        }
        let entropy = || {
            let mut entropy = [0; 15];
            let filled = getrandom::fill(&mut entropy).map_err(|_| internal_error());
            filled.map(|()| SocketId::from_entropy(entropy))
        };
        let (id, key) = match (machine.revision(), &namespace.sessions) {
            // it makes the same by itself, and cannot come back
            (Revision::V4, _) => {
                let sid = self.connection.handle.sid();
                (SocketId::of_session(&namespace.core.id, &sid), None)
            }
            (Revision::V5, Some(_)) => (entropy()?, Some(SessionKey::new(entropy()?.as_str()))),
            (Revision::V5, None) => (entropy()?, None),
        };
        machine
            .accept(now, &namespace.core.id, id.clone(), key.as_ref())
            .map_err(|_| internal_error())?;
        Ok(Phase::Accepted(Some(Box::new(Accepted {
            id,
            key,
            data,
            handshake,
        }))))
    }

    /// The client knows that it is in.
    fn enter(&self, accepted: Accepted<D>) -> Joined<D> {
        let Accepted {
            id,
            key,
            data,
            handshake,
        } = accepted;
        let namespace = &self.namespace;
        let core = SocketCore::register(
            id,
            Arc::clone(&self.server),
            Arc::clone(&namespace.core),
            Arc::clone(&self.connection),
            handshake,
        );
        if let (Some(sessions), Some(key)) = (&namespace.sessions, &key) {
            sessions.live(key.clone(), self.connection.handle.clone());
        }
        let socket = Socket::new(core, Arc::new(data));
        let joined = Joined::new(Arc::clone(namespace), socket, key);
        self.joined(&joined);
        joined
    }

    /// The session that the client had; `None` when it misses something that is not known any
    /// more.
    fn welcome_back(
        &self,
        now: Instant,
        machine: &mut Machine,
        back: Box<Back<D>>,
        handshake: Handshake,
    ) -> Option<Joined<D>> {
        let Back { returning, offset } = *back;
        let namespace = &self.namespace;
        if !namespace.core.is_open() {
            return None;
        }
        let saved = returning.session()?;
        let claim = Claim {
            id: saved.id.clone(),
            history: &saved.history,
            start: saved.start,
            offset: offset.as_deref(),
        };
        let seat = namespace.core.readmit(&claim, &self.connection)?;
        let seat = Seat {
            newest: saved.start,
            ..seat
        };
        let id = saved.id.clone();
        let key = returning.key.clone();
        if machine
            .accept(now, &namespace.core.id, id.clone(), Some(&key))
            .is_err()
        {
            namespace.core.remove(seat.slot);
            return None;
        }
        let saved = returning.arrive(self.connection.handle.clone())?;
        let core = SocketCore::seated(
            id,
            &seat,
            true,
            Arc::clone(&self.server),
            Arc::clone(&namespace.core),
            Arc::clone(&self.connection),
            handshake,
        );
        let socket = Socket::new(core, saved.data);
        Some(Joined::new(Arc::clone(namespace), socket, Some(key)))
    }
}

/// Polls a step; a panic in it refuses the client.
fn poll_guarded<T>(step: &mut Joining<T>, cx: &mut Context<'_>) -> Poll<Result<T, ConnectError>> {
    catch_unwind(AssertUnwindSafe(|| step.as_mut().poll(cx)))
        .unwrap_or_else(|_| Poll::Ready(Err(internal_error())))
}

/// A session that is there, and how far its client got.
struct Back<D: Send + Sync + 'static> {
    returning: Returning<D>,
    offset: Option<Box<str>>,
}

type Recovering<D> = Joining<Option<Box<Back<D>>>>;

/// Looks for the old session of a client, and lets the steps judge it again if they shall.
fn recover<D: Send + Sync + 'static>(
    namespace: Arc<Mounted<D>>,
    handshake: Handshake,
    Resume { key, offset }: Resume,
) -> Recovering<D> {
    Box::pin(async move {
        let Some(sessions) = &namespace.sessions else {
            return Ok(None);
        };
        let Some(returning) = Arc::clone(sessions).take(key).await else {
            return Ok(None);
        };
        if !sessions.limits().skip_middlewares {
            namespace.definition.join(handshake).await?;
        }
        Ok(Some(Box::new(Back { returning, offset })))
    })
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

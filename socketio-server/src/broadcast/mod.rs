//! [`Broadcast`]: one event for many, and what else can be done to many.

mod answers;
mod selection;

use std::fmt;
use std::time::Duration;

use socketio_proto::{Event, FromArgs, IntoArgs, SocketId};

use crate::ack::Waiter;
use crate::clock;
use crate::connection::Command;
use crate::core::{Core, NamespaceCore, Settings};
use crate::error::SendError;
use crate::namespace::AnyDynamic;
use crate::outgoing::Outgoing;
use crate::recovery::Kept;
use crate::rooms::{Room, Selection};
use crate::sync::Arc;

use self::answers::Collector;
pub(crate) use self::answers::Slot;
pub use self::answers::{Answers, BroadcastAck};

/// A broadcast under construction: who gets it, and how. Made by `to`, `except` and the like.
///
/// Every client gets it once, however many of the rooms it is in. Encoded once for all.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before it is told what to do"]
pub struct Broadcast {
    core: Arc<Core>,
    target: Target,
    selection: Selection,
    volatile: bool,
    timeout: Option<Duration>,
}

#[derive(Clone)]
enum Target {
    Namespace(Arc<NamespaceCore>),
    Children(Arc<dyn AnyDynamic>),
}

impl Target {
    fn namespaces(&self) -> Vec<Arc<NamespaceCore>> {
        match self {
            Self::Namespace(namespace) => vec![Arc::clone(namespace)],
            Self::Children(dynamic) => dynamic.children(),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(namespace) => f.debug_tuple("Namespace").field(&namespace.id).finish(),
            Self::Children(_) => f.write_str("Children"),
        }
    }
}

impl Broadcast {
    pub(crate) fn new(core: Arc<Core>, namespace: Arc<NamespaceCore>) -> Self {
        Self::with(core, Target::Namespace(namespace))
    }

    pub(crate) fn to_children(core: Arc<Core>, dynamic: Arc<dyn AnyDynamic>) -> Self {
        Self::with(core, Target::Children(dynamic))
    }

    fn with(core: Arc<Core>, target: Target) -> Self {
        Self {
            core,
            target,
            selection: Selection::default(),
            volatile: false,
            timeout: None,
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

    /// Whether to compress, once a transport can; until then it changes nothing.
    pub fn compress(self, _: bool) -> Self {
        self
    }

    /// Only clients of this server, also where it is one of a cluster.
    pub fn local(self) -> Self {
        self
    }

    /// How long [`Broadcast::emit_with_ack`] waits for answers, counted from then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
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
        match &self.target {
            Target::Namespace(namespace) => self.emit_in(namespace, event, payload, None),
            Target::Children(dynamic) => {
                let mut children = dynamic.children().into_iter();
                children.try_for_each(|child| self.emit_in(&child, event, payload, None))
            }
        }
    }

    /// Sends the event `message`; Node's `send`.
    ///
    /// # Errors
    /// As [`Broadcast::emit`].
    pub fn send<P: IntoArgs + ?Sized>(&self, payload: &P) -> Result<(), SendError> {
        self.emit("message", payload)
    }

    /// Sends a typed event, without waiting for answers.
    ///
    /// # Errors
    /// As [`Broadcast::emit`].
    pub fn notify<E: Event>(&self, event: &E) -> Result<(), SendError> {
        self.emit(E::NAME, event)
    }

    /// Sends an event and collects the answers of all who get it, for 30 s unless
    /// [told otherwise](Broadcast::timeout).
    ///
    /// The event leaves now, not when the future is first polled. The wait ends when everybody
    /// has answered, has left, or is late.
    pub fn emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> BroadcastAck<R> {
        let collector = Collector::new();
        for namespace in self.target.namespaces() {
            if let Err(error) = self.emit_in(&namespace, event, payload, Some(&collector)) {
                return BroadcastAck::failed(error);
            }
        }
        BroadcastAck::waiting(collector)
    }

    /// Sends a typed event and collects the answers, as [`Broadcast::emit_with_ack`].
    pub fn call<E: Event>(&self, event: &E) -> BroadcastAck<E::Ack> {
        self.emit_with_ack(E::NAME, event)
    }

    fn emit_in<P: IntoArgs + ?Sized>(
        &self,
        namespace: &NamespaceCore,
        event: &str,
        payload: &P,
        collector: Option<&Arc<Collector>>,
    ) -> Result<(), SendError> {
        let Settings {
            parser,
            protocol,
            ack_timeout,
            ..
        } = &self.core.settings;
        let id = &namespace.id;
        let ack = match collector {
            Some(_) => Some(namespace.next_ack().ok_or(SendError::Full)?),
            None => None,
        };
        if namespace.recovers && ack.is_none() && !self.volatile {
            let kept = Kept::new(&self.core.settings, id, event, payload)?;
            namespace.dispatch_kept(&self.selection, |offset| kept.encode(offset))?;
            self.show(namespace, event, payload);
            return Ok(());
        }
        let batch = parser.event(id, event, payload, ack, &protocol.limits)?;
        let until = clock::now() + self.timeout.unwrap_or(*ack_timeout);
        let expect = collector.zip(ack).map(|(collector, ack)| {
            move |socket| Command::ExpectAck {
                namespace: id.clone(),
                id: ack,
                waiter: Waiter::collecting(&self.core, collector.slot(socket), until),
            }
        });
        let expect = expect
            .as_ref()
            .map(|expect| expect as &dyn Fn(SocketId) -> Command);
        namespace.dispatch(&self.selection, &batch, self.volatile, expect);
        self.show(namespace, event, payload);
        Ok(())
    }

    /// Shows the event to those who want to see all that is sent.
    fn show<P: IntoArgs + ?Sized>(&self, namespace: &NamespaceCore, event: &str, payload: &P) {
        if namespace.is_observed()
            && let Some(outgoing) = Outgoing::new(event, payload)
        {
            let members = namespace.selected(&self.selection);
            let receivers = members.iter().map(|member| (member.slot, &member.id));
            namespace.show(&receivers.collect::<Vec<_>>(), &outgoing);
        }
    }
}

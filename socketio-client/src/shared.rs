//! [`Shared`]: what handles and the task that owns the connection have in common.

use std::collections::BTreeMap;
use std::fmt;

use engineio::net::client::Options;
use socketio_proto::client::{EmitId, Settings};
use socketio_proto::{Body, EncodeError, Limits, NamespaceId, Packet, Parser, RawArgs, SendError};
use tokio::sync::Notify;

use crate::driver::{Driver, Parts};
use crate::mailbox::Mailbox;
use crate::manager::ManagerEvent;
use crate::order::Order;
use crate::socket::{Socket, SocketCore};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering};

type Observer = Arc<dyn Fn(&ManagerEvent) + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) mailbox: Mailbox,
    /// What the task is made of, until the first socket connects.
    parts: Mutex<Option<Box<Parts>>>,
    sockets: Mutex<BTreeMap<NamespaceId, Arc<SocketCore>>>,
    observers: Mutex<Vec<Observer>>,
    /// As they were set last, and whether the task knows.
    options: Mutex<(Options, bool)>,
    pub(crate) parser: Parser,
    pub(crate) limits: Limits,
    max_buffered: usize,
    pub(crate) max_inbox: usize,
    /// Bytes in orders that were not taken yet, and behind the orders.
    ordered: AtomicUsize,
    below: AtomicUsize,
    /// Somebody waits for room.
    room: Notify,
    names: AtomicU64,
}

/// What keeps the connection alive: the last one to go ends it.
pub(crate) struct Handle(Arc<Shared>);

impl Handle {
    pub(crate) fn new(shared: Shared) -> Arc<Self> {
        Arc::new(Self(Arc::new(shared)))
    }
}

impl std::ops::Deref for Handle {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.order(Order::Shutdown);
    }
}

impl Shared {
    pub(crate) fn new(parts: Parts, options: Options, max_buffered: usize) -> Self {
        Self {
            mailbox: Mailbox::default(),
            parser: parts.parser.clone(),
            limits: parts.limits,
            sockets: Mutex::default(),
            observers: Mutex::default(),
            options: Mutex::new((options, true)),
            max_buffered,
            max_inbox: parts.max_inbox,
            parts: Mutex::new(Some(Box::new(parts))),
            ordered: AtomicUsize::new(0),
            below: AtomicUsize::new(0),
            room: Notify::new(),
            names: AtomicU64::new(0),
        }
    }

    /// The socket of a namespace: always the same one.
    pub(crate) fn socket(&self, namespace: NamespaceId, settings: Settings) -> Arc<SocketCore> {
        let mut sockets = self.sockets.lock();
        if let Some(core) = sockets.get(&namespace) {
            return Arc::clone(core);
        }
        let namespace = namespace.detached();
        let core = Arc::new(SocketCore::new(namespace.clone(), settings));
        sockets.insert(namespace.clone(), Arc::clone(&core));
        // before anybody else finds the socket, and gives it other settings
        self.order(Order::Configure {
            namespace,
            settings,
        });
        drop(sockets);
        core
    }

    /// Forgets the socket of a namespace.
    pub(crate) fn remove(&self, namespace: NamespaceId) {
        let removed = self.sockets.lock().remove(&namespace);
        if removed.is_some() {
            self.order(Order::Remove { namespace });
        }
    }

    pub(crate) fn sockets(&self) -> Vec<Arc<SocketCore>> {
        self.sockets.lock().values().cloned().collect()
    }

    /// Gives an order. One that nobody takes any more is forgotten.
    pub(crate) fn order(&self, order: Order) {
        self.ordered.fetch_add(order.size(), Ordering::Relaxed);
        self.push(order);
    }

    /// Gives an order whose bytes are counted already.
    fn push(&self, order: Order) {
        let size = order.size();
        if !self.mailbox.push(order) {
            self.taken(size);
            // somebody may have found them counted, and wait
            self.tell_room();
        }
    }

    /// The task has ended: nothing waits any more.
    pub(crate) fn end(&self) {
        let forgotten = self.mailbox.end();
        self.taken(forgotten);
        self.set_below(0);
    }

    /// Gives an order that sends something.
    pub(crate) fn send(&self, order: Order) -> Result<(), SendError> {
        let (size, below) = (order.size(), self.below.load(Ordering::Relaxed));
        let counted = |ordered| {
            let ordered = ordered + size;
            (ordered + below <= self.max_buffered).then_some(ordered)
        };
        let (done, failed) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.ordered.fetch_update(done, failed, counted).is_err() {
            return Err(SendError::Full);
        }
        self.push(order);
        Ok(())
    }

    /// Whether a packet with these arguments can be encoded.
    pub(crate) fn check(
        &self,
        namespace: &NamespaceId,
        args: &RawArgs,
        body: impl FnOnce() -> Body,
    ) -> Result<(), EncodeError> {
        if matches!(self.parser, Parser::Json) && args.attachments().is_empty() {
            return Ok(());
        }
        let (namespace, body) = (namespace.clone(), body());
        let packet = Packet { namespace, body };
        self.parser.encode(&packet, &self.limits).map(drop)
    }

    pub(crate) fn emit_id(&self) -> EmitId {
        EmitId::new(self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Bytes that wait to be sent.
    pub(crate) fn buffered(&self) -> usize {
        self.ordered.load(Ordering::Relaxed) + self.below.load(Ordering::Relaxed)
    }

    /// The task has taken an order of that size.
    pub(crate) fn taken(&self, size: usize) {
        self.ordered.fetch_sub(size, Ordering::Relaxed);
    }

    /// The task tells how much waits behind the orders.
    pub(crate) fn set_below(&self, bytes: usize) {
        self.below.store(bytes, Ordering::Relaxed);
        self.tell_room();
    }

    /// Wakes those who wait for room, if there is some.
    fn tell_room(&self) {
        if self.buffered() <= self.max_buffered / 2 {
            self.room.notify_waiters();
        }
    }

    /// Waits until less than half of what may wait does.
    pub(crate) async fn room(&self) {
        loop {
            let room = self.room.notified();
            if self.buffered() <= self.max_buffered / 2 {
                return;
            }
            room.await;
        }
    }

    /// Starts the task, unless it was.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn start(handle: &Arc<Handle>) {
        let mut parts = handle.parts.lock();
        if parts.is_none() {
            return;
        }
        // before they are taken: who comes back in a runtime finds them
        let runtime = tokio::runtime::Handle::current();
        let taken = parts.take();
        drop(parts);
        if let Some(parts) = taken {
            runtime.spawn(Driver::new(*parts, handle));
        }
    }

    /// Waits for the end of the task, if it was started.
    pub(crate) async fn ended(&self) {
        if self.is_started() {
            self.mailbox.ended().await;
        }
    }

    /// Whether there is a task.
    pub(crate) fn is_started(&self) -> bool {
        self.parts.lock().is_none()
    }

    pub(crate) fn observe(&self, observer: impl Fn(&ManagerEvent) + Send + Sync + 'static) {
        self.observers.lock().push(Arc::new(observer));
    }

    pub(crate) fn observers(&self) -> Vec<Observer> {
        self.observers.lock().clone()
    }

    pub(crate) fn change_options(&self, change: impl FnOnce(Options) -> Options) {
        let options = self.options.lock().0.clone();
        // not under the lock: what is called may look at the manager
        let options = change(options);
        *self.options.lock() = (options, false);
    }

    /// The options, if they were changed since the last call.
    pub(crate) fn take_changed_options(&self) -> Option<Options> {
        let mut options = self.options.lock();
        let is_known = std::mem::replace(&mut options.1, true);
        (!is_known).then(|| options.0.clone())
    }

    /// Whether the namespace was asked for before.
    pub(crate) fn knows(&self, namespace: &NamespaceId) -> bool {
        self.sockets.lock().contains_key(namespace)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// A socket for a handler; `None` when nobody holds a handle any more.
pub(crate) fn socket(handle: &crate::sync::Weak<Handle>, core: &Arc<SocketCore>) -> Option<Socket> {
    let handle = handle.upgrade()?;
    Some(Socket::new(handle, Arc::clone(core)))
}

//! What a socket does with what happens to it.

use std::collections::HashMap;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::pin::Pin;

use engineio::Text;
use socketio_proto::answer::{Answer, Answered};
use socketio_proto::{DisconnectReason, EventError, EventErrorKind, FromArgs};

use crate::error::ConnectFailed;
use crate::events::Queue;
use crate::incoming::{Incoming, Outgoing, Sink};
use crate::socket::Socket;
use crate::sync::{Arc, Weak};

/// Something that happened to a socket.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Connected { recovered: bool },
    ConnectFailed(ConnectFailed),
    Event(Incoming),
    Disconnected(DisconnectReason),
}

/// A future of a handler.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Answered, EventErrorKind>> + Send>>;

pub(crate) trait Listener: Send + Sync {
    fn call(&self, socket: &Socket, what: &Happening) -> Running;
}

/// The name of a listener, for [`Socket::off_listener`](crate::Socket::off_listener).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

pub(crate) type OnAny = Arc<dyn Fn(&Socket, &Incoming) + Send + Sync>;
pub(crate) type OnAnyOutgoing = Arc<dyn Fn(&Socket, &Outgoing) + Send + Sync>;
pub(crate) type OnError = Arc<dyn Fn(&Socket, &EventError) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Listeners {
    names: u64,
    connected: Vec<Entry<Arc<dyn Listener>>>,
    failed: Vec<Entry<Arc<dyn Listener>>>,
    disconnected: Vec<Entry<Arc<dyn Listener>>>,
    events: HashMap<Text, Vec<Entry<Arc<dyn Listener>>>>,
    any: Vec<Entry<OnAny>>,
    any_outgoing: Vec<Entry<OnAnyOutgoing>>,
    queues: Vec<Weak<Queue>>,
    pub(crate) error: Option<OnError>,
}

struct Entry<T> {
    id: ListenerId,
    once: bool,
    what: T,
}

/// Where a listener stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Last,
}

impl Listeners {
    fn entry<T>(&mut self, once: bool, what: T) -> Entry<T> {
        self.names += 1;
        let id = ListenerId(self.names);
        Entry { id, once, what }
    }

    pub(crate) fn on(&mut self, event: Text, once: bool, what: Arc<dyn Listener>) -> ListenerId {
        let entry = self.entry(once, what);
        let id = entry.id;
        self.events.entry(event).or_default().push(entry);
        id
    }

    /// A listener for everything that is no event, of the kind of `like`.
    pub(crate) fn on_state(&mut self, like: &Happening, what: Arc<dyn Listener>) -> ListenerId {
        let entry = self.entry(false, what);
        let id = entry.id;
        match like {
            Happening::Connected { .. } | Happening::Event(_) => self.connected.push(entry),
            Happening::ConnectFailed(_) => self.failed.push(entry),
            Happening::Disconnected(_) => self.disconnected.push(entry),
        }
        id
    }

    pub(crate) fn on_any(&mut self, place: Place, what: OnAny) -> ListenerId {
        let entry = self.entry(false, what);
        put(&mut self.any, place, entry)
    }

    pub(crate) fn on_any_outgoing(&mut self, place: Place, what: OnAnyOutgoing) -> ListenerId {
        let entry = self.entry(false, what);
        put(&mut self.any_outgoing, place, entry)
    }

    pub(crate) fn watch(&mut self, queue: &Arc<Queue>) {
        self.queues.push(Arc::downgrade(queue));
    }

    // What is removed comes back, to be dropped without the lock: there is code of the user's in it

    pub(crate) fn off(&mut self, event: &str) -> impl Sized + use<> {
        self.events.remove(event)
    }

    pub(crate) fn off_any(&mut self) -> impl Sized + use<> {
        std::mem::take(&mut self.any)
    }

    pub(crate) fn off_any_outgoing(&mut self) -> impl Sized + use<> {
        std::mem::take(&mut self.any_outgoing)
    }

    /// Whether there was one.
    pub(crate) fn off_listener(&mut self, id: ListenerId) -> (bool, impl Sized + use<>) {
        let events = self.events.values_mut();
        let states = [
            &mut self.connected,
            &mut self.failed,
            &mut self.disconnected,
        ];
        let listener = events.chain(states).find_map(|entries| strike(entries, id));
        self.events.retain(|_, entries| !entries.is_empty());
        let any = strike(&mut self.any, id);
        let outgoing = strike(&mut self.any_outgoing, id);
        let found = listener.is_some() || any.is_some() || outgoing.is_some();
        (found, (listener, any, outgoing))
    }

    pub(crate) fn off_all(&mut self) -> impl Sized + use<> {
        let states = [
            &mut self.connected,
            &mut self.failed,
            &mut self.disconnected,
        ];
        (states.map(std::mem::take), std::mem::take(&mut self.events))
    }

    pub(crate) fn count(&self, event: &str) -> usize {
        self.events.get(event).map_or(0, Vec::len)
    }

    pub(crate) fn any(&self) -> Vec<OnAny> {
        self.any
            .iter()
            .map(|entry| Arc::clone(&entry.what))
            .collect()
    }

    pub(crate) fn any_outgoing(&self) -> Vec<OnAnyOutgoing> {
        let entries = self.any_outgoing.iter();
        entries.map(|entry| Arc::clone(&entry.what)).collect()
    }

    /// Who is to hear of this, in order. Those that hear only once are gone with it.
    pub(crate) fn take(&mut self, what: &Happening) -> Vec<Arc<dyn Listener>> {
        let entries = match what {
            Happening::Connected { .. } => &mut self.connected,
            Happening::ConnectFailed(_) => &mut self.failed,
            Happening::Disconnected(_) => &mut self.disconnected,
            Happening::Event(event) => match self.events.get_mut(event.name()) {
                Some(entries) => entries,
                None => return Vec::new(),
            },
        };
        let listeners = entries.iter().map(|entry| Arc::clone(&entry.what));
        let listeners = listeners.collect();
        entries.retain(|entry| !entry.once);
        if entries.is_empty()
            && let Happening::Event(event) = what
        {
            self.events.remove(event.name());
        }
        listeners
    }

    pub(crate) fn queues(&mut self) -> Vec<Arc<Queue>> {
        self.queues.retain(|queue| queue.strong_count() > 0);
        self.queues.iter().filter_map(Weak::upgrade).collect()
    }
}

fn put<T>(entries: &mut Vec<Entry<T>>, place: Place, entry: Entry<T>) -> ListenerId {
    let id = entry.id;
    match place {
        Place::First => entries.insert(0, entry),
        Place::Last => entries.push(entry),
    }
    id
}

fn strike<T>(entries: &mut Vec<Entry<T>>, id: ListenerId) -> Option<Entry<T>> {
    let place = entries.iter().position(|entry| entry.id == id)?;
    Some(entries.remove(place))
}

fn nothing() -> Running {
    Box::pin(ready(Ok(Answered::Default)))
}

/// A handler for a payload of type `P`.
pub(crate) struct Typed<F, P>(pub(crate) F, pub(crate) PhantomData<fn(P)>);

impl<P, A, F, Fut> Listener for Typed<F, P>
where
    F: FnOnce(Socket, P) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = A> + Send + 'static,
    P: FromArgs,
    A: Answer,
{
    fn call(&self, socket: &Socket, what: &Happening) -> Running {
        let Happening::Event(event) = what else {
            return nothing();
        };
        let payload = match event.read() {
            Ok(payload) => payload,
            Err(error) => return Box::pin(ready(Err(EventErrorKind::Payload(error)))),
        };
        let answer = (self.0.clone())(socket.clone(), payload);
        let asked = event.asked().cloned();
        Box::pin(async move { answer.await.give(&Sink(asked.as_ref())) })
    }
}

/// A handler that takes the event as it came.
pub(crate) struct Raw<F>(pub(crate) F);

impl<A, F, Fut> Listener for Raw<F>
where
    F: FnOnce(Socket, Incoming) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = A> + Send + 'static,
    A: Answer,
{
    fn call(&self, socket: &Socket, what: &Happening) -> Running {
        let Happening::Event(event) = what else {
            return nothing();
        };
        let answer = (self.0.clone())(socket.clone(), event.clone());
        let asked = event.asked().cloned();
        Box::pin(async move { answer.await.give(&Sink(asked.as_ref())) })
    }
}

/// A handler for what is no event.
pub(crate) struct State<F>(pub(crate) F);

impl<F, Fut> Listener for State<F>
where
    F: Fn(Socket, Happening) -> Option<Fut> + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    fn call(&self, socket: &Socket, what: &Happening) -> Running {
        match (self.0)(socket.clone(), what.clone()) {
            Some(future) => Box::pin(async move {
                future.await;
                Ok(Answered::Default)
            }),
            None => nothing(),
        }
    }
}

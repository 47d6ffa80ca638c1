//! Handlers: `(who, what) -> answer`.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use engineio::Text;
use pin_project_lite::pin_project;
use socketio_proto::answer::{Answer, AnswerSink, Answered};
use socketio_proto::{
    AckId, Args, DisconnectReason, EventError, EventErrorKind, FromArgs, IntoArgs, RawArgs, Refused,
};

use crate::error::SendError;
use crate::namespace::NamespaceHandle;
use crate::outgoing::Outgoing;
use crate::rooms::RoomEvent;
use crate::socket::{Socket, SocketCore};
use crate::table::Table;

/// What a handler came to.
pub(crate) type Outcome = Result<Answered, EventErrorKind>;

/// A handler that runs. What it answers goes to its socket, which it is given anew each time: most
/// are done at once, and need none of their own.
pub(crate) trait Run: Send {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, socket: &SocketCore) -> Poll<Outcome>;
}

pub(crate) type Running = Pin<Box<dyn Run>>;

impl<F> Run for F
where
    F: Future<Output = Outcome> + Send,
{
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, _: &SocketCore) -> Poll<Outcome> {
        Future::poll(self, cx)
    }
}

pin_project! {
    /// A listener's future, whose output answers the event.
    struct Handling<F> {
        #[pin]
        future: F,
        ack: Option<AckId>,
    }
}

impl<F: Future<Output: Answer> + Send> Run for Handling<F> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, socket: &SocketCore) -> Poll<Outcome> {
        let this = self.project();
        let ack = *this.ack;
        this.future.poll(cx).map(|answer| give(answer, socket, ack))
    }
}

/// Answers go to the socket, if its client asked.
struct Asked<'a> {
    socket: &'a SocketCore,
    ack: Option<AckId>,
}

impl AnswerSink for Asked<'_> {
    type Error = EventErrorKind;

    fn answer<P: IntoArgs + ?Sized>(&self, payload: &P) -> Result<(), EventErrorKind> {
        let Some(id) = self.ack else {
            return Ok(());
        };
        match self.socket.answer(id, payload) {
            Ok(()) | Err(SendError::Closed | SendError::Full) => Ok(()),
            Err(SendError::Encode(error)) => Err(error.into()),
        }
    }
}

/// The ack that is due when nobody said anything.
pub(crate) fn empty_ack(socket: &SocketCore, ack: AckId) {
    socket.answer(ack, &Args(())).ok();
}

/// An event as it came.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) name: Text,
    pub(crate) args: RawArgs,
    pub(crate) ack: Option<AckId>,
}

impl Incoming {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its arguments, not decoded yet.
    #[must_use]
    pub fn args(&self) -> &RawArgs {
        &self.args
    }

    /// Its arguments as a type.
    ///
    /// # Errors
    /// When they are not of that type.
    pub fn read<P: FromArgs>(&self) -> Result<P, socketio_proto::ArgsError> {
        self.args.read()
    }

    /// Whether the client waits for an answer.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.ack.is_some()
    }
}

pub(crate) fn give(answer: impl Answer, socket: &SocketCore, ack: Option<AckId>) -> Outcome {
    answer.give(&Asked { socket, ack })
}

pub(crate) trait Listener<D>: Send + Sync {
    fn call(&self, socket: &Socket<D>, name: &Text, args: RawArgs, ack: Option<AckId>) -> Running;
}

/// A listener for a payload of type `P`.
pub(crate) struct Typed<F, P> {
    pub(crate) handler: F,
    pub(crate) payload: std::marker::PhantomData<fn(P)>,
}

impl<D, P, A, F, Fut> Listener<D> for Typed<F, P>
where
    D: Send + Sync + 'static,
    F: FnOnce(Socket<D>, P) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = A> + Send + 'static,
    P: FromArgs,
    A: Answer,
{
    fn call(&self, socket: &Socket<D>, _: &Text, args: RawArgs, ack: Option<AckId>) -> Running {
        let payload = match args.read() {
            Ok(payload) => payload,
            Err(error) => return Box::pin(ready(Err(EventErrorKind::Payload(error)))),
        };
        let future = (self.handler.clone())(socket.clone(), payload);
        Box::pin(Handling { future, ack })
    }
}

/// A listener that takes the event as it came.
pub(crate) struct Raw<F>(pub(crate) F);

impl<D, A, F, Fut> Listener<D> for Raw<F>
where
    D: Send + Sync + 'static,
    F: FnOnce(Socket<D>, Incoming) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = A> + Send + 'static,
    A: Answer,
{
    fn call(&self, socket: &Socket<D>, name: &Text, args: RawArgs, ack: Option<AckId>) -> Running {
        let name = name.clone();
        let incoming = Incoming { name, args, ack };
        let future = (self.0.clone())(socket.clone(), incoming);
        Box::pin(Handling { future, ack })
    }
}

type OnConnect<D> = Box<dyn Fn(Socket<D>) -> Running + Send + Sync>;
type OnDisconnect<D> = Box<dyn Fn(Socket<D>, DisconnectReason) -> Running + Send + Sync>;
type OnError<D> = Box<dyn Fn(&Socket<D>, &EventError, Option<AckId>) -> Outcome + Send + Sync>;

/// The answer to an event of another server.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Option<RawArgs>> + Send>>;
type OnServer<D> = Box<dyn Fn(NamespaceHandle<D>, RawArgs) -> Answering + Send + Sync>;
type Judging = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send>>;
type BeforeEvent<D> = Box<dyn Fn(Socket<D>, Incoming) -> Judging + Send + Sync>;
type OnAny<D> = Box<dyn Fn(&Socket<D>, &Incoming) + Send + Sync>;
type OnAnyOutgoing<D> = Box<dyn Fn(&Socket<D>, &Outgoing<'_>) + Send + Sync>;
type OnDisconnecting<D> = Box<dyn Fn(&Socket<D>, DisconnectReason) + Send + Sync>;
type OnRoomEvent = Box<dyn Fn(&RoomEvent) + Send + Sync>;
type OnUpgrade<D> = Box<dyn Fn(&Socket<D>) + Send + Sync>;
pub(crate) type ShareData<D> = Box<dyn Fn(&D) -> Option<Text> + Send + Sync>;

/// The handlers of a namespace. Frozen when it is mounted.
pub(crate) struct Handlers<D> {
    pub(crate) connect: Vec<OnConnect<D>>,
    pub(crate) events: Table<Box<dyn Listener<D>>>,
    pub(crate) fallback: Vec<Box<dyn Listener<D>>>,
    pub(crate) before_event: Vec<BeforeEvent<D>>,
    pub(crate) any: Vec<OnAny<D>>,
    pub(crate) any_outgoing: Vec<OnAnyOutgoing<D>>,
    pub(crate) disconnecting: Vec<OnDisconnecting<D>>,
    pub(crate) room_events: Vec<OnRoomEvent>,
    pub(crate) upgrade: Vec<OnUpgrade<D>>,
    pub(crate) share_data: Option<ShareData<D>>,
    pub(crate) server_events: Table<OnServer<D>>,
    pub(crate) disconnect: Vec<OnDisconnect<D>>,
    pub(crate) error: Option<OnError<D>>,
    pub(crate) serve: Option<crate::events::Serve<D>>,
    pub(crate) max_in_flight: usize,
}

impl<D> Handlers<D> {
    /// The listeners of an event; those of no event in particular when it has none.
    pub(crate) fn listeners(&self, name: &str) -> &[Box<dyn Listener<D>>] {
        self.events.get(name).unwrap_or(&self.fallback)
    }
}

impl<D> Default for Handlers<D> {
    fn default() -> Self {
        Self {
            connect: Vec::new(),
            events: Table::default(),
            fallback: Vec::new(),
            before_event: Vec::new(),
            any: Vec::new(),
            any_outgoing: Vec::new(),
            disconnecting: Vec::new(),
            room_events: Vec::new(),
            upgrade: Vec::new(),
            share_data: None,
            server_events: Table::default(),
            disconnect: Vec::new(),
            error: None,
            serve: None,
            max_in_flight: 1,
        }
    }
}

impl<D> fmt::Debug for Handlers<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("events", &self.events.names().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

//! Events as they come and go, undecoded.

use std::fmt;

use engineio::Text;
use socketio_proto::answer::AnswerSink;
use socketio_proto::client::Reply;
use socketio_proto::{
    ArgsError, Body, EncodeError, EventErrorKind, FromArgs, IntoArgs, NamespaceId, RawArgs,
    SendError,
};

use crate::order::Order;
use crate::shared::Shared;
use crate::sync::{Arc, AtomicUsize, Ordering};

/// An event of the server.
#[derive(Clone, Debug)]
pub struct Incoming {
    name: Text,
    args: RawArgs,
    asked: Option<Asked>,
}

impl Incoming {
    pub(crate) fn new(name: Text, args: RawArgs, asked: Option<Asked>) -> Self {
        Self { name, args, asked }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its arguments, not decoded yet. Of a server that can recover sessions, the offset is one
    /// more, as in Node.
    #[must_use]
    pub fn args(&self) -> &RawArgs {
        &self.args
    }

    /// Its arguments as a type.
    ///
    /// # Errors
    /// When they are not of that type.
    pub fn read<P: FromArgs>(&self) -> Result<P, ArgsError> {
        self.args.read()
    }

    /// Whether the server waits for an answer.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.asked.is_some()
    }

    /// Answers the server, if it waits for that. Of several answers to one event the first is
    /// sent; one that comes after the connection has ended is not.
    ///
    /// # Errors
    /// [`SendError::Encode`], [`SendError::Full`].
    pub fn answer<P: IntoArgs + ?Sized>(&self, payload: &P) -> Result<(), SendError> {
        match &self.asked {
            Some(asked) => asked.send(RawArgs::encode(payload)?),
            None => Ok(()),
        }
    }

    pub(crate) fn asked(&self) -> Option<&Asked> {
        self.asked.as_ref()
    }

    /// Bytes that it keeps in memory.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.args.size()
    }
}

/// Where the answer to an event goes: once.
#[derive(Clone)]
pub(crate) struct Asked {
    shared: Arc<Shared>,
    namespace: NamespaceId,
    reply: Reply,
    answers: Arc<AtomicUsize>,
}

impl Asked {
    pub(crate) fn new(shared: &Arc<Shared>, namespace: NamespaceId, reply: Reply) -> Self {
        Self {
            shared: Arc::clone(shared),
            namespace,
            reply,
            answers: Arc::default(),
        }
    }

    pub(crate) fn send(&self, args: RawArgs) -> Result<(), SendError> {
        self.check(&args)?;
        if self.answers.swap(1, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        let sent = self.shared.send(Order::Answer {
            namespace: self.namespace.clone(),
            reply: self.reply,
            args,
        });
        if sent.is_err() {
            // it was none: the next one counts
            self.answers.store(0, Ordering::Relaxed);
        }
        sent
    }

    /// As for events: the connection's task could tell nobody.
    fn check(&self, args: &RawArgs) -> Result<(), EncodeError> {
        self.shared.check(&self.namespace, args, || Body::Ack {
            id: self.reply.id(),
            args: args.clone(),
        })
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reply.fmt(f)
    }
}

/// The answers of handlers.
pub(crate) struct Sink<'a>(pub(crate) Option<&'a Asked>);

impl AnswerSink for Sink<'_> {
    type Error = EventErrorKind;

    fn answer<P: IntoArgs + ?Sized>(&self, payload: &P) -> Result<(), EventErrorKind> {
        let Some(asked) = self.0 else {
            return Ok(());
        };
        match asked.send(RawArgs::encode(payload)?) {
            Err(SendError::Encode(error)) => Err(error.into()),
            Err(SendError::Full) => Err(EncodeError::TooLarge.into()),
            _ => Ok(()),
        }
    }
}

/// An event that has left, as [`Socket::on_any_outgoing`](crate::Socket::on_any_outgoing) sees it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    name: Text,
    args: RawArgs,
}

impl Outgoing {
    pub(crate) fn new(name: Text, args: RawArgs) -> Self {
        Self { name, args }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its arguments.
    #[must_use]
    pub fn args(&self) -> &RawArgs {
        &self.args
    }

    /// Its arguments as a type.
    ///
    /// # Errors
    /// When they are not of that type.
    pub fn read<P: FromArgs>(&self) -> Result<P, ArgsError> {
        self.args.read()
    }
}

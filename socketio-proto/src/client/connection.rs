//! [`Connection`]: the namespaces and their states.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use engineio::{CloseReason, Text};

use super::namespace::{Namespace, State};
use super::{AckFailure, Attempt, Config, EmitId, Event, Output, Settings};
use crate::acks::Acks;
use crate::error::{DisconnectReason, EncodeError, Misuse};
use crate::id::{AckId, NamespaceId};
use crate::packet::ConnectError;
use crate::parser::{Decoder, Parser};

/// Room for outputs that an idle connection keeps.
const KEPT: usize = 64;

/// The client's end of all connections to one server. The module's page has the contract.
#[derive(Debug)]
pub struct Connection {
    pub(super) parser: Parser,
    pub(super) config: Arc<Config>,
    pub(super) decoder: Decoder,
    pub(super) namespaces: BTreeMap<NamespaceId, Namespace>,
    pub(super) acks: Acks<Pending>,
    /// The acks whose answers the caller wants.
    pub(super) emits: BTreeMap<EmitId, (NamespaceId, AckId)>,
    /// Whether there is an Engine.IO connection, and no reason to close it.
    pub(super) is_open: bool,
    /// Numbers that do not repeat.
    names: u64,
    /// Bytes of events that wait to be sent.
    pub(super) buffered: usize,
    /// Bytes of events that wait for the answer to CONNECT.
    pub(super) early: usize,
    pub(super) outputs: VecDeque<Output>,
}

/// An answer that is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) emit: Option<EmitId>,
    /// Whether the event has left.
    pub(super) sent: bool,
    /// Whether the event is the first of the queue of its namespace.
    pub(super) queued: bool,
}

/// What happened
impl Connection {
    /// A client that has no connection and wants no namespace.
    #[must_use]
    pub fn new(parser: Parser, config: Arc<Config>) -> Self {
        Self {
            decoder: parser.decoder(config.limits),
            parser,
            config,
            namespaces: BTreeMap::new(),
            acks: Acks::default(),
            emits: BTreeMap::new(),
            is_open: false,
            names: 0,
            buffered: 0,
            early: 0,
            outputs: VecDeque::new(),
        }
    }

    /// A new Engine.IO connection is open. If nobody told the end of the one before, it has ended.
    pub fn handle_opened(&mut self, now: Instant) {
        self.handle_closed(now, CloseReason::TransportClose);
        self.decoder = self.parser.decoder(self.config.limits);
        self.is_open = true;
        let is_wanted = |namespace: &Namespace| namespace.state.is_wanted();
        for name in self.in_turn(is_wanted) {
            self.ask(&name);
        }
    }

    /// The Engine.IO connection is gone.
    pub fn handle_closed(&mut self, now: Instant, reason: CloseReason) {
        self.handle_timeout(now);
        self.end(reason.into());
    }

    /// The time that [`Connection::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((namespace, id, pending)) = self.acks.expired(now) {
            self.expired(now, namespace, id, pending);
        }
    }
}

/// What the application wants
impl Connection {
    /// Enters a namespace, now or as soon as there is a connection. Nothing happens when it is
    /// entered or being entered already.
    pub fn connect(&mut self, name: &NamespaceId) {
        let turn = self.name();
        let namespace = self.namespace(name);
        match namespace.state {
            State::Idle => {
                namespace.state = State::Waiting;
                namespace.turn = turn;
                if self.is_open {
                    self.ask(name);
                }
            }
            State::Leaving => namespace.state = State::Connecting,
            State::Waiting | State::Authenticating(_) | State::Connecting | State::Connected(_) => {
            }
        }
    }

    /// Changes what a namespace does differently from others, for what is emitted from now on.
    pub fn configure(&mut self, name: &NamespaceId, settings: Settings) {
        self.namespace(name).settings = settings;
    }

    /// Answers [`Event::AuthNeeded`] with a JSON object, or with nothing.
    ///
    /// # Errors
    /// [`Misuse::NotConnecting`] when this question is not open any more, and
    /// [`Misuse::InvalidAuth`] when this is no object, or has no form in the parser.
    pub fn authenticate(
        &mut self,
        name: &NamespaceId,
        attempt: Attempt,
        auth: Option<Text>,
    ) -> Result<(), Misuse> {
        let namespace = self.asked(name, attempt)?;
        let payload = resuming(namespace, auth)?;
        let name = self.own_name(name);
        let batch = self.parser.connect(&name, payload);
        let batch = batch.map_err(|_| Misuse::InvalidAuth)?;
        self.namespace(&name).state = State::Connecting;
        self.outputs.push_back(Output::Send(batch));
        Ok(())
    }

    /// Answers [`Event::AuthNeeded`] with the fact that there are no credentials: as if the
    /// server had refused with `error`.
    ///
    /// # Errors
    /// As for [`Connection::authenticate`].
    pub fn abandon(
        &mut self,
        name: &NamespaceId,
        attempt: Attempt,
        error: ConnectError,
    ) -> Result<(), Misuse> {
        self.asked(name, attempt)?;
        self.refused(name, error);
        Ok(())
    }

    /// Leaves a namespace. What waits to be sent stays for the next time.
    pub fn disconnect(&mut self, now: Instant, name: &NamespaceId) {
        self.handle_timeout(now);
        let Some(namespace) = self.namespaces.get_mut(name) else {
            return;
        };
        match namespace.state {
            State::Idle | State::Leaving => return,
            State::Waiting | State::Authenticating(_) => namespace.state = State::Idle,
            State::Connecting => namespace.state = State::Leaving,
            State::Connected(_) => {
                self.say_goodbye(name);
                // a parser that cannot say it has closed the connection, and told so
                if self.is_connected(name) {
                    self.left(name, State::Idle, DisconnectReason::IoClientDisconnect);
                }
                self.namespace(name).state = State::Idle;
            }
        }
        self.close_if_unwanted();
    }

    /// Leaves a namespace for good: what waits to be sent is gone, and answers that are waited for
    /// fail with [`AckFailure::Dropped`].
    pub fn remove(&mut self, now: Instant, name: &NamespaceId) {
        self.disconnect(now, name);
        let Some(namespace) = self.namespaces.get_mut(name) else {
            return;
        };
        let forgotten = std::mem::take(namespace);
        if forgotten.state == State::Leaving {
            // its last word is still to be said
            namespace.state = State::Leaving;
        } else {
            self.namespaces.remove(name);
        }
        for id in self.acks.ids(name) {
            let pending = self.expected(name, id);
            self.failed(name, pending.and_then(|p| p.emit), AckFailure::Dropped);
        }
        for event in &forgotten.unsent {
            self.buffered -= event.batch.size();
        }
        for event in &forgotten.queue {
            self.buffered -= event.shown.size();
            // one that is out had its answer above
            let emit = event.emit.filter(|_| !event.out);
            self.failed(name, emit, AckFailure::Dropped);
        }
    }
}

/// What to do next
impl Connection {
    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() && self.outputs.capacity() > KEPT {
            self.outputs = VecDeque::new();
        }
        output
    }

    /// When [`Connection::handle_timeout`] has to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.acks.deadline()
    }

    /// Whether a namespace is wanted: without one there is no need for a connection.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.namespaces.values().any(|n| n.state.is_wanted())
    }

    /// Whether this namespace is entered, or to be entered.
    #[must_use]
    pub fn is_active(&self, name: &NamespaceId) -> bool {
        self.namespaces
            .get(name)
            .is_some_and(|n| n.state.is_wanted())
    }

    /// Whether this namespace is entered: what is emitted leaves at once.
    #[must_use]
    pub fn is_connected(&self, name: &NamespaceId) -> bool {
        let namespace = self.namespaces.get(name);
        namespace.is_some_and(|n| matches!(n.state, State::Connected(_)))
    }

    /// Bytes of events that wait to be sent, against [`Config::max_buffered`].
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffered
    }

    /// Answers that are waited for, against
    /// [`Limits::pending_acks`](crate::Limits::pending_acks).
    #[must_use]
    pub fn pending_acks(&self) -> usize {
        self.acks.len()
    }
}

impl Connection {
    pub(super) fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    /// The state of a namespace, which is made when it is new.
    pub(super) fn namespace(&mut self, name: &NamespaceId) -> &mut Namespace {
        self.namespaces.entry(name.clone()).or_default()
    }

    /// The name as the map has it, so that no event keeps a packet's memory alive.
    pub(super) fn own_name(&self, name: &NamespaceId) -> NamespaceId {
        let known = self.namespaces.get_key_value(name);
        known.map_or_else(|| name.clone(), |(name, _)| name.clone())
    }

    /// The names of some namespaces, in the order of asking for them.
    fn in_turn(&self, is_meant: impl Fn(&Namespace) -> bool) -> Vec<NamespaceId> {
        let all = self.namespaces.iter();
        let mut meant: Vec<_> = all.filter(|(_, namespace)| is_meant(namespace)).collect();
        meant.sort_by_key(|(_, namespace)| namespace.turn);
        meant.into_iter().map(|(name, _)| name.clone()).collect()
    }

    fn ask(&mut self, name: &NamespaceId) {
        let attempt = Attempt(self.name());
        self.namespace(name).state = State::Authenticating(attempt);
        let namespace = self.own_name(name);
        self.event(Event::AuthNeeded { namespace, attempt });
    }

    /// The namespace whose credentials this question was about, while they are wanted.
    fn asked(&mut self, name: &NamespaceId, attempt: Attempt) -> Result<&mut Namespace, Misuse> {
        let namespace = self.namespaces.get_mut(name);
        namespace
            .filter(|namespace| namespace.state == State::Authenticating(attempt))
            .ok_or(Misuse::NotConnecting)
    }

    /// The namespace is not to be entered, until it is asked for again.
    pub(super) fn refused(&mut self, name: &NamespaceId, error: ConnectError) {
        let namespace = self.own_name(name);
        self.idle(name);
        self.event(Event::Refused { namespace, error });
        self.close_if_unwanted();
    }

    /// There is no answer to CONNECT to wait for; what came before it is for nobody.
    pub(super) fn idle(&mut self, name: &NamespaceId) {
        let namespace = self.namespace(name);
        namespace.state = State::Idle;
        let early = std::mem::take(&mut namespace.early);
        self.early -= early
            .iter()
            .map(super::namespace::Early::size)
            .sum::<usize>();
    }

    pub(super) fn say_goodbye(&mut self, name: &NamespaceId) {
        let batch = self.parser.disconnect(name);
        self.send_control(batch);
    }

    /// A namespace is connected no more.
    pub(super) fn left(&mut self, name: &NamespaceId, state: State, reason: DisconnectReason) {
        let namespace = self.own_name(name);
        self.namespace(name).state = state;
        self.event(Event::Disconnected { namespace, reason });
        self.fail_sent(name);
    }

    pub(super) fn close_if_unwanted(&mut self) {
        if self.is_open && !self.is_wanted() {
            self.close(CloseReason::ForcedClose);
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        if self.end(reason.into()) {
            self.outputs.push_back(Output::Close(reason));
        }
    }

    /// Tells every connected namespace. Whether there was a connection.
    fn end(&mut self, reason: DisconnectReason) -> bool {
        if !std::mem::take(&mut self.is_open) {
            return false;
        }
        self.decoder = self.parser.decoder(self.config.limits);
        self.early = 0;
        for name in self.in_turn(|_| true) {
            let namespace = self.namespace(&name);
            namespace.early = VecDeque::new();
            match namespace.state {
                State::Idle | State::Waiting => {}
                State::Leaving => namespace.state = State::Idle,
                State::Authenticating(_) | State::Connecting => namespace.state = State::Waiting,
                State::Connected(_) => self.left(&name, State::Waiting, reason),
            }
        }
        true
    }

    /// Sends a packet of our own making; without it the two ends would disagree.
    pub(super) fn send_control(&mut self, batch: Result<engineio::Batch, EncodeError>) {
        match batch {
            Ok(batch) => self.outputs.push_back(Output::Send(batch)),
            Err(_) => self.close(CloseReason::TransportError),
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

/// The credentials, and before them what opens the session of before.
fn resuming(namespace: &Namespace, auth: Option<Text>) -> Result<Option<Text>, Misuse> {
    let auth = auth.filter(|auth| !auth.is_empty());
    let members = match &auth {
        Some(auth) => {
            let object = auth
                .trim()
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            object.ok_or(Misuse::InvalidAuth)?.trim()
        }
        None => "",
    };
    let Some(key) = &namespace.key else {
        return Ok(auth);
    };
    let mut payload = format!("{{\"pid\":{}", json_string(key.as_str()));
    if let Some(offset) = &namespace.offset {
        payload.push_str(",\"offset\":");
        payload.push_str(&json_string(offset));
    }
    if !members.is_empty() {
        payload.push(',');
        payload.push_str(members);
    }
    payload.push('}');
    Ok(Some(payload.into()))
}

fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("a string always has a form in JSON")
}

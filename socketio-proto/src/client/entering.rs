//! Entering a namespace: asking for credentials, sending them, being refused.

use engineio::Text;

use super::namespace::{Early, Namespace, State};
use super::{Attempt, Connection, Event, Output, Settings};
use crate::error::Misuse;
use crate::id::NamespaceId;
use crate::packet::ConnectError;

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
}

impl Connection {
    pub(super) fn ask(&mut self, name: &NamespaceId) {
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
        self.early -= early.iter().map(Early::size).sum::<usize>();
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

//! What lines ask for.

use socketio_client::{NamespaceId, SendError};

use super::{Emitted, Session};
use crate::input::Line;
use crate::line::{Arguments, Command};
use crate::namespace::Namespace;
use crate::report;
use crate::watch::Item;

impl Session {
    /// Does what a line says, or says what is wrong with it.
    pub(super) fn carry_out(&mut self, line: Line) {
        let Line { number, text } = line;
        let done = match text {
            Ok(text) if text.trim().is_empty() => Ok(()),
            Ok(text) => Command::parse(&text).and_then(|command| self.perform(number, command)),
            Err(words) => Err(words.to_owned()),
        };
        if let Err(words) = done {
            report(&format!("line {number}: {words}"));
        }
    }

    fn perform(&mut self, line: u64, command: Command) -> Result<(), String> {
        match command {
            Command::Answer { id, args } => {
                let event = self.questions.take(id);
                let event = event.ok_or_else(|| format!("nothing waits for the answer {id}"))?;
                event.answer(&args).map_err(|error| error.to_string())
            }
            Command::Connect(name) => self.connect(name),
            Command::Disconnect(name) => {
                let namespace = self.find(&name)?;
                self.namespace(namespace).socket.disconnect();
                Ok(())
            }
            Command::Emit {
                event,
                args,
                namespace,
                ack,
                tag,
                volatile,
            } => {
                let namespace = match namespace {
                    Some(name) => self.find(&name)?,
                    None => 0,
                };
                let emitted = Emitted {
                    namespace,
                    line,
                    tag,
                    is_shown: ack,
                };
                self.emit(&event, &args, volatile, emitted)
            }
        }
    }

    /// Connects a namespace, one that is new if need be.
    pub(super) fn connect(&mut self, name: NamespaceId) -> Result<(), String> {
        let number = match self.find(&name) {
            Ok(number) => number,
            Err(_) => {
                let number = self.namespaces.len();
                let namespace = Namespace::new(
                    self.manager(),
                    name,
                    number,
                    &self.options.each,
                    &self.to_items,
                );
                self.namespaces
                    .push(namespace.map_err(|error| error.to_string())?);
                number
            }
        };
        // it goes on by itself; how, the items tell
        drop(self.namespace(number).socket.connect());
        self.is_lost = false;
        Ok(())
    }

    fn emit(
        &mut self,
        event: &str,
        args: &Arguments,
        volatile: bool,
        emitted: Emitted,
    ) -> Result<(), String> {
        let socket = &self.namespace(emitted.namespace).socket;
        let needs_ack = emitted.is_shown || self.options.each.retries > 0 && !volatile;
        if !needs_ack {
            let sent = if volatile {
                socket.volatile().emit(event, args)
            } else {
                socket.emit(event, args)
            };
            return sent.map_err(words);
        }
        let ack = if volatile {
            socket.volatile().emit_with_ack(event, args)
        } else {
            socket.emit_with_ack(event, args)
        };
        self.emits += 1;
        let number = self.emits;
        self.namespace_mut(emitted.namespace).open_acks += 1;
        self.acks.insert(number, emitted);
        let items = self.to_items.clone();
        tokio::spawn(async move {
            items.send(Item::Ack(number, ack.await)).ok();
        });
        Ok(())
    }

    fn find(&self, name: &NamespaceId) -> Result<usize, String> {
        let mut namespaces = self.namespaces.iter();
        let number = namespaces.position(|namespace| namespace.name() == name);
        number.ok_or_else(|| format!("there is no {name} yet: {{\"connect\": \"{name}\"}}"))
    }

    pub(super) fn namespace(&self, number: usize) -> &Namespace {
        let namespace = self.namespaces.get(number);
        namespace.expect("numbers are given to namespaces that stay")
    }

    pub(super) fn namespace_mut(&mut self, number: usize) -> &mut Namespace {
        let namespace = self.namespaces.get_mut(number);
        namespace.expect("numbers are given to namespaces that stay")
    }
}

/// What is wrong with an emit.
pub(super) fn words(error: SendError) -> String {
    match error {
        SendError::Full => "too much waits to be sent already".to_owned(),
        error => error.to_string(),
    }
}

//! What is shown.

use socketio_client::{
    AckError, CloseReason, ConnectFailed, Incoming, ManagerEvent, RawArgs, Transport,
};

use super::{End, Session};
use crate::report;
use crate::show::{self, Line};
use crate::watch::{self, Item};

impl Session {
    /// Shows `item` and what else is there, as far as the output takes it. Whether that is the end.
    pub(super) fn show_all(&mut self, item: Item) -> Option<End> {
        let mut next = Some(item);
        while let Some(item) = next {
            let end = self.show(item);
            if end.is_some() {
                return end;
            }
            if self.output.is_full() {
                return None;
            }
            next = self.items.try_recv().ok();
        }
        None
    }

    pub(super) fn show(&mut self, item: Item) -> Option<End> {
        match item {
            Item::Ack(number, result) => self.show_ack(number, result),
            Item::Connected {
                namespace,
                id,
                recovered,
            } => {
                self.namespace_mut(namespace).was_connected = true;
                let line = self.line(namespace);
                let id = id.as_ref().map(|id| id.as_str());
                line.member("connect", &id)
                    .member("recovered", &recovered)
                    .end();
            }
            Item::Disconnected(namespace, reason) => {
                self.questions.forget(namespace);
                self.line(namespace)
                    .member("disconnect", reason.as_str())
                    .end();
            }
            Item::Event(namespace, event) => {
                self.show_event(namespace, event);
                watch::printed(&mut self.namespace_mut(namespace).events);
            }
            Item::Manager(event) => return self.show_manager(event),
            Item::Refused(namespace, error) => {
                let failure = show::failure(&error);
                self.line(namespace).next("connect_error", &failure).end();
                if namespace == 0 && !self.namespace(0).was_connected {
                    return Some(End::Failed);
                }
            }
        }
        None
    }

    /// What happens to the connection happens once, and is told of the first namespace.
    fn show_manager(&mut self, event: ManagerEvent) -> Option<End> {
        match event {
            ManagerEvent::Opened { .. } => self.is_lost = false,
            ManagerEvent::Upgraded { transport } => {
                let name = match transport {
                    Transport::Polling => "polling",
                    _ => "websocket",
                };
                self.line(0).member("transport", name).end();
            }
            // we have left it ourselves
            ManagerEvent::Closed {
                reason: CloseReason::ForcedClose,
                ..
            } => {}
            ManagerEvent::Closed { reason, .. } => {
                let error = ConnectFailed::Transport {
                    reason,
                    detail: None,
                };
                return self.lost(!self.options.reconnects, &error);
            }
            ManagerEvent::Error(error) => {
                let failure = show::failure(&error);
                for number in 0..self.namespaces.len() {
                    if self.namespace(number).socket.is_active() {
                        self.line(number).next("connect_error", &failure).end();
                    }
                }
                return self.lost(!self.options.reconnects, &error);
            }
            ManagerEvent::ReconnectAttempt(attempt) => {
                self.line(0).member("reconnect_attempt", &attempt).end();
            }
            ManagerEvent::Reconnected(attempt) => {
                self.line(0).member("reconnect", &attempt).end();
            }
            ManagerEvent::ReconnectFailed => {
                self.line(0).member("reconnect_failed", &true).end();
                return self.lost(true, &ConnectFailed::Disconnected);
            }
            _ => {}
        }
        None
    }

    /// The connection is gone; when that is for good, it is the end if there never was one.
    fn lost(&mut self, for_good: bool, error: &ConnectFailed) -> Option<End> {
        let first = self.namespace(0);
        let is_wanted = first.socket.is_active();
        let is_first = !first.was_connected;
        self.is_lost |= for_good;
        if !(for_good && is_wanted && is_first) {
            return None;
        }
        match error {
            ConnectFailed::Disconnected => report("no connection"),
            error => report(&error.to_string()),
        }
        Some(End::Failed)
    }

    fn show_event(&mut self, namespace: usize, event: Incoming) {
        let array = match show::array(Some(event.name()), event.args()) {
            Ok(array) => array,
            Err(error) => {
                let words = format!("{:?} cannot be shown: {error}", event.name());
                return self.namespace(namespace).report(words);
            }
        };
        let mut ack_id = None;
        if event.wants_ack() {
            ack_id = Some(if self.options.auto_ack {
                if let Err(error) = event.answer(event.args()) {
                    let words = format!("{:?} cannot be answered: {error}", event.name());
                    self.namespace(namespace).report(words);
                }
                self.questions.name()
            } else {
                self.questions.ask(namespace, event.args().size(), event)
            });
        }
        let line = self.line(namespace).next("event", &array);
        match ack_id {
            Some(id) => line.member("ack_id", &id).end(),
            None => line.end(),
        }
    }

    pub(super) fn show_ack(&mut self, number: u64, result: Result<RawArgs, AckError>) {
        let Some(emitted) = self.acks.remove(&number) else {
            return;
        };
        self.namespace_mut(emitted.namespace).open_acks -= 1;
        let shown = match &result {
            Ok(args) => show::array(None, args).map_err(|error| error.to_string()),
            // it was never sent
            Err(AckError::Send(error)) => {
                let words = super::lines::words(error.clone());
                return report(&format!("line {}: {words}", emitted.line));
            }
            Err(error) => Err(reason(error)),
        };
        let tag = emitted.tag.as_ref();
        match shown {
            Ok(array) if emitted.is_shown => {
                self.line(emitted.namespace)
                    .next("ack", &array)
                    .tag(tag)
                    .end();
            }
            Ok(_) => {}
            Err(words) if emitted.is_shown => {
                let line = self.line(emitted.namespace);
                line.member("ack_error", &words).tag(tag).end();
            }
            Err(words) => report(&format!("line {}: no ack: {words}", emitted.line)),
        }
    }

    fn line(&mut self, namespace: usize) -> Line<'_> {
        let name = self
            .namespaces
            .get(namespace)
            .map(|own| own.name().to_string());
        Line::new(&mut self.output.lines, &name.unwrap_or_default())
    }
}

/// One word, where there is one.
fn reason(error: &AckError) -> String {
    match error {
        AckError::Timeout => "timeout".to_owned(),
        AckError::Disconnected => "disconnected".to_owned(),
        AckError::Dropped => "dropped".to_owned(),
        error => error.to_string(),
    }
}

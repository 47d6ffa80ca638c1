//! What is above the sessions: Socket.IO's machines, and applications that answer everything.

use std::sync::Arc;

use engineio::{Batch, CloseReason, Data};
use socketio_proto::client::{self, EmitId};
use socketio_proto::{AckId, Limits, Parser, RawArgs, SocketId, server};

use super::{ROOT, Run, Way};
use crate::model::content;

impl Run {
    /// Lets the layers above hear what their sessions brought, and say what follows.
    pub(super) fn pump(&mut self) {
        let now = self.p.now;
        if !self.opened && self.p.at_client.opened {
            self.opened = true;
            self.client.handle_opened(now);
        }
        if self.server.is_none() && self.p.at_server.opened {
            let config = Arc::default();
            self.server = Some(server::Connection::new(Parser::Json, config, now));
        }
        let due = self
            .server
            .as_ref()
            .and_then(|server| server.poll_timeout());
        self.is_late = self.harmed && due.is_some_and(|due| due <= now);
        self.drain();
        while let Some(data) = self.p.at_client.received.get(self.down.read).cloned() {
            self.down.read += 1;
            self.client.handle_data(now, data);
            self.drain();
        }
        while let Some(server) = &mut self.server
            && let Some(data) = self.p.at_server.received.get(self.up.read).cloned()
        {
            self.up.read += 1;
            server.handle_data(now, data);
            self.drain();
        }
        if let (false, Some(reason)) = (self.closed.0, self.p.at_client.closed) {
            self.closed.0 = true;
            self.client.handle_closed(now, reason);
        }
        if let (false, Some(reason)) = (self.closed.1, self.p.at_server.closed)
            && let Some(server) = &mut self.server
        {
            self.closed.1 = true;
            server.handle_closed(now, reason);
        }
        self.drain();
        self.client.handle_timeout(now);
        if let Some(server) = &mut self.server {
            server.handle_timeout(now);
        }
        self.drain();
        self.check();
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                client::Output::Send(batch) => {
                    let sent = self.p.client.send(batch.clone());
                    self.up.took(&batch, sent.is_ok());
                }
                client::Output::Close(reason) => {
                    assert_eq!(reason, CloseReason::ForcedClose, "{}", self.p);
                    self.p.close();
                }
                client::Output::Event(event) => self.on_client(event),
            }
        }
        while let Some(output) = self
            .server
            .as_mut()
            .and_then(server::Connection::poll_output)
        {
            match output {
                server::Output::Send(batch) => {
                    let session = self.p.server.as_mut().expect("it was opened");
                    let sent = session.send(batch.clone());
                    self.down.took(&batch, sent.is_ok());
                }
                // a client that is in no namespace for so long, or went between two messages that
                // are one packet
                server::Output::Close(reason) => {
                    let is_ours = reason == CloseReason::ForcedClose || self.is_late;
                    assert!(is_ours, "{reason}:\n{}", self.p);
                    self.p.close_server();
                }
                server::Output::Event(event) => self.on_server(event),
            }
        }
    }

    fn on_client(&mut self, event: client::Event) {
        match event {
            client::Event::AuthNeeded { attempt, .. } => {
                // one that was overtaken is refused
                self.client.authenticate(&ROOT, attempt, None).ok();
            }
            client::Event::Received { args, reply, .. } => {
                let number = number(&args);
                self.down.events.push(number);
                if let Some(reply) = reply {
                    let args = RawArgs::encode(&number).expect("a number");
                    self.client.answer(&ROOT, reply, args).ok();
                }
            }
            client::Event::Acked { emit, args, .. } => {
                assert!(self.asked.remove(&emit), "a wait ends twice:\n{}", self.p);
                assert_eq!(EmitId::new(number(&args)), emit, "{}", self.p);
            }
            client::Event::AckFailed { emit, .. } => {
                assert!(self.asked.remove(&emit), "a wait ends twice:\n{}", self.p);
            }
            _ => {}
        }
    }

    fn on_server(&mut self, event: server::Event) {
        let Some(server) = &mut self.server else {
            return;
        };
        match event {
            server::Event::ConnectRequested { namespace, .. } => {
                let id = SocketId::from_entropy([7; 15]);
                server
                    .accept(self.p.now, &namespace, id, None)
                    .expect("asked for");
            }
            server::Event::Received { args, ack, .. } => {
                let number = number(&args);
                self.up.events.push(number);
                if let Some(ack) = ack {
                    let answer = Parser::Json.ack(&ROOT, ack, &number, &Limits::default());
                    server
                        .send(&ROOT, answer.expect("it encodes"))
                        .expect("it is there");
                }
            }
            server::Event::Acked { id, args, .. } => {
                assert!(self.expected.remove(&id), "a wait ends twice:\n{}", self.p);
                assert_eq!(AckId::new(number(&args)), Some(id), "{}", self.p);
            }
            server::Event::AckExpired { id, .. } => {
                assert!(self.expected.remove(&id), "a wait ends twice:\n{}", self.p);
            }
            // all that are owed end with that
            server::Event::Disconnected { .. } => self.expected.clear(),
            _ => {}
        }
    }
}

impl Way {
    fn took(&mut self, batch: &Batch, taken: bool) {
        if taken {
            self.taken
                .extend(batch.iter().map(|frame| match content(frame) {
                    Data::Text(text) => Data::from(text.strip_prefix('4').expect("a message")),
                    binary => binary,
                }));
        }
    }
}

/// The first argument.
fn number(args: &RawArgs) -> u64 {
    args.value(0).expect("a number")
}

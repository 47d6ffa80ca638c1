//! Packets of the server.

use std::time::Instant;

use engineio::{CloseReason, Data, Text};
use serde::Deserialize;

use super::namespace::{Early, Shown, State};
use super::{Connection, Event, Reply};
use crate::args::RawArgs;
use crate::error::DisconnectReason;
use crate::id::{AckId, NamespaceId, SessionKey, SocketId};
use crate::packet::{Body, ConnectError, Packet};

impl Connection {
    /// A message came.
    pub fn handle_data(&mut self, now: Instant, data: Data) {
        self.handle_timeout(now);
        if !self.is_open {
            return;
        }
        match self.decoder.feed(data) {
            Ok(Some(packet)) => self.received(now, packet),
            Ok(None) => {}
            Err(_) => self.close(CloseReason::ParseError),
        }
    }

    fn received(&mut self, now: Instant, packet: Packet) {
        let Some((name, namespace)) = self.namespaces.get_key_value(&packet.namespace) else {
            return;
        };
        let (name, state) = (name.clone(), namespace.state);
        match (state, packet.body) {
            (State::Connecting, Body::Connect { payload }) => self.entered(now, &name, payload),
            (State::Leaving, Body::Connect { .. }) => {
                self.idle(&name);
                self.say_goodbye(&name);
            }
            (State::Connecting, Body::ConnectError { payload }) => {
                self.refused(&name, ConnectError::from_payload(&payload));
            }
            (State::Leaving, Body::ConnectError { .. }) => self.idle(&name),
            (
                // who changes his mind before the answer has missed nothing
                State::Connecting | State::Leaving,
                Body::Event {
                    name: event,
                    args,
                    ack,
                },
            ) => {
                self.keep(&name, Shown { name: event, args }, ack);
            }
            (
                State::Connected(life),
                Body::Event {
                    name: event,
                    args,
                    ack,
                },
            ) => {
                let reply = ack.map(|id| Reply { id, life });
                self.hand_out(&name, Shown { name: event, args }, reply);
            }
            (State::Connected(_), Body::Ack { id, args }) => self.acked(now, &name, id, args),
            (State::Connected(_), Body::Disconnect) => {
                self.left(&name, State::Idle, DisconnectReason::IoServerDisconnect);
                self.close_if_unwanted();
            }
            // late, or out of place: Node's client ignores these too
            _ => {}
        }
    }

    /// The server let us in.
    fn entered(&mut self, now: Instant, name: &NamespaceId, payload: Option<Text>) {
        #[derive(Deserialize)]
        struct Answer {
            sid: Option<String>,
            pid: Option<String>,
        }
        let answer = payload.and_then(|payload| serde_json::from_str::<Answer>(&payload).ok());
        let (id, key) = match answer {
            Some(Answer {
                sid: Some(sid),
                pid,
            }) => (SocketId::foreign(&sid), pid),
            _ => (None, None),
        };
        let Some(id) = id else {
            let error = ConnectError::new("the server speaks Socket.IO 2 or older");
            return self.refused(name, error);
        };
        let life = self.name();
        let namespace = self.namespace(name);
        namespace.state = State::Connected(life);
        let key = key.map(SessionKey::new);
        let recovered = key.is_some() && namespace.key == key;
        if !recovered {
            namespace.offset = None;
        }
        namespace.key = key;
        let early = std::mem::take(&mut namespace.early);
        for mut event in early {
            self.early -= event.size();
            if let Some(reply) = &mut event.reply {
                reply.life = life;
            }
            self.hand_out(name, event.shown, event.reply);
        }
        self.flush(now, name);
        let namespace = name.clone();
        self.event(Event::Connected {
            namespace,
            id,
            recovered,
        });
    }

    /// An event that overtakes the answer to CONNECT.
    fn keep(&mut self, name: &NamespaceId, shown: Shown, ack: Option<AckId>) {
        let reply = ack.map(|id| Reply { id, life: 0 });
        let event = Early { shown, reply };
        self.early += event.size();
        self.namespace(name).early.push_back(event);
        if self.early > self.config.max_early {
            self.close(CloseReason::ParseError);
        }
    }

    fn hand_out(&mut self, name: &NamespaceId, shown: Shown, reply: Option<Reply>) {
        let Shown { name: event, args } = shown;
        let namespace = self.namespace(name);
        if namespace.key.is_some()
            && reply.is_none()
            && let Some(offset) = offset(&args)
        {
            namespace.offset = Some(offset.into());
        }
        let namespace = name.clone();
        let name = event;
        self.event(Event::Received {
            namespace,
            name,
            args,
            reply,
        });
    }
}

/// The offset that a server which recovers sessions puts behind the arguments: a string.
fn offset(args: &RawArgs) -> Option<String> {
    let last = args.get(args.len().checked_sub(1)?)?;
    serde_json::from_str(last).ok()
}

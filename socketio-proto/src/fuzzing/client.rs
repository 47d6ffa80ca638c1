//! The client's machine under any sequence of operations and messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engineio::{CloseReason, Data};

use crate::args::RawArgs;
use crate::client::{Attempt, Config, Connection, Emit, EmitId, Event, Output, Reply, Settings};
use crate::id::NamespaceId;
use crate::limits::Limits;
use crate::packet::ConnectError;
use crate::parser::Parser;

const NAMES: [&str; 3] = ["/", "/a", "/b"];
const MAX_BUFFERED: usize = 2000;

/// Operations, each two bytes, and messages, each as `kind, length, content`.
pub fn client(bytes: &[u8]) {
    let mut run = Run::new();
    let mut rest = bytes;
    while let [kind, what, more @ ..] = rest {
        rest = more;
        if kind % 16 >= 14 {
            let len = usize::from(*what).min(rest.len());
            let (content, more) = rest.split_at(len);
            rest = more;
            run.message(kind % 2 == 0, content);
        } else {
            run.operation(kind % 16, *what);
        }
        run.look();
    }
    run.end();
}

struct Run {
    machine: Connection,
    now: Instant,
    attempts: Vec<(NamespaceId, Attempt)>,
    replies: Vec<(NamespaceId, Reply)>,
    connected: BTreeSet<NamespaceId>,
    emits: u64,
    /// Acks that have not ended.
    open: BTreeMap<EmitId, ()>,
}

impl Run {
    fn new() -> Self {
        let limits = Limits::default()
            .attachments(3)
            .packet_bytes(500)
            .pending_acks(20);
        let config = Config {
            ack_timeout: Duration::from_secs(3),
            max_buffered: MAX_BUFFERED,
            max_early: 1000,
            limits,
        };
        Self {
            machine: Connection::new(Parser::Json, Arc::new(config)),
            now: super::start(),
            attempts: Vec::new(),
            replies: Vec::new(),
            connected: BTreeSet::new(),
            emits: 0,
            open: BTreeMap::new(),
        }
    }

    fn message(&mut self, is_text: bool, content: &[u8]) {
        let data = match std::str::from_utf8(content) {
            Ok(text) if is_text => Data::from(text),
            _ => Data::Binary(content.to_vec().into()),
        };
        self.machine.handle_data(self.now, data);
    }

    fn operation(&mut self, kind: u8, what: u8) {
        let place = usize::from(what) % NAMES.len();
        let name = NAMES.get(place).copied().unwrap_or("/");
        let name = NamespaceId::new(name).expect("a name");
        let wide = what & 0x40 != 0;
        match kind {
            0 => self.machine.connect(&name),
            1 => self.machine.disconnect(self.now, &name),
            2 => self.machine.handle_opened(self.now),
            3 => self
                .machine
                .handle_closed(self.now, CloseReason::TransportClose),
            4..=6 => self.emit(&name, what),
            7 => self.now += Duration::from_millis(u64::from(what) * 20),
            8 => {
                let retries = u32::from(what >> 6);
                let settings = Settings {
                    retries,
                    ack_timeout: wide.then_some(Duration::from_secs(1)),
                    watch_sent: what & 0x20 != 0,
                };
                self.machine.configure(&name, settings);
            }
            9 | 10 => {
                if let Some((name, attempt)) = self.attempts.pop() {
                    let auth = wide.then(|| r#"{"a":1}"#.into());
                    self.machine.authenticate(&name, attempt, auth).ok();
                }
            }
            11 => {
                if let Some((name, attempt)) = self.attempts.pop() {
                    let error = ConnectError::new("no");
                    self.machine.abandon(&name, attempt, error).ok();
                }
            }
            12 => {
                if let Some((name, reply)) = self.replies.pop() {
                    self.machine.answer(&name, reply, RawArgs::default()).ok();
                }
            }
            _ => {
                let emit = EmitId::new(u64::from(what));
                let second = Duration::from_secs(1);
                self.machine.limit_ack(self.now, &name, emit, second);
            }
        }
        self.machine.handle_timeout(self.now);
    }

    fn emit(&mut self, name: &NamespaceId, what: u8) {
        let emit = EmitId::new(self.emits);
        self.emits += 1;
        let wants_ack = what & 0x80 != 0;
        let options = Emit {
            volatile: what & 0x40 != 0,
            ack: wants_ack.then_some(emit),
            timeout: (what & 0x20 != 0).then_some(Duration::from_secs(2)),
        };
        let args = RawArgs::encode(&u32::from(what)).expect("a number");
        if wants_ack {
            // it may end before the call returns
            self.open.insert(emit, ());
        }
        let emitted = self.machine.emit(self.now, name, "x".into(), args, options);
        if emitted.is_err() {
            self.open.remove(&emit);
        }
    }

    fn look(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send(_) | Output::Close(_) => {}
                Output::Event(event) => self.event(event),
            }
        }
        // one that is sent at once is not limited by what waits
        assert!(self.machine.buffered() <= MAX_BUFFERED);
        assert!(self.machine.pending_acks() <= 20 + NAMES.len());
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::AuthNeeded { namespace, attempt } => self.attempts.push((namespace, attempt)),
            Event::Connected { namespace, .. } => {
                assert!(self.connected.insert(namespace), "connected twice");
            }
            Event::Disconnected { namespace, .. } => {
                assert!(self.connected.remove(&namespace), "left twice");
            }
            Event::Received {
                namespace, reply, ..
            } => self.replies.extend(reply.map(|reply| (namespace, reply))),
            Event::Acked { emit, .. } | Event::AckFailed { emit, .. } => {
                assert!(self.open.remove(&emit).is_some(), "an ack ended twice");
            }
            Event::Refused { .. } | Event::Sent { .. } => {}
        }
    }

    /// When everything has gone and all times have passed, nobody waits for anything that was
    /// sent.
    fn end(mut self) {
        self.machine
            .handle_closed(self.now, CloseReason::TransportClose);
        self.look();
        assert!(self.connected.is_empty());
        for name in NAMES {
            let name = NamespaceId::new(name).expect("a name");
            self.machine.remove(self.now, &name);
        }
        self.look();
        assert_eq!(
            (self.machine.buffered(), self.machine.pending_acks()),
            (0, 0)
        );
        assert_eq!(self.machine.poll_timeout(), None);
    }
}

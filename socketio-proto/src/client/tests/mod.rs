//! The contract, line by line. What the machine does is shown as it would be read:
//! `> 20["x"]` is sent, `/ connected` is an event.

mod acks;
mod events;
mod namespaces;
mod retries;

use std::sync::Arc;
use std::time::{Duration, Instant};

use engineio::{CloseReason, Data};

use super::*;
use crate::args::{Args, Binary, IntoArgs};
use crate::error::{EncodeError, Misuse, SendError};
use crate::parser::Parser;

const ID: &str = "AAAAAAAAAAAAAAAAAAAA";

/// A machine, its clock, and the last question of each kind.
struct Rig {
    machine: Connection,
    now: Instant,
    attempts: Vec<(NamespaceId, Attempt)>,
    replies: Vec<Reply>,
    emits: u64,
}

#[expect(clippy::disallowed_methods, reason = "a point to count from")]
fn any_instant() -> Instant {
    Instant::now()
}

fn ns(name: &str) -> NamespaceId {
    NamespaceId::new(name).unwrap()
}

impl Rig {
    fn new(config: Config) -> Self {
        Self {
            machine: Connection::new(Parser::Json, Arc::new(config)),
            now: any_instant(),
            attempts: Vec::new(),
            replies: Vec::new(),
            emits: 0,
        }
    }

    /// Asked for the credentials of `/`.
    fn asked() -> Self {
        let mut rig = Self::new(Config::default());
        rig.machine.connect(&ns("/"));
        rig.machine.handle_opened(rig.now);
        rig.take();
        rig
    }

    /// Connected to these namespaces, and all of it told.
    fn connected(names: &[&str]) -> Self {
        let mut rig = Self::new(Config::default());
        for name in names {
            rig.machine.connect(&ns(name));
        }
        rig.machine.handle_opened(rig.now);
        rig.take();
        for name in names {
            rig.enter(name);
        }
        rig
    }

    /// With `/` connected and these settings for it.
    fn with(settings: Settings) -> Self {
        let mut rig = Self::connected(&["/"]);
        rig.machine.configure(&ns("/"), settings);
        rig
    }

    /// Answers the question for credentials, and lets the server answer.
    fn enter(&mut self, name: &str) {
        self.authenticate(name, None).unwrap();
        self.text(&format!("0{}{{\"sid\":\"{ID}\"}}", prefix(name)));
        let told = self.take();
        assert_eq!(told.first(), Some(&format!("> 0{}", prefix(name))));
        assert_eq!(told.last(), Some(&format!("{name} connected")));
    }

    fn authenticate(&mut self, name: &str, auth: Option<&str>) -> Result<(), Misuse> {
        let asked = self.attempts.iter().rev().find(|(own, _)| own == name);
        let (_, attempt) = asked.expect("nobody asked");
        self.machine
            .authenticate(&ns(name), *attempt, auth.map(Text::from))
    }

    fn reopen(&mut self) {
        self.machine
            .handle_closed(self.now, CloseReason::TransportClose);
        self.take();
        self.machine.handle_opened(self.now);
        self.take();
    }

    fn text(&mut self, text: &str) {
        self.machine.handle_data(self.now, text.into());
    }

    fn emit_to(&mut self, name: &str, event: &str, options: Emit) -> EmitId {
        self.try_emit(name, event, &Args(()), options).unwrap()
    }

    fn emit(&mut self, event: &str, options: Emit) -> EmitId {
        self.emit_to("/", event, options)
    }

    fn try_emit(
        &mut self,
        name: &str,
        event: &str,
        args: &(impl IntoArgs + ?Sized),
        options: Emit,
    ) -> Result<EmitId, SendError> {
        let args = RawArgs::encode(args).unwrap();
        self.emits += 1;
        let emit = EmitId::new(self.emits);
        let ack = options.ack.map(|_| emit);
        let options = Emit { ack, ..options };
        self.machine
            .emit(self.now, &ns(name), event.into(), args, options)
            .map(|()| emit)
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.machine.handle_timeout(self.now);
    }

    /// All outputs since the last call.
    fn take(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(output) = self.machine.poll_output() {
            told.push(self.show(output));
        }
        told
    }

    fn show(&mut self, output: Output) -> String {
        match output {
            Output::Send(batch) => {
                let frames = batch.iter().map(|frame| match frame.payload() {
                    bytes if frame.is_binary() => format!("{bytes:?}"),
                    text => std::str::from_utf8(text).unwrap().replacen('4', "", 1),
                });
                format!("> {}", frames.collect::<Vec<_>>().join(" "))
            }
            Output::Close(reason) => format!("close: {reason}"),
            Output::Event(event) => self.show_event(event),
        }
    }

    fn show_event(&mut self, event: Event) -> String {
        match event {
            Event::AuthNeeded { namespace, attempt } => {
                self.attempts.push((namespace.clone(), attempt));
                format!("{namespace} auth?")
            }
            Event::Connected {
                namespace,
                recovered,
                ..
            } if recovered => format!("{namespace} recovered"),
            Event::Connected { namespace, .. } => format!("{namespace} connected"),
            Event::Refused { namespace, error } => match error.data_json() {
                Some(data) => format!("{namespace} refused: {error} {data}"),
                None => format!("{namespace} refused: {error}"),
            },
            Event::Received {
                namespace,
                name,
                args,
                reply,
            } => {
                let asks = if reply.is_some() { "?" } else { "" };
                self.replies.extend(reply);
                format!("{namespace} {name}{args:?}{asks}")
            }
            Event::Sent {
                namespace,
                name,
                args,
            } => format!("{namespace} sent {name}{args:?}"),
            Event::Acked { emit, args, .. } => format!("#{} {args:?}", self.nth(emit)),
            Event::AckFailed { emit, failure, .. } => format!("#{} {failure:?}", self.nth(emit)),
            Event::Disconnected { namespace, reason } => format!("{namespace} left: {reason}"),
        }
    }

    fn nth(&self, emit: EmitId) -> u64 {
        emit.0
    }
}

fn prefix(name: &str) -> String {
    if name == "/" {
        String::new()
    } else {
        format!("{name},")
    }
}

/// With an answer; the rig numbers them.
fn ack() -> Emit {
    Emit::default().ack(EmitId::new(0))
}

fn ack_in(seconds: u64) -> Emit {
    ack().timeout(Some(Duration::from_secs(seconds)))
}

fn retries(retries: u32) -> Settings {
    Settings {
        retries,
        ack_timeout: Some(Duration::from_secs(1)),
        ..Settings::default()
    }
}

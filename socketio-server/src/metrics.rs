//! [`Metrics`]: how often what happened, since the server began. Names are a closed set, so that
//! no byte of a client's becomes a label.

use socketio_proto::EventErrorKind;

use crate::sync::{AtomicU64, Ordering};

/// What a server has done, and refused, since it began: for whoever exports it. What is there now
/// is in [`Server::gauges`](crate::Server::gauges).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Engine.IO sessions: opened, upgraded, ended, and requests that were refused, by reason.
    pub engine: engineio::net::server::Metrics,
    /// Sockets that were let in.
    pub connected: u64,
    /// CONNECTs that were refused, because there is no such namespace or its auth step said so.
    pub refused: u64,
    /// Acks that did not come in time.
    pub acks_expired: u64,
    /// Events whose payload was not of the handler's type.
    pub bad_payloads: u64,
    /// Events that [`before_event`](crate::Namespace::before_event) refused.
    pub refused_events: u64,
    /// Answers of handlers that could not be encoded.
    pub bad_answers: u64,
    /// Handlers that panicked.
    pub panics: u64,
}

impl Metrics {
    /// Everything, as a name, a label and a number: `("closed", "ping timeout", 3)`,
    /// `("events", "panics", 0)`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let own = [
            ("sockets", "connected", self.connected),
            ("sockets", "refused", self.refused),
            ("acks", "expired", self.acks_expired),
            ("events", "bad_payloads", self.bad_payloads),
            ("events", "refused", self.refused_events),
            ("events", "bad_answers", self.bad_answers),
            ("events", "panics", self.panics),
        ];
        self.engine
            .iter()
            .collect::<Vec<_>>()
            .into_iter()
            .chain(own)
    }
}

/// What is counted, while it is.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connected: Counter,
    pub(crate) refused: Counter,
    pub(crate) acks_expired: Counter,
    bad_payloads: Counter,
    refused_events: Counter,
    bad_answers: Counter,
    panics: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn failed(&self, kind: &EventErrorKind) {
        match kind {
            EventErrorKind::Payload(_) => self.bad_payloads.add(),
            EventErrorKind::Panic(_) => self.panics.add(),
            EventErrorKind::Refused(_) => self.refused_events.add(),
            // what may be added is an answer's fault until it is named here
            _ => self.bad_answers.add(),
        }
    }

    pub(crate) fn read(&self, engine: engineio::net::server::Metrics) -> Metrics {
        Metrics {
            engine,
            connected: self.connected.read(),
            refused: self.refused.read(),
            acks_expired: self.acks_expired.read(),
            bad_payloads: self.bad_payloads.read(),
            refused_events: self.refused_events.read(),
            bad_answers: self.bad_answers.read(),
            panics: self.panics.read(),
        }
    }
}

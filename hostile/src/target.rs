//! A server in a process of its own.

use std::ops::{Deref, DerefMut};

use serde_json::Value;
use testkit::{Launch, Running};

use crate::Outcome;
use crate::peer::{Peer, request};

/// A running server. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Target(Running);

impl Deref for Target {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.0
    }
}

impl DerefMut for Target {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.0
    }
}

/// What a server says that it has open, and what its application counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    pub(crate) connections: u64,
    pub(crate) sessions: u64,
    pub(crate) sockets: u64,
    pub(crate) tasks: u64,
    pub(crate) queued_bytes: u64,
    /// Acks that handlers wait for.
    pub(crate) awaited: u64,
    /// Sockets whose `on_connect` ran and whose `on_disconnect` did not.
    pub(crate) present: u64,
    /// Events that reached a handler without being meant for one.
    pub(crate) handled: u64,
    /// Calls of `on_connect`.
    pub(crate) connects: u64,
}

impl Target {
    pub(crate) fn start(launch: &Launch) -> Outcome<Self> {
        Ok(Self(Running::start(launch)?))
    }

    pub(crate) fn gauges(&self) -> Outcome<Gauges> {
        let mut peer = Peer::connect(self.address)?;
        peer.send(request("GET", "/gauges", "Connection: close\r\n", ""))?;
        let value: Value = serde_json::from_str(&peer.answer()?.body)?;
        let read = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
        Ok(Gauges {
            connections: read("connections"),
            sessions: read("sessions"),
            sockets: read("sockets"),
            tasks: read("tasks"),
            queued_bytes: read("queued_bytes"),
            awaited: read("awaited"),
            present: read("connects").saturating_sub(read("disconnects")),
            handled: read("handled"),
            connects: read("connects"),
        })
    }
}

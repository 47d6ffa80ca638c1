//! The heartbeat: who pings whom, and what follows of it (engine.io-protocol v4, "Heartbeat"; v3, "Timeouts").

use std::time::{Duration, Instant};

use super::session::{Heartbeat, control_frame};
use super::{Output, Session};
use crate::{CloseReason, Packet, Protocol};

/// A timer that fires later than this: the process stood still. Its ping counts from when it left, and what the client
/// sent meanwhile has as long to be read before the client is judged.
const LATE: Duration = Duration::from_secs(1);

impl Session {
    pub(super) fn on_heartbeat(&mut self, now: Instant, at: Instant) {
        let timeout = self.config.ping_timeout;
        let stood_still = now.duration_since(at) > LATE;
        match &mut self.heartbeat {
            Heartbeat::Ping => {
                let sent = if stood_still { now } else { at };
                self.heartbeat = Heartbeat::Pong {
                    heard: false,
                    extended: false,
                };
                self.heartbeat_at = Some(sent + timeout);
                self.send_packet(Packet::Ping { probe: false });
            }
            Heartbeat::Pong { .. } | Heartbeat::TheirPing if stood_still => {
                self.heartbeat_at = Some(now + LATE);
            }
            Heartbeat::Pong { .. } | Heartbeat::TheirPing if self.heartbeat_held => {
                // not again at once, where no time at all is given for a pong
                let again = timeout.max(Duration::from_millis(10));
                self.heartbeat_at = Some(now + again);
            }
            Heartbeat::Pong {
                heard: true,
                extended: extended @ false,
            } => {
                *extended = true;
                self.heartbeat_at = Some(at + timeout);
            }
            Heartbeat::Pong { .. } | Heartbeat::TheirPing => {
                self.finish(CloseReason::PingTimeout);
            }
        }
    }

    pub(super) fn on_pong(&mut self, now: Instant) {
        if matches!(self.heartbeat, Heartbeat::Pong { .. }) {
            self.restart_heartbeat(now);
        }
    }

    pub(super) fn on_ping(&mut self, now: Instant, probe: bool) {
        self.restart_heartbeat(now);
        let pong = control_frame(Packet::Pong { probe });
        // one answer is enough for pings that come together
        let newest = self.outputs.back();
        if !matches!(newest, Some(Output::Frame { frame, .. }) if *frame == pong) {
            self.send_packet(Packet::Pong { probe });
        }
    }

    pub(super) fn restart_heartbeat(&mut self, now: Instant) {
        let interval = self.config.ping_interval;
        let (heartbeat, wait) = match self.dialect.protocol {
            Protocol::V3 => (Heartbeat::TheirPing, interval + self.config.ping_timeout),
            Protocol::V4 => (Heartbeat::Ping, interval),
        };
        self.heartbeat = heartbeat;
        self.heartbeat_at = Some(now + wait);
    }

    /// Since revision 4 the server pings; the other direction is a fault.
    pub(super) fn on_heartbeat_packet(&mut self, now: Instant, packet: &Packet) {
        match (self.dialect.protocol, packet) {
            (Protocol::V4, Packet::Pong { .. }) => self.on_pong(now),
            (Protocol::V3, Packet::Ping { probe }) => self.on_ping(now, *probe),
            _ => self.fault(CloseReason::TransportError),
        }
    }
}

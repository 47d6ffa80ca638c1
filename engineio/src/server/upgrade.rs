//! The WebSocket half of a session: probing it, moving to it, messages on it (engine.io-protocol v4,
//! "Upgrade").

use std::time::{Duration, Instant};

use super::polling::{NOOP, Queued, UPGRADE};
use super::session::{Probe, State, control_frame};
use super::{Event, LinkId, Output, Reply, Session};
use crate::packet::v3;
use crate::{CloseReason, Data, DecodeError, Dialect, HandshakeError, Packet, Protocol};

/// A client waits this long for the NOOP that lets it finish an upgrade: Node looks every
/// 100 ms, and clients count on not being answered at once.
pub(super) const NOOP_DELAY: Duration = Duration::from_millis(100);
/// Packets that a probe may take: `2probe` and `5`, and one more for slow clients.
const PROBE_PACKETS: u8 = 3;

impl Session {
    pub(super) fn on_link_opened(&mut self, now: Instant, link: LinkId, base64: bool) {
        let dialect = self.dialect.base64(base64);
        match &mut self.state {
            State::Polling {
                polling,
                probe: probe @ None,
            } if self.config.offers_upgrade() => {
                *probe = Some(Probe {
                    link,
                    dialect,
                    answered: false,
                    packets: 0,
                });
                polling
                    .timers
                    .set(UPGRADE, now + self.config.upgrade_timeout);
            }
            // a second one is an intruder: it goes, the session stays
            State::Polling { .. }
            | State::Linked { .. }
            | State::Closing { .. }
            | State::Closed => {
                self.outputs.push_back(Output::CloseLink { link });
            }
        }
    }

    pub(super) fn on_link_data(&mut self, now: Instant, link: LinkId, data: Data) {
        let packet = match self.dialect.protocol {
            Protocol::V4 => Packet::from_frame(data),
            Protocol::V3 => v3::from_frame(data),
        };
        match &mut self.state {
            State::Linked { link: current, .. } if *current == link => match packet {
                Ok(packet) => self.on_packet(now, packet),
                Err(_) => self.fault(CloseReason::ParseError),
            },
            State::Polling {
                probe: Some(probe), ..
            } if probe.link == link => {
                self.on_probe(now, packet);
            }
            State::Polling { .. }
            | State::Linked { .. }
            | State::Closing { .. }
            | State::Closed => {}
        }
    }

    pub(super) fn on_probe(&mut self, now: Instant, packet: Result<Packet, DecodeError>) {
        let State::Polling {
            polling,
            probe: Some(probe),
        } = &mut self.state
        else {
            return;
        };
        probe.packets += 1;
        match packet {
            _ if probe.packets > PROBE_PACKETS => self.drop_probe(),
            Ok(Packet::Ping { probe: true }) => {
                probe.answered = true;
                let frame = control_frame(Packet::Pong { probe: true });
                self.outputs.push_back(Output::Frame {
                    link: probe.link,
                    frame,
                });
                if polling.get.is_some() {
                    polling.timers.set(NOOP, now + NOOP_DELAY);
                }
            }
            Ok(Packet::Upgrade) if probe.answered => {
                let (link, dialect) = (probe.link, probe.dialect);
                self.upgrade(now, link, dialect);
            }
            Ok(_) | Err(_) => self.drop_probe(),
        }
    }

    pub(super) fn upgrade(&mut self, now: Instant, link: LinkId, dialect: Dialect) {
        self.answer_post();
        self.reply_to_poll(Reply::Refused(HandshakeError::BadRequest));
        let State::Polling { polling, .. } = &mut self.state else {
            return;
        };
        let queue = polling.take_queue();
        self.state = State::Linked { link, dialect };
        self.restart_heartbeat(now);
        for queued in queue {
            let frame = match queued {
                Queued::Control(packet) => control_frame(packet),
                Queued::Message(frame) => dialect.frame(frame),
            };
            self.outputs.push_back(Output::Frame { link, frame });
        }
        self.outputs.push_back(Output::Event(Event::Upgraded));
    }

    pub(super) fn drop_probe(&mut self) {
        if let State::Polling { polling, probe } = &mut self.state
            && let Some(Probe { link, .. }) = probe.take()
        {
            polling.timers.stop(UPGRADE);
            self.outputs.push_back(Output::CloseLink { link });
        }
    }

    pub(super) fn on_link_closed(&mut self, link: LinkId, reason: CloseReason) {
        match &mut self.state {
            State::Linked { link: current, .. } if *current == link => {
                self.end();
                self.outputs.push_back(Output::Event(Event::Closed(reason)));
            }
            State::Polling { polling, probe } if probe.as_ref().is_some_and(|p| p.link == link) => {
                *probe = None;
                polling.timers.stop(UPGRADE);
            }
            State::Polling { .. }
            | State::Linked { .. }
            | State::Closing { .. }
            | State::Closed => {}
        }
    }
}

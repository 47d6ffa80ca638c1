//! Links: the one that opens a session, and the one that it moves to (engine.io-protocol v4,
//! "Upgrade").

use std::time::Instant;

use super::session::{Opening, State, UPGRADE};
use super::{Detail, Event, LinkId, Output, Session};
use crate::{CloseReason, Data, Open, Packet, Transport};

/// How far the move to a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// Not wanted, or given up.
    No,
    /// The link is opening.
    Dialing { link: LinkId, kind: Transport },
    /// `2probe` was sent.
    Probing { link: LinkId, kind: Transport },
    /// `3probe` came: nothing new is asked for, and `5` follows when what is out has ended.
    Pausing { link: LinkId, kind: Transport },
}

impl Upgrade {
    pub(super) fn link(self) -> Option<LinkId> {
        match self {
            Self::No => None,
            Self::Dialing { link, .. }
            | Self::Probing { link, .. }
            | Self::Pausing { link, .. } => Some(link),
        }
    }

    pub(super) fn pausing(self) -> Option<(LinkId, Transport)> {
        match self {
            Self::Pausing { link, kind } => Some((link, kind)),
            Self::No | Self::Dialing { .. } | Self::Probing { .. } => None,
        }
    }

    pub(super) fn is_pausing(self) -> bool {
        self.pausing().is_some()
    }
}

impl Session {
    /// What a session on long-polling should move to.
    pub(super) fn upgrade_to(&self, open: &Open) -> Option<Transport> {
        let mut transports = self.config.transports.iter().copied();
        transports.find(|kind| self.config.upgrade && open.offers(*kind))
    }

    pub(super) fn dial(&mut self, now: Instant, kind: Transport) -> Upgrade {
        self.timers.set(UPGRADE, now + self.config.upgrade_timeout);
        let link = self.open_link(kind);
        Upgrade::Dialing { link, kind }
    }

    /// The upgrade that is being tried on `link`.
    fn upgrade_on(&mut self, link: LinkId) -> Option<&mut Upgrade> {
        match &mut self.state {
            State::Polling { upgrade, .. } | State::Closing { upgrade, .. } => {
                Some(upgrade).filter(|upgrade| upgrade.link() == Some(link))
            }
            State::Opening(_) | State::Linked { .. } | State::Closed => None,
        }
    }

    /// Whether `link` carries the session, or has to open it.
    fn is_carried_by(&self, link: LinkId) -> bool {
        match &self.state {
            State::Opening(Opening::Link { link: own, .. }) | State::Linked { link: own, .. } => {
                *own == link
            }
            _ => false,
        }
    }

    pub(super) fn on_link_opened(&mut self, link: LinkId) {
        if let Some(upgrade) = self.upgrade_on(link)
            && let Upgrade::Dialing { link, kind } = *upgrade
        {
            *upgrade = Upgrade::Probing { link, kind };
            self.write_packet(link, "2probe");
        }
    }

    pub(super) fn on_link_data(&mut self, now: Instant, link: LinkId, data: Data) {
        let packet = Packet::from_frame_of_server(data);
        if self.is_carried_by(link) {
            match packet {
                Ok(packet) => drop(self.on_packet(now, packet)),
                Err(_) => self.fault(now, CloseReason::ParseError, None),
            }
        } else if let Some(upgrade) = self.upgrade_on(link) {
            match (*upgrade, packet) {
                (Upgrade::Probing { link, kind }, Ok(Packet::Pong { probe: true })) => {
                    *upgrade = Upgrade::Pausing { link, kind };
                }
                _ => self.drop_probe(),
            }
        }
    }

    pub(super) fn on_link_closed(
        &mut self,
        now: Instant,
        link: LinkId,
        reason: CloseReason,
        detail: Option<Detail>,
    ) {
        if let Some(upgrade) = self.upgrade_on(link) {
            *upgrade = Upgrade::No;
            self.timers.stop(UPGRADE);
        } else if self.is_carried_by(link) {
            match &mut self.state {
                State::Opening(opening) => {
                    *opening = Opening::Over;
                    self.fault(now, reason, detail);
                }
                _ => {
                    // there is no link to close any more
                    self.state = State::Opening(Opening::Over);
                    self.finish(reason, detail);
                }
            }
        }
    }

    /// Everything that went by long-polling has arrived: the link carries the session.
    pub(super) fn move_to(&mut self, now: Instant, link: LinkId, kind: Transport) {
        self.timers.stop(UPGRADE);
        self.write_packet(link, "5");
        self.write_queue(link);
        if let State::Closing { .. } = self.state {
            return self.finish(CloseReason::ForcedClose, None);
        }
        self.state = State::Linked { link, kind };
        // so does the server's
        self.restart_heartbeat(now);
        self.outputs.push_back(Output::Event(Event::Upgraded));
    }

    /// Gives the probe up, and nothing else.
    pub(super) fn drop_probe(&mut self) {
        self.timers.stop(UPGRADE);
        if let State::Polling { upgrade, .. } | State::Closing { upgrade, .. } = &mut self.state
            && let Some(link) = upgrade.link()
        {
            *upgrade = Upgrade::No;
            self.outputs.push_back(Output::CloseLink { link });
        }
    }
}

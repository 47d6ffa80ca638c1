//! Settings of a client's session.

use std::time::Duration;

use crate::Transport;

/// Settings of a session. What the server decides (heartbeat, `maxPayload`) is in its
/// [handshake](super::Session::handshake).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What to start on, the first one first; later ones are what the session may move to, and
    /// with [`Config::try_all_transports`] what is tried next. Default long-polling, WebSocket.
    pub transports: Vec<Transport>,
    /// Whether to move from long-polling to a link that both sides know. Default yes.
    pub upgrade: bool,
    /// Whether the next transport is tried when one gives no handshake. Default no.
    pub try_all_transports: bool,
    /// A hint of the caller's, who remembers it (`rememberUpgrade`): an earlier session was
    /// upgraded, so start on the first link of the list. Default no.
    pub upgraded_before: bool,
    /// Whether binary travels as base64 text on every transport. Default no.
    pub force_base64: bool,
    /// Time for the handshake of one transport. Default 20 s.
    pub open_timeout: Duration,
    /// Time in which an upgrade must be finished; later only the probe is dropped. It counts from
    /// before the server's own, and must not be longer (Node's and ours: 10 s): a client that has
    /// given its word on a link that the server gave up loses the session. Default 10 s.
    pub upgrade_timeout: Duration,
    /// Time in which what was sent before a close must leave. Default 10 s.
    pub close_timeout: Duration,
    /// Most packets in the answer to one GET. Default 65 536.
    pub max_packets: usize,
    /// Most bytes that wait inside the machine for a POST or the end of the upgrade.
    /// Default 16 MiB.
    pub max_buffered: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transports: vec![Transport::Polling, Transport::WebSocket],
            upgrade: true,
            try_all_transports: false,
            upgraded_before: false,
            force_base64: false,
            open_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(10),
            max_packets: 65_536,
            max_buffered: 16 * 1024 * 1024,
        }
    }
}

impl Config {
    /// The transport after `tried` others failed.
    pub(super) fn transport(&self, tried: usize) -> Option<Transport> {
        let transports = &self.transports;
        let jump = transports
            .iter()
            .position(|kind| *kind != Transport::Polling);
        match jump.filter(|_| self.upgraded_before) {
            Some(jump) if tried == 0 => transports.get(jump).copied(),
            Some(jump) if tried <= jump => transports.get(tried - 1).copied(),
            _ => transports.get(tried).copied(),
        }
    }
}

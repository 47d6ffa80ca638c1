//! Settings of a session, with Node's defaults.

use std::time::Duration;

/// The ways a session can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    WebSocket,
}

impl Transport {
    /// The name in the `transport` query parameter.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }

    /// The transport of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "polling" => Some(Self::Polling),
            "websocket" => Some(Self::WebSocket),
            _ => None,
        }
    }
}

/// Settings of a session. Durations are announced to the client in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Time between two pings of the server. Default 25 s.
    pub ping_interval: Duration,
    /// Time in which a pong must follow a ping. Default 20 s.
    pub ping_timeout: Duration,
    /// Time in which an upgrade must be finished; later only the probe is dropped. Default 10 s.
    pub upgrade_timeout: Duration,
    /// Time for which a closed long-polling session waits for the poll that carries the close
    /// packet. Default 30 s.
    pub close_timeout: Duration,
    /// Largest POST body, WebSocket frame and WebSocket message, in bytes. Default 1 000 000.
    /// Node calls it `maxHttpBufferSize`; clients are told it as `maxPayload`.
    pub max_payload: usize,
    /// Most packets in one POST body. Default 65 536.
    pub max_packets: usize,
    /// Most bytes that wait inside the machine for a poll. Default 16 MiB.
    pub max_buffered: usize,
    /// Whether a session may start with long-polling. Default yes.
    pub polling: bool,
    /// Whether a session may start with, or be upgraded to, WebSocket. Default yes.
    pub websocket: bool,
    /// Whether a long-polling session may be upgraded. Default yes.
    pub allow_upgrades: bool,
    /// Whether clients of Socket.IO 1.x and 2.x may connect, which speak revision 3. Default no.
    pub allow_eio3: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(30),
            max_payload: 1_000_000,
            max_packets: 65_536,
            max_buffered: 16 * 1024 * 1024,
            polling: true,
            websocket: true,
            allow_upgrades: true,
            allow_eio3: false,
        }
    }
}

impl Config {
    /// Whether sessions may start with `transport`.
    #[must_use]
    pub fn allows(&self, transport: Transport) -> bool {
        match transport {
            Transport::Polling => self.polling,
            Transport::WebSocket => self.websocket,
        }
    }

    /// Whether a long-polling session is told that it may move to WebSocket.
    #[must_use]
    pub fn offers_upgrade(&self) -> bool {
        self.allow_upgrades && self.websocket
    }
}

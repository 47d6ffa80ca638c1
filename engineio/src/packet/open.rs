//! The handshake (engine.io-protocol v4, "Handshake").

use std::time::Duration;

use crate::json::{self, Value};
use crate::{Config, DecodeError, Sid, Transport};

/// The longest time that a browser's timers know, 24 days: nobody means more.
const MAX_MILLIS: u64 = i32::MAX as u64;
/// The largest integer that JSON's readers agree on.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Content of the open packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    sid: Sid,
    upgrade: bool,
    ping_interval_ms: u64,
    ping_timeout_ms: u64,
    max_payload: usize,
}

impl Open {
    /// The handshake of a session that starts on `transport`.
    #[must_use]
    pub fn new(sid: Sid, config: &Config, transport: Transport) -> Self {
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        Self {
            sid,
            upgrade: transport == Transport::Polling && config.offers_upgrade(),
            ping_interval_ms: millis(config.ping_interval),
            ping_timeout_ms: millis(config.ping_timeout),
            max_payload: config.max_payload,
        }
    }

    /// The session's secret name.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.sid
    }

    /// Whether the server lets the session move to `transport`.
    #[must_use]
    pub fn offers(&self, transport: Transport) -> bool {
        transport == Transport::WebSocket && self.upgrade
    }

    /// Time between two pings of the server.
    #[must_use]
    pub fn ping_interval(&self) -> Duration {
        Duration::from_millis(self.ping_interval_ms)
    }

    /// Time that the server gives a pong.
    #[must_use]
    pub fn ping_timeout(&self) -> Duration {
        Duration::from_millis(self.ping_timeout_ms)
    }

    /// The most bytes of one POST, where the server says so: those before 2022 do not.
    #[must_use]
    pub fn max_payload(&self) -> Option<usize> {
        Some(self.max_payload).filter(|max| *max > 0)
    }

    /// The encoded packet, keys in Node's order.
    #[must_use]
    pub fn encode(&self) -> String {
        let Self {
            sid,
            upgrade,
            ping_interval_ms,
            ping_timeout_ms,
            max_payload,
        } = self;
        let upgrades = if *upgrade { "\"websocket\"" } else { "" };
        format!(
            "0{{\"sid\":\"{sid}\",\"upgrades\":[{upgrades}],\"pingInterval\":{ping_interval_ms},\
             \"pingTimeout\":{ping_timeout_ms},\"maxPayload\":{max_payload}}}"
        )
    }

    /// Reads the content of an open packet, without the `0`.
    ///
    /// Unknown keys are ignored. `maxPayload` may be missing, the others may not, and none of
    /// ours may come twice. The two times are 1 ms to 24 days.
    ///
    /// # Errors
    /// [`DecodeError::InvalidHandshake`].
    pub fn decode(json: &str) -> Result<Self, DecodeError> {
        Self::read(json).ok_or(DecodeError::InvalidHandshake)
    }

    fn read(json: &str) -> Option<Self> {
        let [
            mut sid,
            mut upgrades,
            mut interval,
            mut timeout,
            mut max_payload,
        ] = [const { None }; 5];
        for (key, value) in json::object(json)? {
            let slot = match key.as_str() {
                "sid" => &mut sid,
                "upgrades" => &mut upgrades,
                "pingInterval" => &mut interval,
                "pingTimeout" => &mut timeout,
                "maxPayload" => &mut max_payload,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return None;
            }
        }
        let max_payload = match max_payload {
            Some(value) => integer(&value, 0, MAX_INTEGER)?,
            None => 0,
        };
        Some(Self {
            sid: string(&sid?)?.parse().ok()?,
            upgrade: names(&upgrades?)?.contains(&Transport::WebSocket.name()),
            ping_interval_ms: integer(&interval?, 1, MAX_MILLIS)?,
            ping_timeout_ms: integer(&timeout?, 1, MAX_MILLIS)?,
            max_payload: usize::try_from(max_payload).ok()?,
        })
    }
}

fn string(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn names(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Array(items) => items.iter().map(string).collect(),
        _ => None,
    }
}

fn integer(value: &Value, least: u64, most: u64) -> Option<u64> {
    match value {
        Value::Number(number) => number.filter(|number| (least..=most).contains(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_has_nodes_five_keys() {
        let sid = Sid::from_entropy([0; 15]);
        let open = Open::new(sid, &Config::default(), Transport::Polling);
        let text = "0{\"sid\":\"AAAAAAAAAAAAAAAAAAAA\",\"upgrades\":[\"websocket\"],\
                    \"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}";
        assert_eq!(open.encode(), text);
        assert_eq!(Open::decode(text.strip_prefix('0').unwrap()), Ok(open));
        let open = Open::new(sid, &Config::default(), Transport::WebSocket);
        assert!(open.encode().contains("\"upgrades\":[],"));
        assert_eq!(
            Open::decode(open.encode().strip_prefix('0').unwrap()),
            Ok(open)
        );
    }

    const GOOD: &str = r#"{"sid":"a","upgrades":["webtransport","websocket"],"pingInterval":1,"pingTimeout":2147483647}"#;

    #[test]
    fn unknown_keys_are_ignored_and_max_payload_may_be_missing() {
        let open = Open::decode(GOOD).unwrap();
        assert_eq!(open.sid().as_str(), "a");
        assert!(open.offers(Transport::WebSocket) && !open.offers(Transport::Polling));
        assert_eq!(open.ping_interval(), Duration::from_millis(1));
        assert_eq!(open.ping_timeout(), Duration::from_millis(2_147_483_647));
        assert_eq!(open.max_payload(), None);
        let more = GOOD.replace(
            "{\"sid",
            "{\"x\":{\"sid\":[1.5,null]},\"maxPayload\":7,\"sid",
        );
        assert_eq!(Open::decode(&more).unwrap().max_payload(), Some(7));
    }

    #[test]
    fn a_handshake_is_read_strictly() {
        for (good, bad) in [
            ("\"sid\":\"a\"", "\"sid\":\"\""),
            ("\"sid\":\"a\"", "\"sid\":\"a&b=c\""),
            ("\"sid\":\"a\"", "\"sid\":1"),
            ("\"sid\":\"a\"", "\"id\":\"a\""),
            ("\"sid\":\"a\"", "\"sid\":\"a\",\"sid\":\"a\""),
            ("[\"webtransport\",\"websocket\"]", "\"websocket\""),
            ("[\"webtransport\",\"websocket\"]", "[1]"),
            ("\"pingInterval\":1,", ""),
            ("\"pingInterval\":1", "\"pingInterval\":0"),
            ("\"pingInterval\":1", "\"pingInterval\":-1"),
            ("\"pingInterval\":1", "\"pingInterval\":1.5"),
            ("\"pingInterval\":1", "\"pingInterval\":\"1\""),
            ("2147483647", "2147483648"),
            ("2147483647", "99999999999999999999999"),
            ("2147483647", "1,\"maxPayload\":-1"),
            ("2147483647", "1,\"maxPayload\":9007199254740992"),
            ("2147483647", "1,\"maxPayload\":null"),
            ("}", ""),
        ] {
            let text = GOOD.replace(good, bad);
            assert_eq!(
                Open::decode(&text),
                Err(DecodeError::InvalidHandshake),
                "{text}"
            );
        }
    }
}

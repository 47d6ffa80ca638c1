//! The opening handshake of a WebSocket (RFC 6455, section 4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tungstenite::handshake::derive_accept_key;

use super::dial::Stream;
use super::http::switch;
use super::payload::Payload;
use super::shared::Setting;
use crate::Transport;
use crate::client::Detail;

/// Opens a WebSocket: the stream, and what came with the answer.
pub(super) async fn open(setting: Setting, query: String) -> Result<(Stream, Bytes), Detail> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|error| Detail::Io(error.to_string()))?;
    let key = STANDARD.encode(key);
    let payload = Payload::default();
    let mut request = setting.request(Transport::WebSocket, Method::GET, &query, payload);
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    let protocols = &setting.terms.options.protocols;
    let own = [
        (SEC_WEBSOCKET_KEY, key.clone()),
        (SEC_WEBSOCKET_PROTOCOL, protocols.join(", ")),
    ];
    for (name, value) in own {
        // base64 and tokens are values of headers
        if let Ok(value) = HeaderValue::try_from(value)
            && !value.is_empty()
        {
            headers.insert(name, value);
        }
    }
    let (response, stream, early) = switch(&setting, request).await?;
    match judge(response.headers(), &key, protocols) {
        Ok(()) => Ok((stream, early)),
        Err(what) => Err(Detail::Io(format!("the WebSocket's handshake {what}"))),
    }
}

/// Section 4.1, what the client must check.
fn judge(headers: &HeaderMap, key: &str, protocols: &[String]) -> Result<(), &'static str> {
    let has = |name: HeaderName, wanted: &str| {
        let mut values = headers.get_all(name).iter();
        values.any(|value| {
            let value = value.to_str().unwrap_or_default();
            let mut items = value.split(',');
            items.any(|item| item.trim().eq_ignore_ascii_case(wanted))
        })
    };
    let accept = derive_accept_key(key.as_bytes());
    let accepted = headers.get(SEC_WEBSOCKET_ACCEPT);
    let protocol = headers.get(SEC_WEBSOCKET_PROTOCOL).map(|value| {
        let value = value.to_str().unwrap_or_default();
        protocols.iter().any(|own| own == value)
    });
    if !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
        Err("switches to another protocol")
    } else if accepted.is_none_or(|value| value.as_bytes() != accept.as_bytes()) {
        Err("has the wrong Sec-WebSocket-Accept")
    } else if protocol == Some(false) {
        Err("has a subprotocol that was not offered")
    } else if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        Err("has an extension that was not offered")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and its answer are those of RFC 6455, section 1.3.
    #[test]
    fn answers_that_open_no_websocket() {
        let good = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("sec-websocket-protocol", "b"),
        ];
        let verdict = |name: &'static str, value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            for (name, value) in good {
                headers.insert(name, HeaderValue::from_static(value));
            }
            match value {
                Some(value) => drop(headers.insert(name, HeaderValue::from_static(value))),
                None => drop(headers.remove(name)),
            }
            let protocols = ["a".to_owned(), "b".to_owned()];
            judge(&headers, "dGhlIHNhbXBsZSBub25jZQ==", &protocols).is_ok()
        };
        assert!(verdict("x", Some("y")));
        assert!(verdict("sec-websocket-protocol", None));
        for (name, value) in [
            ("upgrade", None),
            ("upgrade", Some("h2c")),
            ("connection", None),
            ("sec-websocket-accept", None),
            ("sec-websocket-accept", Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
            ("sec-websocket-protocol", Some("c")),
            ("sec-websocket-extensions", Some("permessage-deflate")),
        ] {
            assert!(!verdict(name, value), "{name}: {value:?}");
        }
    }
}

//! [`Terms`]: options that were found to be usable, in the form that requests need.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};

use super::dial::Dialer;
use super::error::BuildError;
use super::options::Options;
use crate::Transport;
use crate::query;

/// What frames a message, belongs to one connection or opens a WebSocket: ours.
const OWN_HEADERS: [HeaderName; 11] = [
    header::CONNECTION,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_EXTENSIONS,
];
/// Bytes of path and query: an `http::Uri` holds 65,534, and the session adds its own.
const MAX_TARGET: usize = 60_000;
/// Parameters of the session's.
const OWN_QUERY: [&str; 3] = ["EIO", "transport", "sid"];

#[derive(Debug)]
pub(super) struct Terms {
    pub(super) options: Options,
    pub(super) dialer: Dialer,
    polling: Endpoint,
    websocket: Endpoint,
}

#[derive(Debug)]
struct Endpoint {
    path: String,
    /// What follows the session's own parameters, with `&` before it.
    query: String,
    headers: HeaderMap,
    timestamps: bool,
}

impl Terms {
    pub(super) fn new(options: Options) -> Result<Self, BuildError> {
        for protocol in &options.protocols {
            // a protocol is a token, as names of headers are (RFC 6455, section 4.1)
            HeaderName::try_from(protocol.as_str())
                .map_err(|_| BuildError::Protocol(protocol.clone()))?;
        }
        Ok(Self {
            dialer: Dialer::new(&options)?,
            polling: Endpoint::new(&options, Transport::Polling)?,
            websocket: Endpoint::new(&options, Transport::WebSocket)?,
            options,
        })
    }

    /// A request with the session's `query`, without what is particular to its method.
    pub(super) fn request<B>(
        &self,
        transport: Transport,
        method: Method,
        query: &str,
        body: B,
    ) -> Request<B> {
        let endpoint = match transport {
            Transport::Polling => &self.polling,
            Transport::WebSocket => &self.websocket,
        };
        let mut target = format!("{}?{query}{}", endpoint.path, endpoint.query);
        if endpoint.timestamps {
            target.push('&');
            target.push_str(&query::escape(&self.options.timestamp_param));
            target.push('=');
            target.push_str(&unique());
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::try_from(target).unwrap_or_default();
        *request.headers_mut() = endpoint.headers.clone();
        request
    }
}

impl Endpoint {
    fn new(options: &Options, transport: Transport) -> Result<Self, BuildError> {
        let own = options.of(transport);
        let path = options.endpoint_path(transport);
        // a query in it would come before ours
        if path.contains(['?', '#']) || path.parse::<Uri>().is_err() {
            return Err(BuildError::Path(path));
        }
        let mut query = String::new();
        let general = options.general.query.iter();
        let general = general.filter(|(name, _)| own.query.iter().all(|(other, _)| other != name));
        for (name, value) in general.chain(&own.query) {
            if !OWN_QUERY.contains(&name.as_str()) {
                query.push('&');
                query.push_str(&query::escape(name));
                query.push('=');
                query.push_str(&query::escape(value));
            }
        }
        let timestamp = query::escape(&options.timestamp_param);
        if path.len() + query.len() + timestamp.len() > MAX_TARGET {
            return Err(BuildError::TooLong);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in options.general.headers.iter().chain(&own.headers) {
            let invalid = || BuildError::Header(name.clone());
            let key = HeaderName::try_from(name.as_str()).map_err(|_| invalid())?;
            let value = HeaderValue::try_from(value.as_str()).map_err(|_| invalid())?;
            if OWN_HEADERS.contains(&key) {
                return Err(invalid());
            }
            headers.insert(key, value);
        }
        if !headers.contains_key(header::HOST) {
            let host = HeaderValue::try_from(options.authority());
            let host = host.map_err(|_| BuildError::Header("host".to_owned()))?;
            headers.insert(header::HOST, host);
        }
        Ok(Self {
            path,
            query,
            headers,
            timestamps: options
                .timestamps
                .unwrap_or(transport == Transport::Polling),
        })
    }
}

/// What no request had before.
fn unique() -> String {
    let mut bytes = [0; 6];
    // without a generator it is not new: a cache on the way may then answer, as without it
    getrandom::fill(&mut bytes).ok();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::options::TransportOptions;
    use super::*;

    fn terms(change: impl FnOnce(Options) -> Options) -> Result<Terms, BuildError> {
        Terms::new(change(Options::new("http://h:81/ns?a=1&sid=x").unwrap()))
    }

    fn uri(terms: &Terms, transport: Transport) -> String {
        let request = terms.request(transport, Method::GET, "EIO=4", ());
        request.uri().to_string()
    }

    #[test]
    fn the_query_of_requests() {
        let terms = terms(|options| {
            let polling = TransportOptions::new().query("b", "other").path("/p");
            options
                .query("b", "ü&")
                .query("EIO", "3")
                .transport_options(Transport::Polling, polling)
                .timestamp_param("stamp")
        });
        let terms = terms.unwrap();
        let websocket = uri(&terms, Transport::WebSocket);
        assert_eq!(websocket, "/engine.io/?EIO=4&a=1&b=%C3%BC%26");
        let polling = uri(&terms, Transport::Polling);
        assert!(polling.starts_with("/p/?EIO=4&a=1&b=other&stamp="));
        assert_ne!(polling, uri(&terms, Transport::Polling));
    }

    #[test]
    fn headers_are_judged_and_host_is_set() {
        let good = terms(|options| options.header("X-A", "1").header("x-a", "2")).unwrap();
        let request = good.request(Transport::Polling, Method::GET, "", ());
        assert_eq!(request.headers()["x-a"], "2");
        assert_eq!(request.headers()["host"], "h:81");
        for (name, value) in [
            ("a b", "x"),
            ("a", "x\r\ny: z"),
            ("Connection", "close"),
            ("content-length", "1"),
            ("Sec-WebSocket-Key", "x"),
        ] {
            let error = terms(|options| options.header(name, value)).unwrap_err();
            assert_eq!(error, BuildError::Header(name.to_owned()));
        }
        assert!(terms(|options| options.path("/a b")).is_err());
        assert!(terms(|options| options.path("/a?b")).is_err());
        assert!(terms(|options| options.protocols(["a,b"])).is_err());
        let long = terms(|options| options.query("a", "x".repeat(MAX_TARGET)));
        assert_eq!(long.unwrap_err(), BuildError::TooLong);
    }

    #[cfg(not(feature = "rustls"))]
    #[test]
    fn https_without_tls_is_told_of() {
        let options = Options::new("https://h").unwrap();
        assert_eq!(Terms::new(options).err(), Some(BuildError::NoTls));
    }

    #[cfg(all(
        feature = "rustls",
        not(any(feature = "rustls-webpki-roots", feature = "rustls-platform-roots"))
    ))]
    #[test]
    fn https_without_authorities_is_told_of() {
        let options = Options::new("wss://h").unwrap();
        assert_eq!(Terms::new(options).err(), Some(BuildError::NoRoots));
    }
}

//! [`TrustedProxies`]: whose word about a client counts.

use std::net::{IpAddr, SocketAddr};

use http::{Extensions, HeaderMap, HeaderValue};
use ipnet::IpNet;

use super::headers::Headers;
use super::peer::PeerAddr;

/// The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Default: none, and
/// these headers say nothing: everybody can send them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    /// Whoever connects is one.
    any_peer: bool,
}

/// What is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network such as 10.0.0.0/8, found {0:?}")]
pub struct InvalidNetwork(Box<str>);

impl TrustedProxies {
    /// Whoever connects is a proxy: for a port or a Unix socket that nobody else can reach. What it says of its own
    /// peer counts, which is the last entry of `X-Forwarded-For`; what stands before that entry does not.
    #[must_use]
    pub fn any_peer() -> Self {
        Self::default().or_any_peer()
    }

    /// Whoever connects is a proxy, besides those of these networks.
    #[must_use]
    pub fn or_any_peer(mut self) -> Self {
        self.any_peer = true;
        self
    }

    /// These addresses and networks: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
    ///
    /// # Errors
    /// One is neither.
    pub fn networks<T: AsRef<str>>(
        networks: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidNetwork> {
        let parse = |text: T| {
            let text = text.as_ref().trim();
            let alone = || text.parse::<IpAddr>().ok().map(IpNet::from);
            text.parse()
                .ok()
                .or_else(alone)
                .ok_or_else(|| InvalidNetwork(text.into()))
        };
        let networks = networks.into_iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self {
            networks,
            any_peer: false,
        })
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let mut networks = self.networks.iter();
        networks.any(|network| network.contains(&address))
    }

    /// Whether the word of the peer counts. One without an address came over a Unix socket.
    fn believes(&self, peer: Option<IpAddr>) -> bool {
        self.any_peer || peer.is_some_and(|peer| self.trusts(peer))
    }

    /// The client's address: that of the peer, or what proxies say.
    pub(super) fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = extensions.get().map(|PeerAddr(peer)| peer.ip());
        let forwarded = headers.get_all("x-forwarded-for");
        self.forwarded(peer, forwarded.iter().map(HeaderValue::as_bytes))
    }

    /// From the right of `X-Forwarded-For`, where each proxy adds whom it saw, the first that is no trusted proxy.
    fn forwarded<'a>(
        &self,
        peer: Option<IpAddr>,
        lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> Option<IpAddr> {
        let (mut client, mut believed) = (peer, self.believes(peer));
        let hops = lines
            .rev()
            .flat_map(|line| line.rsplit(|byte| *byte == b','));
        for hop in hops {
            if !believed {
                break;
            }
            let Some(address) = std::str::from_utf8(hop).ok().and_then(address) else {
                break;
            };
            (client, believed) = (Some(address), self.trusts(address));
        }
        client
    }

    /// Whether the last proxy says that it was reached by TLS.
    pub(super) fn is_secure(&self, peer: Option<SocketAddr>, headers: &Headers) -> bool {
        self.believes(peer.map(|peer| peer.ip()))
            && headers.get_str("x-forwarded-proto").is_some_and(|proto| {
                let last = proto.rsplit(',').next().unwrap_or_default().trim();
                last.eq_ignore_ascii_case("https") || last.eq_ignore_ascii_case("wss")
            })
    }
}

/// An address, perhaps with a port, as proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> Headers {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        Headers::copy("/", &map)
    }

    fn client(trusted: &TrustedProxies, peer: &str, lines: &[&str]) -> String {
        let (mut extensions, mut headers) = (Extensions::new(), HeaderMap::new());
        if let Ok(peer) = peer.parse() {
            extensions.insert(PeerAddr(peer));
        }
        for line in lines {
            let line = HeaderValue::from_str(line).expect("a value");
            headers.append("x-forwarded-for", line);
        }
        let client = trusted.client(&extensions, &headers);
        client.map_or_else(String::new, |client| client.to_string())
    }

    #[test]
    fn nobody_is_believed_unless_told() {
        let none = TrustedProxies::default();
        assert_eq!(client(&none, "127.0.0.1:1", &["1.2.3.4"]), "127.0.0.1");
        assert_eq!(client(&none, "", &["1.2.3.4"]), "");
        let proto = headers(&[("x-forwarded-proto", "https")]);
        assert!(!none.is_secure("127.0.0.1:1".parse().ok(), &proto));
    }

    #[test]
    fn the_first_from_the_right_that_is_no_proxy_is_the_client() {
        let trusted = TrustedProxies::networks(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);
        let trusted = trusted.expect("networks");
        for (peer, lines, expected) in [
            ("127.0.0.1:1", &["1.2.3.4"][..], "1.2.3.4"),
            ("127.0.0.1:1", &["6.6.6.6, 1.2.3.4, 10.1.1.1"], "1.2.3.4"),
            ("127.0.0.1:1", &["6.6.6.6", "1.2.3.4,10.1.1.1"], "1.2.3.4"),
            ("9.9.9.9:1", &["1.2.3.4"], "9.9.9.9"),
            ("127.0.0.1:1", &[], "127.0.0.1"),
            ("127.0.0.1:1", &["nonsense, 10.1.1.1"], "10.1.1.1"),
            ("127.0.0.1:1", &["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
            ("[::ffff:10.0.0.1]:1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("127.0.0.1:1", &["1.2.3.4:5678"], "1.2.3.4"),
        ] {
            assert_eq!(client(&trusted, peer, lines), expected, "{peer} {lines:?}");
        }
        assert_eq!(
            client(&trusted, "", &["1.2.3.4"]),
            "",
            "a Unix socket is not listed"
        );
        assert_eq!(
            client(&TrustedProxies::any_peer(), "", &["6.6.6.6,1.2.3.4"]),
            "1.2.3.4",
            "what the client invented stands before what the proxy saw"
        );
        let both = trusted.or_any_peer();
        assert_eq!(client(&both, "", &["6.6.6.6,1.2.3.4,10.1.1.1"]), "1.2.3.4");
        assert_eq!(client(&both, "9.9.9.9:1", &["6.6.6.6,1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn tls_at_the_proxy_counts() {
        let trusted = TrustedProxies::networks(["127.0.0.1"]).expect("a network");
        let peer = "127.0.0.1:1".parse().ok();
        for (proto, secure) in [
            ("https", true),
            ("WSS", true),
            ("https, http", false),
            ("", false),
        ] {
            let headers = headers(&[("x-forwarded-proto", proto)]);
            assert_eq!(trusted.is_secure(peer, &headers), secure, "{proto}");
        }
        assert_eq!(
            TrustedProxies::networks(["10.0.0.0/33"])
                .unwrap_err()
                .to_string(),
            "expected an address or a network such as 10.0.0.0/8, found \"10.0.0.0/33\""
        );
    }
}

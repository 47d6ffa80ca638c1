//! [`Target`]: the server that a URL names.

use std::net::Ipv6Addr;

use crate::query;

/// Why a URL names no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is not http, https, ws or wss.
    #[error("expected a URL with http, https, ws or wss")]
    Scheme,
    /// There is no host, or it has characters that hosts have not. Names in other scripts must be
    /// written in their ASCII form (`xn--…`), IPv6 addresses in brackets.
    #[error("expected a host")]
    Host,
    /// The port is no number between 1 and 65535.
    #[error("expected a port between 1 and 65535")]
    Port,
    /// There is a user name in it: credentials belong into a header.
    #[error("expected no user name or password in the URL")]
    Credentials,
}

/// What a URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) secure: bool,
    /// In lower case; an IPv6 address in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// From the first slash on, or empty.
    pub(super) path: String,
    /// Decoded.
    pub(super) query: Vec<(String, String)>,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, UrlError> {
        let url = url.trim();
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(UrlError::Scheme),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at_checked(slash).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None | Some("") => Self::default_port(secure),
            Some(port) => parse_port(port)?,
        };
        let own = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            (name.into_owned(), value.into_owned())
        };
        Ok(Self {
            secure,
            host: host.to_ascii_lowercase(),
            port,
            path: path.to_owned(),
            query: query::pairs(query).map(own).collect(),
        })
    }

    pub(super) fn default_port(secure: bool) -> u16 {
        if secure { 443 } else { 80 }
    }

    /// As the `Host` header has it: without the port that its scheme implies.
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if *port == Self::default_port(self.secure) {
            host.clone()
        } else {
            format!("{host}:{port}")
        }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or(UrlError::Host)?;
        let (host, rest) = authority.split_at_checked(end + 1).ok_or(UrlError::Host)?;
        let address = host.trim_start_matches('[').trim_end_matches(']');
        address.parse::<Ipv6Addr>().map_err(|_| UrlError::Host)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(UrlError::Host),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    if host.is_empty() || !host.bytes().all(legal) {
        return Err(UrlError::Host);
    }
    Ok((host, port))
}

fn parse_port(port: &str) -> Result<u16, UrlError> {
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(UrlError::Port),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_urls() {
        for (url, secure, authority, port, path) in [
            ("http://localhost", false, "localhost", 80, ""),
            ("https://Example.COM/", true, "example.com", 443, "/"),
            ("ws://a.b:80/chat", false, "a.b", 80, "/chat"),
            ("wss://a.b:8443/x/y?z#f", true, "a.b:8443", 8443, "/x/y"),
            ("localhost:3000", false, "localhost:3000", 3000, ""),
            ("localhost/admin", false, "localhost", 80, "/admin"),
            (" HTTPS://h:?q=1 ", true, "h", 443, ""),
            ("http://[::1]:9/", false, "[::1]:9", 9, "/"),
            ("[fe80::1]", false, "[fe80::1]", 80, ""),
            ("http://127.0.0.1#x", false, "127.0.0.1", 80, ""),
        ] {
            let target = Target::parse(url).expect(url);
            assert_eq!(target.secure, secure, "{url}");
            assert_eq!(target.authority(), authority, "{url}");
            assert_eq!((target.port, target.path.as_str()), (port, path), "{url}");
        }
    }

    #[test]
    fn a_query_is_kept() {
        let target = Target::parse("http://h/?token=a%26b&x=%C3%A9&flag#frag").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [pair("token", "a&b"), pair("x", "é"), pair("flag", "")];
        assert_eq!(target.query, expected);
    }

    #[test]
    fn what_names_no_server() {
        for (url, error) in [
            ("", UrlError::Host),
            ("ftp://host", UrlError::Scheme),
            ("://host", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http:///path", UrlError::Host),
            ("http://a b/", UrlError::Host),
            ("http://bücher.example", UrlError::Host),
            ("http://[::1", UrlError::Host),
            ("http://[nonsense]", UrlError::Host),
            ("http://[::1]x", UrlError::Host),
            ("http://::1", UrlError::Host),
            ("http://h:0", UrlError::Port),
            ("http://h:65536", UrlError::Port),
            ("http://h:+1", UrlError::Port),
            ("a:b:c", UrlError::Port),
            ("http://user:secret@h", UrlError::Credentials),
            ("http://h\r\nx: y", UrlError::Host),
        ] {
            assert_eq!(Target::parse(url), Err(error), "{url:?}");
        }
    }
}

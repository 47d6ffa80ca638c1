//! [`Proxy`]: what stands between the client and its server.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::error::BuildError;
use super::url::Target;

/// A proxy, for long-polling and WebSocket alike. The server is reached by `CONNECT` or SOCKS 5,
/// also where it is plain http.
#[derive(Clone)]
pub struct Proxy(Kind);

#[derive(Clone)]
enum Kind {
    None,
    Env,
    Http(String),
    Socks5(String),
}

impl Proxy {
    /// No proxy, whatever the environment says.
    #[must_use]
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// As the environment says when the client is made: `HTTPS_PROXY` for https and wss,
    /// `HTTP_PROXY` for http and ws, `ALL_PROXY` for both, but for the hosts of `NO_PROXY`; also
    /// in lower case. Loopback addresses and `localhost` never go through one of these, and under
    /// CGI there is none. The default.
    #[must_use]
    pub fn env() -> Self {
        Self(Kind::Env)
    }

    /// An HTTP proxy, asked by `CONNECT`: `http://user:password@host:3128`, the scheme and what is
    /// before `@` optional, both percent-encoded, the port 80 where there is none. Proxies that
    /// are reached by TLS are not supported.
    #[must_use]
    pub fn http(url: impl Into<String>) -> Self {
        Self(Kind::Http(url.into()))
    }

    /// A SOCKS 5 proxy, which resolves the server's name: `socks5://user:password@host:1080`, the
    /// same parts optional, the port 1080 where there is none.
    #[must_use]
    pub fn socks5(url: impl Into<String>) -> Self {
        Self(Kind::Socks5(url.into()))
    }

    pub(super) fn route(&self, target: &Target) -> Result<Route, BuildError> {
        let scheme = if target.secure { "https" } else { "http" };
        let uri: Uri = format!("{scheme}://{}:{}/", target.host, target.port)
            .parse()
            .map_err(|_| BuildError::Proxy("not for this host".to_owned()))?;
        match &self.0 {
            Kind::None => Ok(Route::Direct),
            Kind::Env if is_loopback(&target.host) => Ok(Route::Direct),
            Kind::Env => match Matcher::from_env().intercept(&uri) {
                Some(intercept) => Route::new(&intercept),
                None => Ok(Route::Direct),
            },
            Kind::Http(url) => Route::explicit(url, "http", &uri),
            Kind::Socks5(url) => Route::explicit(url, "socks5", &uri),
        }
    }
}

/// Without user and password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |url: &String| url.rsplit('@').next().unwrap_or_default().to_owned();
        match &self.0 {
            Kind::None => f.write_str("None"),
            Kind::Env => f.write_str("Env"),
            Kind::Http(url) => f.debug_tuple("Http").field(&host(url)).finish(),
            Kind::Socks5(url) => f.debug_tuple("Socks5").field(&host(url)).finish(),
        }
    }
}

/// The way to the server.
#[derive(Clone, Debug)]
pub(super) enum Route {
    Direct,
    Http {
        proxy: Uri,
        auth: Option<HeaderValue>,
    },
    Socks5 {
        proxy: Uri,
        auth: Option<(String, String)>,
    },
}

impl Route {
    fn explicit(url: &str, scheme: &str, target: &Uri) -> Result<Self, BuildError> {
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("{scheme}://{url}")
        };
        if !url.starts_with(scheme) {
            return Err(BuildError::Proxy(format!("expected {scheme}://")));
        }
        let matcher = Matcher::builder().all(url).build();
        let intercept = matcher.intercept(target);
        let intercept = intercept.ok_or_else(|| BuildError::Proxy("expected a URL".to_owned()))?;
        Self::new(&intercept)
    }

    fn new(intercept: &Intercept) -> Result<Self, BuildError> {
        let invalid = |what: &str| BuildError::Proxy(what.to_owned());
        let host = intercept.uri().host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| invalid("expected a host"))?;
        let port = intercept.uri().port_u16();
        let scheme = intercept.uri().scheme_str().unwrap_or_default();
        let at = |port: u16| {
            let uri = format!("http://{host}:{port}/").parse();
            uri.map_err(|_| invalid("expected a host and a port"))
        };
        match scheme {
            "http" => Ok(Self::Http {
                proxy: at(port.unwrap_or(80))?,
                auth: intercept.basic_auth().cloned(),
            }),
            "socks5" | "socks5h" => {
                let auth = intercept.raw_auth();
                if auth.is_some_and(|(user, password)| user.len().max(password.len()) > 255) {
                    return Err(invalid("user or password over 255 bytes"));
                }
                Ok(Self::Socks5 {
                    proxy: at(port.unwrap_or(1080))?,
                    auth: auth.map(|(user, password)| (user.to_owned(), password.to_owned())),
                })
            }
            _ => Err(BuildError::Proxy(format!("{scheme} is not supported"))),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(proxy: &Proxy) -> Result<Route, BuildError> {
        proxy.route(&Target::parse("http://example.org").unwrap())
    }

    #[test]
    fn forms_of_proxies() {
        let http = route(&Proxy::http("us%40er:pass@proxy.example")).unwrap();
        let Route::Http { proxy, auth } = http else {
            panic!("{http:?}")
        };
        assert_eq!(proxy, "http://proxy.example:80/");
        assert_eq!(auth.unwrap(), "Basic dXNAZXI6cGFzcw==");
        let socks = route(&Proxy::socks5("socks5h://a:b@[::1]")).unwrap();
        let Route::Socks5 { proxy, auth } = socks else {
            panic!("{socks:?}")
        };
        assert_eq!(proxy, "http://[::1]:1080/");
        assert_eq!(auth, Some(("a".to_owned(), "b".to_owned())));
        assert!(matches!(route(&Proxy::none()), Ok(Route::Direct)));
        for wrong in [
            Proxy::http("https://proxy"),
            Proxy::http("socks5://proxy"),
            Proxy::socks5("http://proxy"),
            Proxy::http(""),
            Proxy::http("http://a b"),
            Proxy::socks5(format!("{}:x@proxy", "u".repeat(256))),
        ] {
            assert!(route(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = format!("{:?}", Proxy::http("http://user:hidden@proxy"));
        assert_eq!(shown, "Http(\"proxy\")");
    }

    #[test]
    fn loopback() {
        for host in [
            "localhost",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "10.0.0.1", "[::2]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}

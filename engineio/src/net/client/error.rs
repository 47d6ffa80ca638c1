//! [`BuildError`], and what a broken connection has to say.

use crate::client::Detail;

/// Why options make no client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The header of this name is none, has a value that headers cannot have, or belongs to HTTP
    /// and the WebSocket themselves.
    #[error("header {0:?} cannot be sent")]
    Header(String),
    /// The path has characters that belong into no path.
    #[error("path {0:?} cannot be asked for")]
    Path(String),
    /// Path and query together have more than 60,000 bytes.
    #[error("path and query are too long")]
    TooLong,
    /// A subprotocol whose name is none.
    #[error("subprotocol {0:?} cannot be offered")]
    Protocol(String),
    /// The URL is https or wss, and the crate was built without its feature `rustls`.
    #[error("https and wss need the cargo feature `rustls`")]
    NoTls,
    /// Nobody is trusted: neither `rustls-webpki-roots` nor `rustls-platform-roots` is among the
    /// features, or the system has no certificates, and the options bring none.
    #[error("there are no certificate authorities to trust")]
    NoRoots,
    /// Certificates or a key of the options cannot be used; in words, why.
    #[error("TLS: {0}")]
    Tls(String),
    /// The proxy's URL, or that in the environment, cannot be used; in words, why.
    #[error("proxy: {0}")]
    Proxy(String),
}

/// An error and what is behind it, in one line.
pub(super) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        // some repeat what they wrap
        if !words.ends_with(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        source = error.source();
    }
    words
}

pub(super) fn io(error: &(dyn std::error::Error + 'static)) -> Detail {
    Detail::Io(words(error))
}

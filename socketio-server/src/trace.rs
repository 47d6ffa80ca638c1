//! `tracing` events and spans. Without the feature they are nothing; the arguments of events are
//! looked at either way.

use std::fmt;

use engineio::Protocol;
use socketio_proto::{NamespaceId, SocketId};

/// An event for those who look for a fault.
macro_rules! debug {
    ($($argument:tt)*) => {{
        #[cfg(feature = "tracing")]
        tracing::debug!($($argument)*);
        #[cfg(not(feature = "tracing"))]
        let _ = || format!($($argument)*);
    }};
}

/// An event that somebody should look at.
macro_rules! warning {
    ($($argument:tt)*) => {{
        #[cfg(feature = "tracing")]
        tracing::warn!($($argument)*);
        #[cfg(not(feature = "tracing"))]
        let _ = || format!($($argument)*);
    }};
}

pub(crate) use debug;
pub(crate) use warning;

/// The id of a socket as logs show it: of an old client's, which is made of its session's secret,
/// no more than the beginning.
#[derive(Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a SocketId, pub(crate) Protocol);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(id, protocol) = self;
        let text = id.as_str();
        match protocol {
            Protocol::V4 => f.write_str(text),
            Protocol::V3 => {
                let secret = text.len().saturating_sub(14);
                write!(f, "{}…", text.get(..secret).unwrap_or_default())
            }
        }
    }
}

/// What happens on behalf of one socket: `socket{id, namespace}`. Nothing without the feature.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

#[cfg(feature = "tracing")]
impl Span {
    pub(crate) fn socket(id: &Shown<'_>, namespace: &NamespaceId) -> Self {
        let span = tracing::info_span!("socket", %id, %namespace);
        Self { span }
    }

    /// A step that handles an event of that name, of which at most 64 characters are told.
    pub(crate) fn event(&self, name: &str) -> Self {
        // borrowed: a span that nobody looks at must cost nothing
        let end = name.char_indices().nth(64).map_or(name.len(), |(at, _)| at);
        let name = name.get(..end).unwrap_or_default();
        let span = tracing::info_span!(parent: &self.span, "event", name);
        Self { span }
    }

    pub(crate) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.span.in_scope(f)
    }
}

#[cfg(not(feature = "tracing"))]
impl Span {
    pub(crate) fn socket(_: &Shown<'_>, _: &NamespaceId) -> Self {
        Self {}
    }

    pub(crate) fn event(&self, _: &str) -> Self {
        Self {}
    }

    pub(crate) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
}

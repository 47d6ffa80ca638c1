//! [`Metrics`]: how often what happened, since the server began. Names are a closed set, so that
//! no byte of a client's becomes a label.

use crate::net::sync::{AtomicU64, Ordering};
use crate::server::PostFailure;
use crate::{CloseReason, HandshakeError};

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// Code 0.
    UnknownTransport,
    /// Code 1.
    UnknownSession,
    /// Code 2.
    BadMethod,
    /// Code 3.
    BadRequest,
    /// Code 5.
    UnsupportedVersion,
    /// Code 4: its origin is not allowed.
    Origin,
    /// Code 4: [`Options::allow_request`](super::Options::allow_request) said no.
    Hook,
    /// Code 4: too many sessions of its address.
    TooManySessions,
    /// Code 4: too many handshakes of its address in a minute.
    TooManyHandshakes,
    /// Code 4: a session of another address ([`Options::same_address`](super::Options::same_address)).
    OtherAddress,
    /// Code 4: the server is closing, or its generator gave no id.
    Closing,
    /// 414: a query of more than 8 KiB.
    QueryTooLong,
    /// 413: the body of a POST.
    BodyTooLarge,
    /// 408: the body of a POST.
    BodyTooSlow,
    /// 400: the body of a POST has a type that the protocol does not know.
    BodyType,
    /// 503: no memory for the body of a POST.
    NoMemory,
    /// No answer: the connection was closed when it had been accepted, because no file descriptor was left.
    NoDescriptor,
}

impl Refused {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::UnknownTransport,
        Self::UnknownSession,
        Self::BadMethod,
        Self::BadRequest,
        Self::UnsupportedVersion,
        Self::Origin,
        Self::Hook,
        Self::TooManySessions,
        Self::TooManyHandshakes,
        Self::OtherAddress,
        Self::Closing,
        Self::QueryTooLong,
        Self::BodyTooLarge,
        Self::BodyTooSlow,
        Self::BodyType,
        Self::NoMemory,
        Self::NoDescriptor,
    ];

    /// A name for labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownTransport => "unknown_transport",
            Self::UnknownSession => "unknown_session",
            Self::BadMethod => "bad_method",
            Self::BadRequest => "bad_request",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Origin => "origin",
            Self::Hook => "hook",
            Self::TooManySessions => "too_many_sessions",
            Self::TooManyHandshakes => "too_many_handshakes",
            Self::OtherAddress => "other_address",
            Self::Closing => "closing",
            Self::QueryTooLong => "query_too_long",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyType => "body_type",
            Self::NoMemory => "no_memory",
            Self::NoDescriptor => "no_descriptor",
        }
    }

    /// The reason that an error names; who forbids something (code 4) counts it himself.
    pub(super) fn of(error: &HandshakeError) -> Option<Self> {
        match error {
            HandshakeError::UnknownTransport => Some(Self::UnknownTransport),
            HandshakeError::UnknownSession => Some(Self::UnknownSession),
            HandshakeError::BadMethod => Some(Self::BadMethod),
            HandshakeError::BadRequest => Some(Self::BadRequest),
            HandshakeError::UnsupportedVersion => Some(Self::UnsupportedVersion),
            HandshakeError::Forbidden(_) => None,
        }
    }

    pub(super) fn of_body(failure: PostFailure) -> Option<Self> {
        match failure {
            PostFailure::TooLarge => Some(Self::BodyTooLarge),
            PostFailure::TooSlow => Some(Self::BodyTooSlow),
            PostFailure::WrongType => Some(Self::BodyType),
            PostFailure::NoMemory => Some(Self::NoMemory),
            PostFailure::Dropped => None,
        }
    }
}

/// The reasons for which sessions end.
const REASONS: [CloseReason; 7] = [
    CloseReason::ForcedClose,
    CloseReason::ParseError,
    CloseReason::PingTimeout,
    CloseReason::SlowConsumer,
    CloseReason::ServerError,
    CloseReason::TransportClose,
    CloseReason::TransportError,
];

/// What is counted, while it is.
#[derive(Debug, Default)]
pub(super) struct Counters {
    opened: AtomicU64,
    upgraded: AtomicU64,
    refused: [AtomicU64; Refused::ALL.len()],
    closed: [AtomicU64; REASONS.len()],
}

/// One more, of that among all.
fn count<T: PartialEq>(counters: &[AtomicU64], all: &[T], one: &T) {
    let place = all.iter().position(|own| own == one);
    if let Some(counter) = place.and_then(|place| counters.get(place)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn read<const N: usize>(counters: &[AtomicU64; N]) -> [u64; N] {
    std::array::from_fn(|place| {
        let counter = counters.get(place);
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    })
}

impl Counters {
    pub(super) fn opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn upgraded(&self) {
        self.upgraded.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, why: Refused) {
        count(&self.refused, &Refused::ALL, &why);
    }

    pub(super) fn closed(&self, reason: CloseReason) {
        count(&self.closed, &REASONS, &reason);
    }

    pub(super) fn read(&self) -> Metrics {
        Metrics {
            opened: self.opened.load(Ordering::Relaxed),
            upgraded: self.upgraded.load(Ordering::Relaxed),
            refused: read(&self.refused),
            closed: read(&self.closed),
        }
    }
}

/// How often what happened, since the server began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Sessions that were opened.
    pub opened: u64,
    /// Sessions that moved to WebSocket.
    pub upgraded: u64,
    refused: [u64; Refused::ALL.len()],
    closed: [u64; REASONS.len()],
}

impl Metrics {
    /// Requests that were refused for this reason.
    #[must_use]
    pub fn refused(&self, why: Refused) -> u64 {
        let place = Refused::ALL.iter().position(|own| *own == why);
        let count = place.and_then(|place| self.refused.get(place));
        count.copied().unwrap_or_default()
    }

    /// Sessions that ended for this reason.
    #[must_use]
    pub fn closed(&self, reason: CloseReason) -> u64 {
        let place = REASONS.iter().position(|own| *own == reason);
        let count = place.and_then(|place| self.closed.get(place));
        count.copied().unwrap_or_default()
    }

    /// Everything, as a name, a label and a number: `("refused", "origin", 3)`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let sessions = [
            ("sessions", "opened", self.opened),
            ("sessions", "upgraded", self.upgraded),
        ];
        let refused = Refused::ALL.into_iter().zip(self.refused);
        let closed = REASONS.into_iter().zip(self.closed);
        sessions
            .into_iter()
            .chain(refused.map(|(why, count)| ("refused", why.name(), count)))
            .chain(closed.map(|(reason, count)| ("closed", reason.as_str(), count)))
    }
}

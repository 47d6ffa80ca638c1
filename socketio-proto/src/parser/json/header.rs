//! What stands before the JSON of a packet.

use std::collections::BTreeMap;

use engineio::Text;
use engineio::query::pairs;

use crate::error::DecodeError;
use crate::id::{AckId, NamespaceId};
use crate::limits::Limits;
use crate::packet::Revision;

/// Bytes of the query behind the name of a namespace.
const QUERY_BYTES: usize = 8 * 1024;

/// What stands behind the `?` of a namespace.
#[derive(Clone, Copy)]
pub(in crate::parser) struct Query<'a>(&'a str);

impl Query<'_> {
    /// As a JSON object of strings. Of a name that comes twice, the last counts.
    pub(in crate::parser) fn json(self) -> Text {
        let pairs: BTreeMap<_, _> = pairs(self.0).collect();
        let json = serde_json::to_string(&pairs);
        json.expect("strings always have a form in JSON").into()
    }
}

/// `<type>[<attachments>-][<namespace>,][<ack id>]`, and the rest.
pub(super) struct Header<'a> {
    pub(super) kind: Kind,
    /// Binary messages that follow. 0 for the types that have none.
    pub(super) attachments: usize,
    pub(super) namespace: NamespaceId,
    /// Behind the namespace, in revision 4.
    pub(super) query: Option<Query<'a>>,
    pub(super) id: Option<AckId>,
    pub(super) payload: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
}

impl<'a> Header<'a> {
    pub(super) fn parse(
        text: &'a Text,
        revision: Revision,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        let (kind, binary, rest) = kind(text)?;
        let (attachments, rest) = if binary {
            attachments(rest, limits)?
        } else {
            (0, rest)
        };
        let (namespace, query, rest) = namespace(text, revision, rest)?;
        let (id, payload) = ack_id(rest)?;
        Ok(Self {
            kind,
            attachments,
            namespace,
            query,
            id,
            payload,
        })
    }
}

fn kind(text: &str) -> Result<(Kind, bool, &str), DecodeError> {
    let (kind, binary) = match text.as_bytes().first() {
        Some(b'0') => (Kind::Connect, false),
        Some(b'1') => (Kind::Disconnect, false),
        Some(b'2') => (Kind::Event, false),
        Some(b'3') => (Kind::Ack, false),
        Some(b'4') => (Kind::ConnectError, false),
        Some(b'5') => (Kind::Event, true),
        Some(b'6') => (Kind::Ack, true),
        _ => return Err(DecodeError::UnknownType),
    };
    Ok((kind, binary, text.get(1..).unwrap_or_default()))
}

fn attachments<'a>(text: &'a str, limits: &Limits) -> Result<(usize, &'a str), DecodeError> {
    let (digits, rest) = split_digits(text);
    let rest = rest
        .strip_prefix('-')
        .ok_or(DecodeError::InvalidAttachments)?;
    match number(digits) {
        None | Some(0) => Err(DecodeError::InvalidAttachments),
        Some(count) => match usize::try_from(count) {
            Ok(count) if count <= limits.attachments => Ok((count, rest)),
            _ => Err(DecodeError::TooManyAttachments),
        },
    }
}

/// Both `/chat,` and, at the end, `/chat` name a namespace. Without a slash it is `/`.
fn namespace<'a>(
    text: &Text,
    revision: Revision,
    rest: &'a str,
) -> Result<(NamespaceId, Option<Query<'a>>, &'a str), DecodeError> {
    if !rest.starts_with('/') {
        return Ok((NamespaceId::ROOT, None, rest));
    }
    let (name, rest) = rest.split_once(',').unwrap_or((rest, ""));
    let (namespace, query) = namespace_and_query(text, revision, name)?;
    Ok((namespace, query, rest))
}

/// The namespace `name`, a slice of `text`; in revision 4 its query apart.
pub(in crate::parser) fn namespace_and_query<'a>(
    text: &Text,
    revision: Revision,
    name: &'a str,
) -> Result<(NamespaceId, Option<Query<'a>>), DecodeError> {
    let (name, query) = match (revision, name.split_once('?')) {
        (Revision::V4, Some((name, query))) => (name, Some(query)),
        _ => (name, None),
    };
    if query.map_or(0, str::len) > QUERY_BYTES {
        return Err(DecodeError::InvalidNamespace);
    }
    let namespace =
        NamespaceId::parse(text.share(name)).map_err(|_| DecodeError::InvalidNamespace)?;
    Ok((namespace, query.map(Query)))
}

fn ack_id(rest: &str) -> Result<(Option<AckId>, &str), DecodeError> {
    let (digits, payload) = split_digits(rest);
    if digits.is_empty() {
        return Ok((None, payload));
    }
    let id = number(digits)
        .and_then(AckId::new)
        .ok_or(DecodeError::InvalidAckId)?;
    Ok((Some(id), payload))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// 1 to 16 digits.
fn number(digits: &str) -> Option<u64> {
    if digits.len() > 16 {
        return None;
    }
    digits.parse().ok()
}

//! [`Decoder`]: text and its attachments to packets.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use engineio::{Data, Text};
use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::header::{Header, Kind, Query};
use crate::args::{RawArgs, Spans};
use crate::error::DecodeError;
use crate::id::NamespaceId;
use crate::limits::Limits;
use crate::packet::{Body, Packet, Revision, is_reserved};
use crate::parser::scan;

#[derive(Debug)]
pub(in crate::parser) struct Decoder {
    limits: Limits,
    revision: Revision,
    /// In a place of its own: most connections have none.
    assembly: Option<Box<Assembly>>,
}

/// A packet that lacks attachments.
#[derive(Debug)]
struct Assembly {
    namespace: NamespaceId,
    arguments: Arguments,
    attachments: Vec<Bytes>,
    expected: usize,
    bytes: usize,
}

/// An event or an ack, apart from its attachments.
#[derive(Debug)]
struct Arguments {
    /// The body, with arguments that are still empty.
    body: Body,
    text: Text,
    spans: Spans,
}

impl Decoder {
    pub(in crate::parser) fn new(limits: Limits) -> Self {
        Self {
            limits,
            revision: Revision::V5,
            assembly: None,
        }
    }

    pub(in crate::parser) fn revision(self, revision: Revision) -> Self {
        Self { revision, ..self }
    }

    pub(in crate::parser) fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError> {
        match (self.assembly.take(), data) {
            (None, Data::Text(text)) => self.text(&text),
            (None, Data::Binary(_)) => Err(DecodeError::UnexpectedBinary),
            (Some(_), Data::Text(_)) => Err(DecodeError::UnexpectedText),
            (Some(assembly), Data::Binary(bytes)) => self.attachment(assembly, bytes),
        }
    }

    pub(in crate::parser) fn assembling(&self) -> Option<&NamespaceId> {
        self.assembly.as_ref().map(|assembly| &assembly.namespace)
    }

    pub(in crate::parser) fn buffered(&self) -> usize {
        self.assembly.as_ref().map_or(0, |assembly| assembly.bytes)
    }

    fn text(&mut self, text: &Text) -> Result<Option<Packet>, DecodeError> {
        if text.len() > self.limits.packet_bytes || u32::try_from(text.len()).is_err() {
            return Err(DecodeError::TooLarge);
        }
        let header = Header::parse(text, self.revision, &self.limits)?;
        let namespace = header.namespace.clone();
        let expected = header.attachments;
        let body = match (header.kind, header.id) {
            (Kind::Event | Kind::Ack, _) => {
                let arguments = arguments(text, &header, &self.limits)?;
                if expected > 0 {
                    self.assembly = Some(Box::new(Assembly {
                        namespace,
                        arguments,
                        attachments: Vec::new(),
                        expected,
                        bytes: text.len(),
                    }));
                    return Ok(None);
                }
                arguments.complete(None)
            }
            (_, Some(_)) => return Err(DecodeError::InvalidAckId),
            (Kind::Connect, None) if self.revision == Revision::V4 => Body::Connect {
                payload: header.query.map(Query::json),
            },
            (Kind::Connect, None) if header.payload.is_empty() => Body::Connect { payload: None },
            (Kind::Connect, None) => Body::Connect {
                payload: Some(document(text, header.payload, "{", &self.limits)?),
            },
            (Kind::Disconnect, None) if header.payload.is_empty() => Body::Disconnect,
            (Kind::Disconnect, None) => return Err(DecodeError::InvalidPayload),
            (Kind::ConnectError, None) => Body::ConnectError {
                payload: document(text, header.payload, "{\"", &self.limits)?,
            },
        };
        Ok(Some(Packet { namespace, body }))
    }

    fn attachment(
        &mut self,
        mut assembly: Box<Assembly>,
        bytes: Bytes,
    ) -> Result<Option<Packet>, DecodeError> {
        assembly.bytes = assembly.bytes.saturating_add(bytes.len());
        if assembly.bytes > self.limits.packet_bytes {
            return Err(DecodeError::TooLarge);
        }
        // mostly it is the only one, and needs no list
        let attachments = if assembly.expected == 1 {
            [bytes].into()
        } else {
            assembly.attachments.push(bytes);
            if assembly.attachments.len() < assembly.expected {
                self.assembly = Some(assembly);
                return Ok(None);
            }
            assembly.attachments.into()
        };
        Ok(Some(Packet {
            namespace: assembly.namespace,
            body: assembly.arguments.complete(Some(attachments)),
        }))
    }
}

impl Arguments {
    fn complete(self, attachments: Option<Arc<[Bytes]>>) -> Body {
        let args = RawArgs::new(self.text, self.spans, attachments);
        match self.body {
            Body::Event { name, ack, .. } => Body::Event { name, args, ack },
            Body::Ack { id, .. } => Body::Ack { id, args },
            other => other,
        }
    }
}

/// A payload that is one JSON value and starts with one of `openings`.
fn document(
    text: &Text,
    payload: &str,
    openings: &str,
    limits: &Limits,
) -> Result<Text, DecodeError> {
    if !payload.starts_with(|c| openings.contains(c)) {
        return Err(DecodeError::InvalidPayload);
    }
    let value: &RawValue =
        serde_json::from_str(payload).map_err(|_| DecodeError::InvalidPayload)?;
    scan::depth(payload.as_bytes(), limits.depth)?;
    Ok(text.share(value.get()))
}

/// The payload of an event or an ack: one validating pass that finds the arguments.
fn arguments(text: &Text, header: &Header<'_>, limits: &Limits) -> Result<Arguments, DecodeError> {
    let payload = header.payload;
    if !payload.starts_with('[') {
        return Err(DecodeError::InvalidPayload);
    }
    let args = RawArgs::default();
    let (body, spans) = match (header.kind, header.id) {
        (Kind::Ack, None) => return Err(DecodeError::InvalidAckId),
        (Kind::Ack, Some(id)) => (Body::Ack { id, args }, split(payload, false, limits)?.1),
        (_, ack) => {
            let (name, spans) = split(payload, true, limits)?;
            let name = event_name(text, name.ok_or(DecodeError::InvalidName)?)?;
            (Body::Event { name, args, ack }, spans)
        }
    };
    match header.attachments {
        0 => scan::depth(payload.as_bytes(), limits.depth)?,
        count => scan::placeholders(payload.as_bytes(), limits.depth, count)?,
    }
    Ok(Arguments {
        body,
        text: text.share(payload),
        spans,
    })
}

fn event_name(text: &Text, json: &str) -> Result<Text, DecodeError> {
    let name = match json.as_bytes() {
        [b'"', inside @ .., b'"'] if inside.contains(&b'\\') => {
            serde_json::from_str::<String>(json)
                .map_err(|_| DecodeError::InvalidName)?
                .into()
        }
        [b'"', .., b'"'] => text.share(json.get(1..json.len() - 1).unwrap_or_default()),
        [b'-' | b'0'..=b'9', ..] => text.share(json),
        _ => return Err(DecodeError::InvalidName),
    };
    if is_reserved(&name) {
        return Err(DecodeError::ReservedName);
    }
    Ok(name)
}

/// Finds the elements of the JSON array `array`, the first of them apart if it is `named`.
fn split<'a>(
    array: &'a str,
    named: bool,
    limits: &Limits,
) -> Result<(Option<&'a str>, Spans), DecodeError> {
    let mut json = serde_json::Deserializer::from_str(array);
    let too_many = Cell::new(false);
    let elements = Elements {
        array,
        named,
        most: limits.arguments,
        too_many: &too_many,
    };
    let elements = json
        .deserialize_seq(elements)
        .map_err(|_| match too_many.get() {
            true => DecodeError::TooManyArguments,
            false => DecodeError::InvalidPayload,
        })?;
    json.end().map_err(|_| DecodeError::InvalidPayload)?;
    Ok(elements)
}

struct Elements<'a, 'b> {
    array: &'a str,
    named: bool,
    /// So many at most; serde's error cannot say that there are more.
    most: usize,
    too_many: &'b Cell<bool>,
}

impl<'a> Visitor<'a> for Elements<'a, '_> {
    type Value = (Option<&'a str>, Spans);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut name = None;
        if self.named {
            name = seq.next_element::<&RawValue>()?.map(RawValue::get);
        }
        let mut spans = Spans::default();
        while let Some(element) = seq.next_element::<&RawValue>()? {
            if spans.len() >= self.most {
                self.too_many.set(true);
                return Err(A::Error::custom("too many"));
            }
            let span = span(self.array, element.get());
            spans.push(span.ok_or_else(|| A::Error::custom("longer than 4 GiB"))?);
        }
        Ok((name, spans))
    }
}

/// Where `part`, a slice of `whole`, lies in it.
fn span(whole: &str, part: &str) -> Option<(u32, u32)> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
}

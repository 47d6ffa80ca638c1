//! [`Decoder`]: text and its attachments to packets.

use bytes::Bytes;
use engineio::{Data, Text};

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
    packet: Packet,
    attachments: Vec<Bytes>,
    expected: usize,
    bytes: usize,
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
            (None, Data::Text(text)) => self.text(text),
            (None, Data::Binary(_)) => Err(DecodeError::UnexpectedBinary),
            (Some(_), Data::Text(_)) => Err(DecodeError::UnexpectedText),
            (Some(assembly), Data::Binary(bytes)) => self.attachment(assembly, bytes),
        }
    }

    pub(in crate::parser) fn assembling(&self) -> Option<&NamespaceId> {
        let assembly = self.assembly.as_ref()?;
        Some(&assembly.packet.namespace)
    }

    pub(in crate::parser) fn buffered(&self) -> usize {
        self.assembly.as_ref().map_or(0, |assembly| assembly.bytes)
    }

    fn text(&mut self, text: Text) -> Result<Option<Packet>, DecodeError> {
        if text.len() > self.limits.packet_bytes || u32::try_from(text.len()).is_err() {
            return Err(DecodeError::TooLarge);
        }
        let header = Header::parse(&text, self.revision, &self.limits)?;
        let (namespace, attachments, bytes) = (header.namespace, header.attachments, text.len());
        let start = bytes - header.payload.len();
        let body = match (header.kind, header.id) {
            (Kind::Event | Kind::Ack, _) if !header.payload.starts_with('[') => {
                return Err(DecodeError::InvalidPayload);
            }
            (Kind::Event, ack) => {
                let (name, spans) = elements(header.payload, true, attachments, &self.limits)?;
                let name = event_name(&text, name.ok_or(DecodeError::InvalidName)?)?;
                let args = arguments(text, start, spans)?;
                Body::Event { name, args, ack }
            }
            (Kind::Ack, Some(id)) => {
                let (_, spans) = elements(header.payload, false, attachments, &self.limits)?;
                let args = arguments(text, start, spans)?;
                Body::Ack { id, args }
            }
            (Kind::Ack, None) | (_, Some(_)) => return Err(DecodeError::InvalidAckId),
            (Kind::Connect, None) if self.revision == Revision::V4 => Body::Connect {
                payload: header.query.map(Query::json),
            },
            (Kind::Connect, None) if header.payload.is_empty() => Body::Connect { payload: None },
            (Kind::Connect, None) => Body::Connect {
                payload: Some(document(&text, header.payload, "{", &self.limits)?),
            },
            (Kind::Disconnect, None) if header.payload.is_empty() => Body::Disconnect,
            (Kind::Disconnect, None) => return Err(DecodeError::InvalidPayload),
            (Kind::ConnectError, None) => Body::ConnectError {
                payload: document(&text, header.payload, "{\"", &self.limits)?,
            },
        };
        let packet = Packet { namespace, body };
        if attachments == 0 {
            return Ok(Some(packet));
        }
        self.assembly = Some(Box::new(Assembly {
            packet,
            attachments: Vec::new(),
            expected: attachments,
            bytes,
        }));
        Ok(None)
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
        let mut packet = assembly.packet;
        if let Body::Event { args, .. } | Body::Ack { args, .. } = &mut packet.body {
            args.attach(attachments);
        }
        Ok(Some(packet))
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
    scan::value(payload.as_bytes(), limits.depth)?;
    Ok(text.share(payload.trim_ascii_end()))
}

/// Where the elements of a payload lie in it, apart from the first one if that is a name.
fn elements<'a>(
    payload: &'a str,
    named: bool,
    attachments: usize,
    limits: &Limits,
) -> Result<(Option<&'a str>, Spans), DecodeError> {
    let mut name = None;
    let mut spans = Spans::default();
    scan::elements(payload.as_bytes(), limits.depth, attachments, |element| {
        if named && name.is_none() {
            name = payload.get(element);
            return Ok(());
        }
        if spans.len() >= limits.arguments {
            return Err(DecodeError::TooManyArguments);
        }
        let position = |at| u32::try_from(at).map_err(|_| DecodeError::TooLarge);
        spans.push((position(element.start)?, position(element.end)?));
        Ok(())
    })?;
    Ok((name, spans))
}

/// Arguments in the payload that starts there; they lack their attachments.
fn arguments(text: Text, start: usize, spans: Spans) -> Result<RawArgs, DecodeError> {
    let payload = text.into_tail(start).ok_or(DecodeError::InvalidPayload)?;
    Ok(RawArgs::new(payload, spans, None))
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

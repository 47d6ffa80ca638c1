//! [`Decoder`]: binary messages to packets.

use bytes::Bytes;
use engineio::{Data, Text};
use serde::Deserialize;

use super::json::Json;
use super::token::{Reader, Token};
use crate::error::DecodeError;
use crate::id::{AckId, NamespaceId};
use crate::limits::Limits;
use crate::packet::{Body, Packet, Revision, is_reserved};
use crate::parser::json::{Query, namespace_and_query};

#[derive(Debug)]
pub(in crate::parser) struct Decoder {
    limits: Limits,
    revision: Revision,
}

/// The members of a packet's map, each as it stands in the message. Of one that comes twice the
/// last counts, as in JavaScript.
#[derive(Default)]
struct Members<'a> {
    kind: Option<&'a [u8]>,
    nsp: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
}

/// What a client of revision 4 writes as JSON text: all but events and acks.
#[derive(Deserialize)]
struct Old {
    r#type: u8,
    nsp: String,
}

impl Decoder {
    pub(in crate::parser) fn new(limits: Limits) -> Self {
        let revision = Revision::V5;
        Self { limits, revision }
    }

    pub(in crate::parser) fn revision(self, revision: Revision) -> Self {
        Self { revision, ..self }
    }

    pub(in crate::parser) fn feed(&self, data: Data) -> Result<Packet, DecodeError> {
        if data.len() > self.limits.packet_bytes {
            return Err(DecodeError::TooLarge);
        }
        match (data, self.revision) {
            (Data::Binary(message), _) => self.packet(&message),
            (Data::Text(text), Revision::V4) => self.old(&text),
            (Data::Text(_), Revision::V5) => Err(DecodeError::UnexpectedText),
        }
    }

    fn packet(&self, message: &Bytes) -> Result<Packet, DecodeError> {
        let members = Members::read(message)?;
        let kind = match (token(members.kind)?, self.revision) {
            (Some(Token::Unsigned(kind @ 0..=4)), _) => kind,
            // with attachments, which mean nothing here
            (Some(Token::Unsigned(5)), Revision::V4) => 2,
            (Some(Token::Unsigned(6)), Revision::V4) => 3,
            _ => return Err(DecodeError::UnknownType),
        };
        let Some(Token::String(nsp)) = token(members.nsp)? else {
            return Err(DecodeError::InvalidNamespace);
        };
        let (namespace, query) = self.namespace(nsp)?;
        let id = match token(members.id)? {
            None => None,
            Some(Token::Unsigned(id)) => Some(AckId::new(id).ok_or(DecodeError::InvalidAckId)?),
            Some(_) => return Err(DecodeError::InvalidAckId),
        };
        if id.is_some() && !matches!(kind, 2 | 3) {
            return Err(DecodeError::InvalidAckId);
        }
        let head = token(members.data)?;
        let value = members.data.unwrap_or_default();
        let body = match (kind, head) {
            (0, None) => Body::Connect { payload: query },
            (0, Some(Token::Map(_))) if self.revision == Revision::V5 => Body::Connect {
                payload: Some(Json::document(message, value, &self.limits)?),
            },
            (1, None) => Body::Disconnect,
            (2 | 3, Some(Token::Array(count))) => {
                let event = kind == 2;
                self.arguments(message, event, id, count, value)?
            }
            (4, Some(Token::Map(_) | Token::String(_))) => Body::ConnectError {
                payload: Json::document(message, value, &self.limits)?,
            },
            _ => return Err(DecodeError::InvalidPayload),
        };
        Ok(Packet { namespace, body })
    }

    /// An event or an ack. `value` is an array of `count` values.
    fn arguments(
        &self,
        message: &Bytes,
        event: bool,
        id: Option<AckId>,
        count: usize,
        value: &[u8],
    ) -> Result<Body, DecodeError> {
        let mut reader = Reader::new(value);
        reader.token()?;
        if !event {
            let id = id.ok_or(DecodeError::InvalidAckId)?;
            let args = Json::arguments(message, &mut reader, count, &self.limits)?;
            return Ok(Body::Ack { id, args });
        }
        let rest = count.checked_sub(1).ok_or(DecodeError::InvalidName)?;
        let name = match reader.token()? {
            Token::String(name) => Text::from(name),
            Token::Unsigned(number) => number.to_string().into(),
            Token::Signed(number) => number.to_string().into(),
            Token::Float(number) if number.is_finite() => {
                let name = serde_json::to_string(&number).map_err(|_| DecodeError::InvalidName)?;
                name.into()
            }
            _ => return Err(DecodeError::InvalidName),
        };
        if is_reserved(&name) {
            return Err(DecodeError::ReservedName);
        }
        let args = Json::arguments(message, &mut reader, rest, &self.limits)?;
        Ok(Body::Event {
            name,
            args,
            ack: id,
        })
    }

    /// The namespace, and what follows from the query behind it.
    fn namespace(&self, nsp: &str) -> Result<(NamespaceId, Option<Text>), DecodeError> {
        let (namespace, query) = namespace_and_query(&nsp.into(), self.revision, nsp)?;
        Ok((namespace, query.map(Query::json)))
    }

    fn old(&self, text: &str) -> Result<Packet, DecodeError> {
        let Old { r#type, nsp } = serde_json::from_str(text).map_err(|_| DecodeError::Malformed)?;
        let (namespace, query) = self.namespace(&nsp)?;
        let body = match r#type {
            0 => Body::Connect { payload: query },
            1 => Body::Disconnect,
            _ => return Err(DecodeError::UnknownType),
        };
        Ok(Packet { namespace, body })
    }
}

impl<'a> Members<'a> {
    fn read(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let Token::Map(count) = reader.token()? else {
            return Err(DecodeError::Malformed);
        };
        let mut members = Self::default();
        for _ in 0..count {
            let name = reader.token()?;
            let value = reader.skip()?;
            match name {
                Token::String("type") => members.kind = Some(value),
                Token::String("nsp") => members.nsp = Some(value),
                Token::String("id") => members.id = Some(value),
                Token::String("data") => members.data = Some(value),
                // clients write `options`, too
                Token::String(_) => {}
                _ => return Err(DecodeError::Malformed),
            }
        }
        if !reader.is_at_end() {
            return Err(DecodeError::Malformed);
        }
        Ok(members)
    }
}

/// The head of a member; `undefined` is as good as none.
fn token(value: Option<&[u8]>) -> Result<Option<Token<'_>>, DecodeError> {
    let token = value.map(|value| Reader::new(value).token()).transpose()?;
    Ok(token.filter(|token| *token != Token::Undefined))
}

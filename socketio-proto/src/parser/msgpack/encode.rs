//! Packets to binary messages.

use std::borrow::Cow;

use engineio::{Batch, FrameWriter};
use rmp::encode;

use super::shapes::{self, Shape};
use super::tokens::{Token, Tokens};
use crate::args::RawArgs;
use crate::error::EncodeError;
use crate::id::{AckId, NamespaceId};
use crate::packet::{Body, Packet};

pub(in crate::parser) fn packet(packet: &Packet) -> Result<Batch, EncodeError> {
    let namespace = &packet.namespace;
    let mut out = Writer(FrameWriter::binary_with_capacity(118));
    match &packet.body {
        Body::Connect { payload: None } => out.head(0, namespace, None, false)?,
        Body::Connect {
            payload: Some(json),
        } => {
            out.head(0, namespace, None, true)?;
            out.document(json)?;
        }
        Body::Disconnect => out.head(1, namespace, None, false)?,
        Body::Event { name, args, ack } => {
            out.head(2, namespace, *ack, true)?;
            out.array(args.len() + 1)?;
            out.string(name)?;
            out.arguments(args)?;
        }
        Body::Ack { id, args } => {
            out.head(3, namespace, Some(*id), true)?;
            out.array(args.len())?;
            out.arguments(args)?;
        }
        Body::ConnectError { payload } => {
            out.head(4, namespace, None, true)?;
            out.document(payload)?;
        }
    }
    Ok(out.0.finish().into())
}

struct Writer(FrameWriter);

const IN_MEMORY: &str = "a frame in memory takes everything";

impl Writer {
    /// Everything up to the value of `data`.
    fn head(
        &mut self,
        kind: u64,
        namespace: &NamespaceId,
        id: Option<AckId>,
        data: bool,
    ) -> Result<(), EncodeError> {
        self.map(2 + usize::from(id.is_some()) + usize::from(data))?;
        self.string("type")?;
        self.unsigned(kind);
        self.string("nsp")?;
        self.string(namespace.as_str())?;
        if let Some(id) = id {
            self.string("id")?;
            self.unsigned(id.get());
        }
        if data {
            self.string("data")?;
        }
        Ok(())
    }

    fn document(&mut self, json: &str) -> Result<(), EncodeError> {
        let shapes = shapes(std::iter::once(json), 0)?;
        self.json(json, &mut shapes.into_iter(), &RawArgs::default())
    }

    fn arguments(&mut self, args: &RawArgs) -> Result<(), EncodeError> {
        let mut shapes = shapes(args.iter(), args.attachments().len())?.into_iter();
        for argument in args.iter() {
            self.json(argument, &mut shapes, args)?;
        }
        Ok(())
    }

    /// Writes a value whose arrays and objects have these shapes.
    fn json(
        &mut self,
        json: &str,
        shapes: &mut impl Iterator<Item = Shape>,
        args: &RawArgs,
    ) -> Result<(), EncodeError> {
        let mut tokens = Tokens::new(json.as_bytes());
        while let Some(token) = tokens.next() {
            match token {
                Token::Array | Token::Object => match shapes.next() {
                    Some(Shape::Array(len)) => self.array(len)?,
                    Some(Shape::Object(len)) => self.map(len)?,
                    Some(Shape::Attachment(number)) => {
                        let bytes = args.attachments().get(number);
                        self.bytes(bytes.map(|bytes| &bytes[..]).unwrap_or_default())?;
                        tokens.find(|token| *token == Token::End);
                    }
                    None => unreachable!("every array and every object has a shape"),
                },
                Token::End => {}
                Token::Key(text) | Token::String(text) => self.string(&unescaped(text)?)?,
                Token::Scalar(scalar) => self.scalar(scalar)?,
            }
        }
        Ok(())
    }

    fn scalar(&mut self, scalar: &[u8]) -> Result<(), EncodeError> {
        match scalar {
            b"null" => encode::write_nil(&mut self.0).expect(IN_MEMORY),
            b"true" => encode::write_bool(&mut self.0, true).expect(IN_MEMORY),
            b"false" => encode::write_bool(&mut self.0, false).expect(IN_MEMORY),
            number => self.number(number)?,
        }
        Ok(())
    }

    /// An integer if the text is one that 64 bits can hold, else a double.
    fn number(&mut self, number: &[u8]) -> Result<(), EncodeError> {
        let text = std::str::from_utf8(number).unwrap_or_default();
        if let Ok(number) = text.parse() {
            self.unsigned(number);
        } else if let Ok(number @ ..0) = text.parse() {
            encode::write_sint(&mut self.0, number).expect(IN_MEMORY);
        } else {
            match text.parse() {
                Ok(number) if f64::is_finite(number) => {
                    encode::write_f64(&mut self.0, number).expect(IN_MEMORY);
                }
                _ => return Err(no_form(&format!("the number {text} is beyond a double"))),
            }
        }
        Ok(())
    }

    fn unsigned(&mut self, number: u64) {
        encode::write_uint(&mut self.0, number).expect(IN_MEMORY);
    }

    fn string(&mut self, text: &str) -> Result<(), EncodeError> {
        encode::write_str_len(&mut self.0, length(text.len())?).expect(IN_MEMORY);
        self.0.push_str(text);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        encode::write_bin_len(&mut self.0, length(bytes.len())?).expect(IN_MEMORY);
        self.0.push_bytes(bytes);
        Ok(())
    }

    fn array(&mut self, len: usize) -> Result<(), EncodeError> {
        encode::write_array_len(&mut self.0, length(len)?).expect(IN_MEMORY);
        Ok(())
    }

    fn map(&mut self, len: usize) -> Result<(), EncodeError> {
        encode::write_map_len(&mut self.0, length(len)?).expect(IN_MEMORY);
        Ok(())
    }
}

fn shapes<'a>(
    values: impl Iterator<Item = &'a str>,
    attachments: usize,
) -> Result<Vec<Shape>, EncodeError> {
    shapes::shapes(values, attachments).map_err(|_| EncodeError::Placeholder)
}

/// The text of a string in JSON, given without its quotes.
fn unescaped(string: &[u8]) -> Result<Cow<'_, str>, EncodeError> {
    if !string.contains(&b'\\') {
        let text = std::str::from_utf8(string).map_err(|error| no_form(&error.to_string()))?;
        return Ok(text.into());
    }
    let quoted = [b"\"", string, b"\""].concat();
    let text: String =
        serde_json::from_slice(&quoted).map_err(|error| no_form(&error.to_string()))?;
    Ok(text.into())
}

fn length(len: usize) -> Result<u32, EncodeError> {
    u32::try_from(len).map_err(|_| EncodeError::TooLarge)
}

fn no_form(what: &str) -> EncodeError {
    EncodeError::Serialize(what.into())
}

//! MessagePack to JSON text and attachments.

use std::io::Write as _;

use bytes::Bytes;
use engineio::Text;

use super::date::Date;
use super::token::{Reader, Token};
use crate::args::{RawArgs, Spans};
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::parser::scan;

/// JSON that grows value by value, from the parts of one message.
pub(super) struct Json<'a> {
    message: &'a Bytes,
    limits: &'a Limits,
    text: Vec<u8>,
    spans: Spans,
    /// Where bytes go; without it they are arrays of numbers.
    attachments: Option<Vec<Bytes>>,
    /// Bytes of the attachments.
    attached: usize,
}

/// An array or object that is not closed yet.
struct Level {
    object: bool,
    first: bool,
    left: usize,
}

impl<'a> Json<'a> {
    /// One value, which may have no attachments.
    pub(super) fn document(
        message: &'a Bytes,
        value: &'a [u8],
        limits: &'a Limits,
    ) -> Result<Text, DecodeError> {
        let mut json = Self::new(message, limits, None);
        json.value(&mut Reader::new(value), limits.depth)?;
        json.finish().map(|(text, ..)| text)
    }

    /// As many values, one for each argument.
    pub(super) fn arguments(
        message: &'a Bytes,
        reader: &mut Reader<'a>,
        count: usize,
        limits: &'a Limits,
    ) -> Result<RawArgs, DecodeError> {
        let mut json = Self::new(message, limits, Some(Vec::new()));
        // the array in which they stand is a level, too
        let depth = limits.depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        if count > limits.arguments {
            return Err(DecodeError::TooManyArguments);
        }
        json.text.push(b'[');
        for index in 0..count {
            if index > 0 {
                json.text.push(b',');
            }
            let start = json.position()?;
            json.value(reader, depth)?;
            let end = json.position()?;
            json.spans.push((start, end));
        }
        json.text.push(b']');
        let (text, spans, attachments) = json.finish()?;
        let attachments = (!attachments.is_empty()).then(|| attachments.into());
        Ok(RawArgs::new(text, spans, attachments))
    }

    fn new(message: &'a Bytes, limits: &'a Limits, attachments: Option<Vec<Bytes>>) -> Self {
        Self {
            message,
            limits,
            text: Vec::new(),
            spans: Spans::default(),
            attachments,
            attached: 0,
        }
    }

    fn position(&self) -> Result<u32, DecodeError> {
        u32::try_from(self.text.len()).map_err(|_| DecodeError::TooLarge)
    }

    /// Writes the next value of `reader`.
    fn value(&mut self, reader: &mut Reader<'a>, depth: usize) -> Result<(), DecodeError> {
        let mut levels: Vec<Level> = Vec::new();
        loop {
            let token = reader.token()?;
            let opened = match token {
                Token::Array(left) => Some((b'[', false, left)),
                Token::Map(left) => Some((b'{', true, left)),
                _ => None,
            };
            // the array that stands for an extension is a level as well
            let deepest = opened.is_some() || matches!(token, Token::Extension(..));
            if deepest && levels.len() >= depth {
                return Err(DecodeError::TooDeep);
            }
            match opened {
                Some((bracket, object, left)) => {
                    self.text.push(bracket);
                    let first = true;
                    levels.push(Level {
                        object,
                        first,
                        left,
                    });
                }
                None => self.leaf(token),
            }
            // what is complete now is closed; then comes the next value of what is open
            while let Some(level) = levels.last_mut() {
                if level.left == 0 {
                    self.text.push(if level.object { b'}' } else { b']' });
                    levels.pop();
                    continue;
                }
                level.left -= 1;
                if !std::mem::take(&mut level.first) {
                    self.text.push(b',');
                }
                if level.object {
                    self.key(reader.token()?)?;
                }
                break;
            }
            if self.text.len() + self.attached > self.limits.packet_bytes {
                return Err(DecodeError::TooLarge);
            }
            if levels.is_empty() {
                return Ok(());
            }
        }
    }

    /// What is no array and no map.
    fn leaf(&mut self, token: Token<'a>) {
        match token {
            Token::Nil | Token::Undefined | Token::Array(_) | Token::Map(_) => self.null(),
            Token::Bool(value) => self.write(format_args!("{value}")),
            Token::Unsigned(number) => self.write(format_args!("{number}")),
            Token::Signed(number) => self.write(format_args!("{number}")),
            // JSON has no others, and JavaScript makes `null` of them
            Token::Float(number) if number.is_finite() => {
                serde_json::to_writer(&mut self.text, &number).expect(IN_MEMORY);
            }
            Token::Float(_) => self.null(),
            Token::String(text) => serde_json::to_writer(&mut self.text, text).expect(IN_MEMORY),
            Token::Date(time) => match Date::new(time) {
                Some(date) => self.write(format_args!("\"{date}\"")),
                None => self.null(),
            },
            Token::Bytes(bytes) => self.bytes(bytes),
            Token::Extension(kind, bytes) => {
                self.write(format_args!("[{kind},"));
                self.bytes(bytes);
                self.text.push(b']');
            }
        }
    }

    fn null(&mut self) {
        self.text.extend_from_slice(b"null");
    }

    fn bytes(&mut self, bytes: &'a [u8]) {
        let Some(attachments) = &mut self.attachments else {
            return serde_json::to_writer(&mut self.text, bytes).expect(IN_MEMORY);
        };
        let number = attachments.len();
        attachments.push(self.message.slice_ref(bytes));
        self.attached += bytes.len();
        self.write(format_args!("{{\"_placeholder\":true,\"num\":{number}}}"));
    }

    /// Keys are strings, or integers that become strings as in JavaScript.
    fn key(&mut self, token: Token<'a>) -> Result<(), DecodeError> {
        match token {
            Token::String(text) => serde_json::to_writer(&mut self.text, text).expect(IN_MEMORY),
            Token::Unsigned(number) => self.write(format_args!("\"{number}\"")),
            Token::Signed(number) => self.write(format_args!("\"{number}\"")),
            _ => return Err(DecodeError::InvalidPayload),
        }
        self.text.push(b':');
        Ok(())
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect(IN_MEMORY);
    }

    fn finish(self) -> Result<(Text, Spans, Vec<Bytes>), DecodeError> {
        let mut attachments = self.attachments.unwrap_or_default();
        if !attachments.is_empty() {
            scan::elements(&self.text, usize::MAX, attachments.len(), |_| Ok(()))?;
        }
        // a few bytes shall not keep a large message in memory, which nobody would count
        if self.attached < self.message.len() / 2 {
            let mut all = Vec::with_capacity(self.attached);
            attachments
                .iter()
                .for_each(|bytes| all.extend_from_slice(bytes));
            let mut all = Bytes::from(all);
            for bytes in &mut attachments {
                *bytes = all.split_to(bytes.len());
            }
        }
        let text = Text::from_utf8(self.text.into()).map_err(|_| DecodeError::Malformed)?;
        Ok((text, self.spans, attachments))
    }
}

const IN_MEMORY: &str = "a buffer in memory takes everything";

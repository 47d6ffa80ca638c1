//! [`ArgsWriter`]: arguments on their way into a message, and their bytes into attachments.

use std::fmt;
use std::io;

use engineio::{Frame, FrameWriter};
use serde::Serialize;
use serde_json::ser::Formatter;

use super::{RawArgs, Spans, Value};
use crate::error::EncodeError;

/// Takes the arguments of one packet, in order.
///
/// Bytes at any depth of a value (everything that serialises through `serialize_bytes`, such as
/// [`Binary`](super::Binary)) become attachments, numbered in order of their appearance.
pub struct ArgsWriter<'a> {
    text: &'a mut FrameWriter,
    attachments: Vec<Frame>,
    max_attachments: usize,
    comma: bool,
    spans: Option<Spans>,
}

impl<'a> ArgsWriter<'a> {
    pub(crate) fn new(text: &'a mut FrameWriter, max_attachments: usize) -> Self {
        Self {
            text,
            attachments: Vec::new(),
            max_attachments,
            comma: false,
            spans: None,
        }
    }

    /// Something stands before the first argument.
    pub(crate) fn after_name(mut self) -> Self {
        self.comma = true;
        self
    }

    /// Remembers where the arguments lie.
    pub(crate) fn recording(mut self) -> Self {
        self.spans = Some(Spans::default());
        self
    }

    pub(crate) fn finish(self) -> (Vec<Frame>, Spans) {
        (self.attachments, self.spans.unwrap_or_default())
    }

    /// Writes one argument.
    ///
    /// # Errors
    /// The value does not serialise, or has too many attachments.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.argument(|out| {
            let formatter = Placeholders {
                attachments: &mut out.attachments,
                max: out.max_attachments,
            };
            let mut serializer = serde_json::Serializer::with_formatter(&mut *out.text, formatter);
            value.serialize(&mut serializer).map_err(|error| {
                if error.is_io() {
                    EncodeError::TooManyAttachments
                } else {
                    EncodeError::Serialize(error.to_string().into())
                }
            })
        })
    }

    /// Writes all arguments of `args`, as they are.
    ///
    /// # Errors
    /// Too many attachments.
    pub fn raw(&mut self, args: &RawArgs) -> Result<(), EncodeError> {
        let attachments = args.attachments();
        if attachments.len() > self.max_attachments.saturating_sub(self.attachments.len()) {
            return Err(EncodeError::TooManyAttachments);
        }
        if !attachments.is_empty() && !self.attachments.is_empty() {
            return self.renumbered(args);
        }
        for argument in args.iter() {
            self.argument(|out| {
                out.text.push_str(argument);
                Ok(())
            })?;
        }
        for attachment in attachments {
            self.attachments.push(Frame::binary(attachment));
        }
        Ok(())
    }

    /// Attachments stand before these: their placeholders need other numbers.
    fn renumbered(&mut self, args: &RawArgs) -> Result<(), EncodeError> {
        for index in 0..args.len() {
            let value: Value = args
                .value(index)
                .map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
            self.value(&value)?;
        }
        Ok(())
    }

    fn argument(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.comma {
            self.text.push_str(",");
        }
        self.comma = true;
        let start = self.position()?;
        write(self)?;
        let end = self.position()?;
        if let Some(spans) = &mut self.spans {
            spans.push((start, end));
        }
        Ok(())
    }

    /// Bytes of text so far, without the packet type of the message.
    fn position(&self) -> Result<u32, EncodeError> {
        u32::try_from(self.text.content_len() - 1).map_err(|_| EncodeError::TooLarge)
    }
}

impl fmt::Debug for ArgsWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgsWriter")
            .field("bytes", &self.text.content_len())
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}

/// Compact JSON, with a placeholder where bytes were. Its only I/O error is too many of them.
struct Placeholders<'a> {
    attachments: &'a mut Vec<Frame>,
    max: usize,
}

impl Formatter for Placeholders<'_> {
    fn write_byte_array<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        bytes: &[u8],
    ) -> io::Result<()> {
        let number = self.attachments.len();
        if number == self.max {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.attachments.push(Frame::binary(bytes));
        write!(writer, r#"{{"_placeholder":true,"num":{number}}}"#)
    }
}

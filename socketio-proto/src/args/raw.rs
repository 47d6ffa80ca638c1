//! [`RawArgs`]: arguments as they came, found but not decoded.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use engineio::{FrameWriter, Text};
use serde::de::DeserializeOwned;

use super::{ArgsWriter, FromArgs, IntoArgs, binary};
use crate::error::{ArgsError, EncodeError};

/// Undecoded arguments: slices of JSON text, and the attachments that placeholders in them
/// (`{"_placeholder":true,"num":0}`) stand for.
///
/// What a decoder gives out is valid JSON, and its placeholders name every attachment exactly
/// once. Clones share the memory. This form is the same whatever parser the peer uses, so it may
/// be kept, relayed and compared.
#[derive(Clone, Default)]
pub struct RawArgs {
    text: Text,
    spans: Spans,
    attachments: Option<Arc<[Bytes]>>,
}

impl RawArgs {
    pub(crate) fn new(text: Text, spans: Spans, attachments: Option<Arc<[Bytes]>>) -> Self {
        Self {
            text,
            spans,
            attachments,
        }
    }

    /// Adds what the placeholders stand for.
    pub(crate) fn attach(&mut self, attachments: Arc<[Bytes]>) {
        self.attachments = Some(attachments);
    }

    /// Encodes `payload`. The limit on attachments applies when the result is sent.
    ///
    /// # Errors
    /// A value does not serialise.
    pub fn encode<P: IntoArgs + ?Sized>(payload: &P) -> Result<Self, EncodeError> {
        let mut text = FrameWriter::text();
        let mut out = ArgsWriter::new(&mut text, usize::MAX).recording();
        payload.write_args(&mut out)?;
        let (frames, spans) = out.finish();
        let frame = text.finish();
        // behind the packet type that every text message starts with
        let content = frame.payload().get(1..).unwrap_or_default();
        let text = Text::from_utf8(frame.wire().slice_ref(content))
            .map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
        let attachments = frames
            .iter()
            .map(|frame| frame.wire().slice_ref(frame.payload()));
        let attachments = (!frames.is_empty()).then(|| attachments.collect());
        Ok(Self::new(text, spans, attachments))
    }

    /// How many arguments there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no argument.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The JSON text of the argument `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        let (start, end) = self.spans.get(index)?;
        self.text.as_str().get(start as usize..end as usize)
    }

    /// The JSON texts of the arguments in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The attachments in order.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        self.attachments.as_deref().unwrap_or_default()
    }

    /// Bytes that this value keeps in memory: for the accounting of queues.
    #[must_use]
    pub fn size(&self) -> usize {
        let attachments: usize = self.attachments().iter().map(Bytes::len).sum();
        self.text.len() + self.spans.heap_bytes() + attachments
    }

    /// Reads all arguments as `A`.
    ///
    /// # Errors
    /// The first argument that does not have its type.
    pub fn read<A: FromArgs>(&self) -> Result<A, ArgsError> {
        A::from_args(self)
    }

    /// Reads the argument `index`, or `null` when there are not so many.
    ///
    /// # Errors
    /// The argument does not have this type.
    pub fn value<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgsError> {
        let text = self.get(index).unwrap_or("null");
        binary::with_attachments(self.attachments.clone(), || serde_json::from_str(text))
            .map_err(|error| ArgsError::new(index, error))
    }
}

impl PartialEq for RawArgs {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter()) && self.attachments() == other.attachments()
    }
}

impl Eq for RawArgs {}

impl fmt::Debug for RawArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for argument in self.iter() {
            list.entry(&format_args!("{argument}"));
        }
        for attachment in self.attachments() {
            list.entry(&format_args!("{} bytes", attachment.len()));
        }
        list.finish()
    }
}

/// Where the arguments lie in the text: in place for up to three, on the heap beyond.
#[derive(Clone, Debug)]
pub(crate) enum Spans {
    Few { len: u8, spans: [(u32, u32); 3] },
    Many(Vec<(u32, u32)>),
}

impl Default for Spans {
    fn default() -> Self {
        Self::Few {
            len: 0,
            spans: [(0, 0); 3],
        }
    }
}

impl Spans {
    pub(crate) fn push(&mut self, span: (u32, u32)) {
        match self {
            Self::Few { len, spans } => match spans.get_mut(usize::from(*len)) {
                Some(free) => {
                    *free = span;
                    *len += 1;
                }
                None => {
                    let mut many = Vec::with_capacity(8);
                    many.extend_from_slice(spans);
                    many.push(span);
                    *self = Self::Many(many);
                }
            },
            Self::Many(spans) => spans.push(span),
        }
    }

    fn get(&self, index: usize) -> Option<(u32, u32)> {
        match self {
            Self::Few { len, spans } => spans.get(..usize::from(*len))?.get(index),
            Self::Many(spans) => spans.get(index),
        }
        .copied()
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few { len, .. } => usize::from(*len),
            Self::Many(spans) => spans.len(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Few { .. } => 0,
            Self::Many(spans) => spans.capacity() * size_of::<(u32, u32)>(),
        }
    }
}

//! [`Batch`]: frames that belong together.

use super::{Data, Frame};

/// A packet and its attachments: taken or refused whole, adjacent on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    first: Frame,
    rest: Vec<Frame>,
}

impl Batch {
    /// A message followed by others that belong to it.
    #[must_use]
    pub fn new(first: Frame, rest: Vec<Frame>) -> Self {
        Self { first, rest }
    }

    /// The frames in order.
    pub fn iter(&self) -> impl Iterator<Item = &Frame> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// Each frame replaced by another.
    #[cfg(feature = "server")]
    pub(crate) fn map(self, mut f: impl FnMut(Frame) -> Frame) -> Self {
        Self {
            first: f(self.first),
            rest: self.rest.into_iter().map(f).collect(),
        }
    }

    /// Bytes that the batch takes in an outgoing queue.
    #[must_use]
    pub fn size(&self) -> usize {
        self.iter().map(Frame::len).sum()
    }
}

impl From<Frame> for Batch {
    fn from(first: Frame) -> Self {
        Self {
            first,
            rest: Vec::new(),
        }
    }
}

impl From<Data> for Batch {
    fn from(data: Data) -> Self {
        Frame::message(&data).into()
    }
}

impl IntoIterator for Batch {
    type Item = Frame;
    type IntoIter = std::iter::Chain<std::iter::Once<Frame>, std::vec::IntoIter<Frame>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.first).chain(self.rest)
    }
}

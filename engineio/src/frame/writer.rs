//! [`FrameWriter`]: builds a message in place.

use std::cell::Cell;
use std::io;
use std::ops::Range;

use bytes::Bytes;

use super::{Frame, HEADROOM, OPCODE_BINARY, OPCODE_TEXT, seal, write_header};

/// Frames up to this size are built in the thread's buffer and copied out of it: one allocation
/// of the right size, where a growing buffer takes several and keeps more than it needs.
const SCRATCH_BYTES: usize = 8 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Builds a [`Frame`] in place: the content is written once, the header goes before it.
#[derive(Debug)]
pub struct FrameWriter {
    buf: Vec<u8>,
    opcode: u8,
}

impl FrameWriter {
    /// A text message. What is written must be UTF-8 as a whole.
    #[must_use]
    pub fn text() -> Self {
        Self::text_with_capacity(118)
    }

    /// A text message of about `capacity` bytes.
    #[must_use]
    pub fn text_with_capacity(capacity: usize) -> Self {
        let mut writer = Self::with_capacity(1 + capacity, OPCODE_TEXT);
        writer.buf.push(b'4');
        writer
    }

    /// A binary message of about `capacity` bytes.
    #[must_use]
    pub fn binary_with_capacity(capacity: usize) -> Self {
        Self::with_capacity(capacity, OPCODE_BINARY)
    }

    fn with_capacity(capacity: usize, opcode: u8) -> Self {
        let mut buf = SCRATCH.take();
        buf.clear();
        buf.reserve(HEADROOM + capacity);
        buf.resize(HEADROOM, 0);
        Self { buf, opcode }
    }

    /// Appends text.
    pub fn push_str(&mut self, text: &str) {
        self.buf.extend_from_slice(text.as_bytes());
    }

    /// Appends bytes: of a binary message, or a piece of the UTF-8 of a text message.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Bytes of content written so far, the packet type of a text message included.
    #[must_use]
    pub fn content_len(&self) -> usize {
        self.buf.len() - HEADROOM
    }

    /// What was written so far, the packet type of a text message included.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        self.buf.get(HEADROOM..).unwrap_or_default()
    }

    /// Puts other content in the place of `range`, counted as in [`FrameWriter::content`]. What lies outside of what was
    /// written is left out of it.
    pub fn replace(&mut self, range: Range<usize>, with: &str) {
        let len = self.content_len();
        let end = range.end.min(len);
        let start = range.start.min(end);
        self.buf
            .splice(HEADROOM + start..HEADROOM + end, with.bytes())
            .for_each(drop);
    }

    /// The finished message.
    #[must_use]
    pub fn finish(self) -> Frame {
        debug_assert!(
            self.opcode == OPCODE_BINARY || std::str::from_utf8(&self.buf).is_ok(),
            "a text message is UTF-8"
        );
        let Self { mut buf, opcode } = self;
        if buf.len() > SCRATCH_BYTES {
            return seal(buf, opcode);
        }
        let header = write_header(&mut buf, opcode);
        let start = HEADROOM - usize::from(header);
        let wire = Bytes::copy_from_slice(buf.get(start..).unwrap_or_default());
        SCRATCH.set(buf);
        Frame {
            wire,
            header,
            shared: false,
        }
    }
}

impl io::Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push_bytes(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.push_bytes(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_large_message_does_not_stay_with_the_thread() {
        for len in [100, SCRATCH_BYTES, 100 * SCRATCH_BYTES] {
            let mut writer = FrameWriter::text();
            writer.push_str(&"x".repeat(len));
            assert_eq!(writer.finish().payload().len(), 1 + len);
            let scratch = SCRATCH.take();
            assert!(scratch.capacity() <= 2 * SCRATCH_BYTES, "{len}");
            SCRATCH.set(scratch);
        }
    }
}

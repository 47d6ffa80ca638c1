//! Buffers of the thread, lent to whoever reads or writes: a connection has none of its own.

use std::cell::Cell;

/// What one read may bring.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// Frames are copied together up to this many bytes for one write.
#[cfg(feature = "server")]
pub(crate) const JOIN_BYTES: usize = 64 * 1024;
/// A frame of so many is written as it is: to copy it would cost more than a write does.
#[cfg(feature = "server")]
pub(crate) const LARGE_BYTES: usize = 16 * 1024;
/// What a client masks at a time: what a write leaves of it stays with the connection.
#[cfg(feature = "client")]
pub(crate) const MASK_BYTES: usize = 16 * 1024;

thread_local! {
    static READ: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static JOIN: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends [`READ_BYTES`] of any content.
pub(crate) fn lend_read<T>(to: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = READ.take();
    buffer.resize(READ_BYTES, 0);
    let result = to(&mut buffer);
    READ.set(buffer);
    result
}

/// Lends an empty buffer to copy frames into.
pub(crate) fn lend_join<T>(to: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut buffer = JOIN.take();
    buffer.clear();
    let result = to(&mut buffer);
    JOIN.set(buffer);
    result
}

//! [`copied`]: small messages in one allocation.

use bytes::Bytes;

/// A message in memory of its own. A vector behind `Bytes` has a second allocation from the first clone on, and every
/// message is cloned; small ones stand in the same allocation as their counter.
pub(super) fn copied(content: &[u8]) -> Bytes {
    match content.len() {
        ..=64 => Inline::<64>::bytes(content),
        65..=128 => Inline::<128>::bytes(content),
        129..=256 => Inline::<256>::bytes(content),
        257..=512 => Inline::<512>::bytes(content),
        _ => Bytes::copy_from_slice(content),
    }
}

struct Inline<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Inline<N> {
    fn bytes(content: &[u8]) -> Bytes {
        let (mut bytes, len) = ([0; N], content.len());
        match bytes.get_mut(..len) {
            Some(place) => place.copy_from_slice(content),
            None => return Bytes::copy_from_slice(content),
        }
        Bytes::from_owner(Self { bytes, len })
    }
}

impl<const N: usize> AsRef<[u8]> for Inline<N> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

//! [`Binary`]: bytes anywhere in a typed payload.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that travel as an attachment of the packet, anywhere in a payload.
///
/// On the wire the JSON has `{"_placeholder":true,"num":0}` in their place, and a binary message
/// follows. Reading shares the message's memory. With a serializer of another purpose they are
/// what that makes of bytes; `serde_json` alone makes an array of numbers, which is read as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binary(pub Bytes);

impl Deref for Binary {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(BinaryVisitor)
        } else {
            deserializer.deserialize_byte_buf(BinaryVisitor)
        }
    }
}

struct BinaryVisitor;

impl<'de> Visitor<'de> for BinaryVisitor {
    type Value = Binary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("binary data")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Binary, E> {
        Ok(Binary(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Binary, E> {
        Ok(Binary(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Binary, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Binary(bytes.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Binary, A::Error> {
        let (mut claims, mut number) = (false, None);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Placeholder => claims = map.next_value()?,
                Key::Num => number = Some(map.next_value::<u64>()?),
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        number
            .filter(|_| claims)
            .and_then(attachment)
            .map(Binary)
            .ok_or_else(|| Error::custom("expected binary data, found an object"))
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "_placeholder")]
    Placeholder,
    #[serde(rename = "num")]
    Num,
    #[serde(other)]
    Other,
}

thread_local! {
    /// The attachments of the packet that this thread is reading. `Deserialize` has no room for
    /// a context of its own, least of all through `flatten` and untagged enums.
    static ATTACHMENTS: RefCell<Option<Arc<[Bytes]>>> = const { RefCell::new(None) };
}

/// Calls `read` with `attachments` in reach of placeholders; what was there before comes back,
/// also when `read` panics.
pub(super) fn with_attachments<R>(
    attachments: Option<Arc<[Bytes]>>,
    read: impl FnOnce() -> R,
) -> R {
    struct Restore(Option<Arc<[Bytes]>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            ATTACHMENTS.replace(self.0.take());
        }
    }
    let _restore = Restore(ATTACHMENTS.replace(attachments));
    read()
}

/// The attachment `number` of the packet that is being read.
pub(super) fn attachment(number: u64) -> Option<Bytes> {
    let number = usize::try_from(number).ok()?;
    ATTACHMENTS.with_borrow(|attachments| attachments.as_ref()?.get(number).cloned())
}

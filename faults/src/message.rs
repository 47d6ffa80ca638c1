//! [`Message`]: what the parties of a run send each other.

use std::iter::repeat_n;

use serde::{Deserialize, Serialize};
use socketio_client::Binary;
use testkit::ledger::{What, hash};

/// A number, text that is not all ASCII, and sometimes an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) n: u64,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<Binary>,
}

impl Message {
    /// The message of that number; some have `size` bytes more.
    pub(crate) fn new(n: u64, size: usize) -> Self {
        let with_bytes = n % 5 == 3;
        let byte = u8::try_from(n % 251).unwrap_or_default();
        Self {
            n,
            text: repeat_n("né", usize::try_from(n % 4).unwrap_or_default()).collect(),
            bytes: with_bytes.then(|| vec![byte; 3 + size].into()),
        }
    }

    /// The same without attachments, for those who read text alone.
    pub(crate) fn text(n: u64) -> Self {
        Self {
            bytes: None,
            ..Self::new(n, 0)
        }
    }

    fn hash(&self) -> u64 {
        let mut bytes = self.n.to_le_bytes().to_vec();
        bytes.extend(self.text.as_bytes());
        bytes.extend(self.bytes.iter().flat_map(|bytes| bytes.iter()));
        hash(&bytes)
    }

    pub(crate) fn sent(&self) -> What {
        What::Sent {
            channel: 0,
            seq: self.n,
            hash: self.hash(),
        }
    }

    pub(crate) const fn refused(&self) -> What {
        What::Refused {
            channel: 0,
            seq: self.n,
        }
    }

    pub(crate) fn received(&self) -> What {
        What::Received {
            channel: 0,
            seq: self.n,
            hash: self.hash(),
        }
    }
}

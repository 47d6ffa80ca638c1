//! JSON text, and a binary message for each attachment.
//!
//! ```text
//! <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]      then one binary message for each
//! 0{"sid":"…"}      2["name",1]      3/chat,7["answer"]       attachment, in order
//! 51-/chat,7["name",{"_placeholder":true,"num":0}]
//! ```
//! (socket.io-protocol v5, "Packet encoding".)

mod decode;
mod encode;
mod header;

pub(super) use decode::Decoder;
pub(super) use encode::{ack, event, packet};
#[cfg(feature = "msgpack")]
pub(super) use header::{Query, namespace_and_query};

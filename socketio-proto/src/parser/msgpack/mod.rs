//! Each packet as one binary message, the MessagePack map `{type, nsp, id?, data?}`.
//!
//! What `socket.io-msgpack-parser` 3 of npm speaks, on the extension types of its encoder,
//! notepack.io. Bytes stand in their places, so that there are no attachments on this wire, and no
//! limit to their number; the bytes of a packet count in both of its forms. Clients of revision 4
//! write CONNECT and DISCONNECT as JSON text, and read either.

mod date;
mod decode;
mod encode;
mod json;
mod shapes;
mod token;
mod tokens;

pub(super) use decode::Decoder;
pub(super) use encode::packet;

#[cfg(test)]
mod tests;

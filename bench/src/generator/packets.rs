//! The messages of the benchmark, numbered so that each can be told from all others.

use std::fmt::Write as _;

use crate::Outcome;

/// What an attachment has.
pub(crate) const ATTACHMENT: usize = 4096;
const PLACEHOLDER: &str = "{\"_placeholder\":true,\"num\":0}";

/// A string of 100 bytes with its quotes not counted.
pub(crate) fn payload(number: u64) -> String {
    format!("\"{number:010}{:x<90}\"", "")
}

/// An event that asks for its answer: `id` and number are one.
pub(crate) fn echo(number: u64, out: &mut String) {
    out.clear();
    write!(out, "42{number}[\"echo\",{}]", payload(number)).ok();
}

/// The answer that it must get.
pub(crate) fn echoed(number: u64, out: &mut String) {
    out.clear();
    write!(out, "43{number}[{}]", payload(number)).ok();
}

/// The text of an echo with an attachment.
pub(crate) fn binary(number: u64) -> String {
    format!("451-{number}[\"echo\",{PLACEHOLDER}]")
}

/// The text that must come back.
pub(crate) fn binary_echoed(number: u64) -> String {
    format!("461-{number}[{PLACEHOLDER}]")
}

/// The attachment of that number, in place of another one.
pub(crate) fn renumber(attachment: &mut [u8], number: u64) {
    if let Some(first) = attachment.first_chunk_mut() {
        *first = number.to_le_bytes();
    }
}

/// The id in a message of that packet type, and what is behind it.
pub(crate) fn id<'a>(message: &'a [u8], packet: &[u8]) -> Outcome<(u64, &'a [u8])> {
    let strange = || format!("not expected: {}", shown(message));
    let mut rest = message.strip_prefix(packet).ok_or_else(strange)?;
    let mut id = 0_u64;
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        id = id.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = behind;
    }
    Ok((id, rest))
}

/// The beginning of a message, for what is told of it.
pub(crate) fn shown(message: &[u8]) -> String {
    String::from_utf8_lossy(message.get(..200).unwrap_or(message)).into_owned()
}

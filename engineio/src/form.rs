//! The form encoding of query strings and HTML forms: pairs, percent-encoded.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Splits and percent-decodes a query string. A key without `=` has the empty value.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    // every request comes by here, and most have no escape in them at all
    let is_sign = |byte| (byte == b'%') | (byte == b'+');
    let escaped = query.bytes().fold(false, |any, byte| any | is_sign(byte));
    let decode = move |text| match escaped {
        true => Cow::Owned(unescape(text)),
        false => Cow::Borrowed(text),
    };
    let mut rest = query;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let (pair, tail) = cut(rest, b'&');
            rest = tail;
            if !pair.is_empty() {
                let (key, value) = cut(pair, b'=');
                return Some((decode(key), decode(value)));
            }
        }
    })
}

/// What is before the first `sign`, and what is behind it. The texts are short: a plain loop is
/// at their end before `str::split_once` has set up its search.
fn cut(text: &str, sign: u8) -> (&str, &str) {
    let at = text.bytes().position(|byte| byte == sign);
    at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)))
        .unwrap_or((text, ""))
}

/// `%41` is `A` and `+` a blank; what is no escape stays as it is.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Escapes a key or value for a query string.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_percent_decoded() {
        let read = |query| pairs(query).collect::<Vec<_>>();
        let pair = |key, value| (Cow::Borrowed(key), Cow::Borrowed(value));
        assert_eq!(read("%26a=%26%3D%3Fa"), [pair("&a", "&=?a")]);
        assert_eq!(
            read("a&b=&=c&&"),
            [pair("a", ""), pair("b", ""), pair("", "c")]
        );
        assert_eq!(
            read("a=%zz%4&b=1+2"),
            [pair("a", "%zz%4"), pair("b", "1 2")]
        );
        let copied = |query| pairs(query).any(|(_, value)| matches!(value, Cow::Owned(_)));
        assert!(copied("a=1+2") && !copied("a=1&b=2"));
        assert_eq!(escape("&=?a é"), "%26%3D%3Fa%20%C3%A9");
    }
}

//! Long-polling by script tags (JSONP), of clients that speak revision 3: the answer to a GET is
//! a call of a function of the page, a POST is an HTML form.

use std::fmt::Write as _;
use std::str::FromStr;

use bytes::Bytes;

use crate::DecodeError;
use crate::form::pairs;

/// Longest number of a function.
const MAX_DIGITS: usize = 10;

/// Which of the page's functions an answer calls: 1 to 10 digits, as the client sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callback {
    digits: [u8; MAX_DIGITS],
    len: u8,
}

/// The text does not name a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 10 digits")]
pub struct InvalidCallback;

impl FromStr for Callback {
    type Err = InvalidCallback;

    fn from_str(text: &str) -> Result<Self, InvalidCallback> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidCallback);
        }
        let mut digits = [0; MAX_DIGITS];
        let target = digits.get_mut(..text.len()).ok_or(InvalidCallback)?;
        target.copy_from_slice(text.as_bytes());
        let len = text.len() as u8;
        Ok(Self { digits, len })
    }
}

impl Callback {
    /// The script that hands a payload to the page.
    ///
    /// Besides what JSON escapes, it escapes what ends a line in JavaScript, and what could begin
    /// a tag or a comment where somebody mistakes the script for HTML.
    #[must_use]
    pub fn script(self, payload: &str) -> String {
        let mut out = String::with_capacity(payload.len() + 32);
        out.push_str("___eio[");
        out.extend(
            self.digits
                .iter()
                .take(usize::from(self.len))
                .map(|digit| char::from(*digit)),
        );
        out.push_str("](\"");
        for c in payload.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                c if c.is_control() || matches!(c, '<' | '>' | '\u{2028}' | '\u{2029}') => {
                    // all of them are in the first plane
                    write!(out, "\\u{:04x}", c as u32).expect("writing to a string cannot fail");
                }
                c => out.push(c),
            }
        }
        out.push_str("\");");
        out
    }
}

/// The payload in the body of a POST: `d=…`, form-encoded.
///
/// The client writes a line feed as `\n` and what was `\n` before as `\\n`, because browsers
/// change line feeds in forms.
///
/// # Errors
/// There is no such field, or more than one.
pub fn payload_of_form(body: &[u8]) -> Result<Bytes, DecodeError> {
    let body = std::str::from_utf8(body).map_err(|_| DecodeError::InvalidUtf8)?;
    let mut fields = pairs(body).filter(|(key, _)| key == "d");
    let (Some((_, data)), None) = (fields.next(), fields.next()) else {
        return Err(DecodeError::InvalidForm);
    };
    let mut out = String::with_capacity(data.len());
    let mut rest = &*data;
    while let Some((before, _)) = rest.split_once('\\') {
        let tail = rest.get(before.len()..).unwrap_or_default();
        out.push_str(before);
        let (meant, tail) = if let Some(tail) = tail.strip_prefix("\\\\n") {
            ("\\n", tail)
        } else if let Some(tail) = tail.strip_prefix("\\n") {
            ("\n", tail)
        } else {
            ("\\", tail.get(1..).unwrap_or_default())
        };
        out.push_str(meant);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out.into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_a_short_number() {
        for good in ["0", "7", "0123456789"] {
            let callback: Callback = good.parse().unwrap();
            assert_eq!(callback.script(""), format!("___eio[{good}](\"\");"));
        }
        for bad in ["", "a", "-1", "1]", "01234567890", "١", "0x1", " 1"] {
            assert_eq!(bad.parse::<Callback>(), Err(InvalidCallback), "{bad}");
        }
    }

    #[test]
    fn a_script_is_one_call_with_one_string() {
        let callback: Callback = "3".parse().unwrap();
        for (payload, string) in [
            ("6:4hello", "6:4hello"),
            ("\"\\\n\r\t\0", "\\\"\\\\\\n\\u000d\\u0009\\u0000"),
            ("\u{2028}\u{2029}\u{85}é🦀", "\\u2028\\u2029\\u0085é🦀"),
            ("</script><!--", "\\u003c/script\\u003e\\u003c!--"),
        ] {
            assert_eq!(
                callback.script(payload),
                format!("___eio[3](\"{string}\");")
            );
        }
    }

    #[test]
    fn a_form_gives_its_payload_with_line_feeds_restored() {
        let read = |body: &str| payload_of_form(body.as_bytes());
        for (body, payload) in [
            ("d=6%3A4hello", "6:4hello"),
            ("d=4+x%2B%C3%A9", "4 x+é"),
            ("d=a%5Cnb", "a\nb"),
            ("d=a%5C%5Cnb", "a\\nb"),
            ("d=%5C%5C%5Cn", "\\\\n"),
            ("d=%5C%22x%5C", "\\\"x\\"),
            ("x=1&d=", ""),
        ] {
            assert_eq!(read(body), Ok(Bytes::from(payload.to_owned())), "{body}");
        }
        assert_eq!(read(""), Err(DecodeError::InvalidForm));
        assert_eq!(read("D=1"), Err(DecodeError::InvalidForm));
        assert_eq!(read("d=1&d=2"), Err(DecodeError::InvalidForm));
        assert_eq!(payload_of_form(b"d=\xff"), Err(DecodeError::InvalidUtf8));
    }
}

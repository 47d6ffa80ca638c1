//! The tokens of JSON that is known to be valid, undecoded and in order.

/// A piece of JSON. Strings and keys are without their quotes, escapes as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Array,
    Object,
    /// Of the array or object that was opened last.
    End,
    Key(&'a [u8]),
    String(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Scalar(&'a [u8]),
}

pub(super) struct Tokens<'a>(&'a [u8]);

impl<'a> Tokens<'a> {
    pub(super) fn new(json: &'a [u8]) -> Self {
        Self(json)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    #[inline]
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let (&byte, tail) = self.0.split_first()?;
            let token = match byte {
                b'[' => Token::Array,
                b'{' => Token::Object,
                b']' | b'}' => Token::End,
                b'"' => {
                    let (string, tail) = tail.split_at(string_len(tail));
                    self.0 = tail.get(1..).unwrap_or_default();
                    // only a key has a colon behind it
                    return Some(if self.0.trim_ascii_start().starts_with(b":") {
                        Token::Key(string)
                    } else {
                        Token::String(string)
                    });
                }
                b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                    let len = tail.iter().position(|byte| b",]} \t\r\n".contains(byte));
                    let (scalar, rest) = self.0.split_at(1 + len.unwrap_or(tail.len()));
                    self.0 = rest;
                    return Some(Token::Scalar(scalar));
                }
                _ => {
                    self.0 = tail;
                    continue;
                }
            };
            self.0 = tail;
            return Some(token);
        }
    }
}

/// Bytes up to the quote that ends a string.
fn string_len(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::Token::*;
    use super::*;

    #[test]
    fn tokens_come_in_order() {
        let json = br#" { "a\"}" : [ -1.5e3,true ,"x\\" ], "b":{}, "":"c" } "#;
        let tokens: Vec<_> = Tokens::new(json).collect();
        let expected = [
            Object,
            Key(b"a\\\"}"),
            Array,
            Scalar(b"-1.5e3"),
            Scalar(b"true"),
            String(b"x\\\\"),
            End,
            Key(b"b"),
            Object,
            End,
            Key(b""),
            String(b"c"),
            End,
        ];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn what_is_cut_off_ends() {
        for json in [&b"\"abc"[..], b"12", b"\"a\\", b"[", b""] {
            assert!(Tokens::new(json).count() <= 1, "{json:?}");
        }
    }
}

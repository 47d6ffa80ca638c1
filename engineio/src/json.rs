//! Just enough JSON for what a server says of itself: the handshake and the bodies of errors.
//!
//! The protocol has no other JSON, and a parser of a hundred lines is less than a dependency of
//! a crate that has four. It is strict (RFC 8259), and what it builds is bounded by its input.

use std::iter::Peekable;
use std::str::Chars;

/// Nothing that a server says is longer.
const MAX_LEN: usize = 16 * 1024;
/// Values inside values.
const MAX_DEPTH: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// `None`: negative, with a fraction, or larger than this.
    Number(Option<u64>),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
    /// `true`, `false` or `null`.
    Word,
}

/// The members of an object, in order; `None` when the text is anything else.
pub(crate) fn object(text: &str) -> Option<Vec<(String, Value)>> {
    if text.len() > MAX_LEN {
        return None;
    }
    let chars = text.chars().peekable();
    let mut reader = Reader { chars };
    let value = reader.value(0)?;
    reader.skip_space();
    match (value, reader.chars.next()) {
        (Value::Object(members), None) => Some(members),
        _ => None,
    }
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        while self
            .take(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
            .is_some()
        {}
    }

    fn take(&mut self, fits: impl Fn(char) -> bool) -> Option<char> {
        self.chars.next_if(|c| fits(*c))
    }

    /// One character with space around it.
    fn mark(&mut self, mark: char) -> Option<()> {
        self.skip_space();
        self.take(|c| c == mark).map(|_| ())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match *self.chars.peek()? {
            '{' => self.members(depth).map(Value::Object),
            '[' => self.items(depth).map(Value::Array),
            '"' => self.string().map(Value::String),
            't' => self.word("true"),
            'f' => self.word("false"),
            'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn members(&mut self, depth: usize) -> Option<Vec<(String, Value)>> {
        self.mark('{')?;
        let mut members = Vec::new();
        if self.mark('}').is_some() {
            return Some(members);
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.mark(':')?;
            members.push((key, self.value(depth + 1)?));
            if self.mark(',').is_none() {
                return self.mark('}').map(|()| members);
            }
        }
    }

    fn items(&mut self, depth: usize) -> Option<Vec<Value>> {
        self.mark('[')?;
        let mut items = Vec::new();
        if self.mark(']').is_some() {
            return Some(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.mark(',').is_none() {
                return self.mark(']').map(|()| items);
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<Value> {
        for expected in word.chars() {
            self.take(|c| c == expected)?;
        }
        Some(Value::Word)
    }

    fn number(&mut self) -> Option<Value> {
        let mut whole = self.take(|c| c == '-').is_none();
        let integer = match self.take(|c| c == '0') {
            Some(zero) => zero.to_string(),
            None => self.digits()?,
        };
        if self.take(|c| c == '.').is_some() {
            self.digits()?;
            whole = false;
        }
        if self.take(|c| matches!(c, 'e' | 'E')).is_some() {
            self.take(|c| matches!(c, '+' | '-'));
            self.digits()?;
            whole = false;
        }
        let number = integer.parse().ok().filter(|_| whole);
        Some(Value::Number(number))
    }

    /// At least one.
    fn digits(&mut self) -> Option<String> {
        let mut digits = String::new();
        while let Some(digit) = self.take(|c| c.is_ascii_digit()) {
            digits.push(digit);
        }
        Some(digits).filter(|digits| !digits.is_empty())
    }

    fn string(&mut self) -> Option<String> {
        self.take(|c| c == '"')?;
        let mut text = String::new();
        loop {
            match self.chars.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                c if c < ' ' => return None,
                c => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.chars.next()? {
            c @ ('"' | '\\' | '/') => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                self.take(|c| c == '\\')?;
                self.take(|c| c == 'u')?;
                let pair = [first as u16, self.unit()? as u16];
                return char::decode_utf16(pair).next()?.ok();
            }
            _ => return None,
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit * 16 + self.chars.next()?.to_digit(16)?;
        }
        Some(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_json_is() {
        let text = " {\"a\" : [1, -2, 0.5, 1e3, 18446744073709551616 ,\"x\\u00e9\\ud83d\\ude00\\n\"],\
                    \"b\":{}, \"c\":[],\"d\":null,\"e\":true , \"f\":false } ";
        let none = || Value::Number(None);
        let list = vec![
            Value::Number(Some(1)),
            none(),
            none(),
            none(),
            none(),
            Value::String("xé😀\n".to_owned()),
        ];
        let member = |key: &str, value| (key.to_owned(), value);
        assert_eq!(
            object(text).unwrap(),
            [
                member("a", Value::Array(list)),
                member("b", Value::Object(Vec::new())),
                member("c", Value::Array(Vec::new())),
                member("d", Value::Word),
                member("e", Value::Word),
                member("f", Value::Word),
            ]
        );
    }

    #[test]
    fn refuses_what_it_is_not() {
        for text in [
            "",
            "1",
            "[]",
            "{",
            "{}x",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":[1,]}",
            "{\"a\":01}",
            "{\"a\":+1}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":1e}",
            "{\"a\":tru}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}",
            "{'a':1}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\ud800\\u0041\"}",
            "{\"a\":\"\\udc00\"}",
            "{\"a\":\"",
        ] {
            assert_eq!(object(text), None, "{text}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let nested = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(&nested(MAX_DEPTH)).is_some());
        assert!(object(&nested(MAX_DEPTH + 1)).is_none());
        assert!(object(&nested(4000)).is_none());
        let long = |len: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(len - 8));
        assert!(object(&long(16_384)).is_some());
        assert!(object(&long(16_385)).is_none());
    }

    #[test]
    fn every_escape_stands_for_its_character() {
        let text = r#"{"a":"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"}"#;
        let string = "\"\\/\u{8}\u{c}\n\r\tA😀".to_owned();
        let expected = ("a".to_owned(), Value::String(string));
        assert_eq!(object(text).unwrap(), [expected]);
    }
}

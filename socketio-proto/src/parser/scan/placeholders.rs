//! [`Placeholders`]: the objects that stand for attachments.

use super::lexer::Quoted;
use crate::error::DecodeError;

/// Which of a packet's attachments were named by an object of its JSON.
pub(super) struct Placeholders {
    count: usize,
    seen: usize,
    /// A bit for each of the first 64.
    few: u64,
    more: Vec<bool>,
}

impl Placeholders {
    /// Without attachments such objects are data like others.
    pub(super) fn of(count: usize) -> Self {
        Self {
            count,
            seen: 0,
            few: 0,
            more: vec![false; count.saturating_sub(64)],
        }
    }

    /// An array or object ends that has these members.
    pub(super) fn closed(&mut self, members: Members) -> Result<(), DecodeError> {
        if self.count == 0 || !members.claims {
            return Ok(());
        }
        let number = members.number.filter(|_| members.count == 2);
        let number = number.and_then(|number| usize::try_from(number).ok());
        match number.is_some_and(|number| number < self.count && self.is_new(number)) {
            true => Ok(()),
            false => Err(DecodeError::InvalidPlaceholder),
        }
    }

    /// Notes one, and tells whether it is the first time.
    fn is_new(&mut self, number: usize) -> bool {
        let new = match number.checked_sub(64) {
            None => {
                let bit = 1 << number;
                let new = self.few & bit == 0;
                self.few |= bit;
                new
            }
            Some(index) => {
                let seen = self.more.get_mut(index);
                seen.is_some_and(|seen| !std::mem::replace(seen, true))
            }
        };
        self.seen += usize::from(new);
        new
    }

    pub(super) fn end(&self) -> Result<(), DecodeError> {
        match self.seen == self.count {
            true => Ok(()),
            false => Err(DecodeError::InvalidPlaceholder),
        }
    }
}

/// What is known of an open object's members.
#[derive(Clone, Copy, Default)]
pub(super) struct Members {
    /// 3 stands for more.
    count: u8,
    /// The name that was read last.
    key: Key,
    claims: bool,
    number: Option<u32>,
}

impl Members {
    /// A member begins.
    pub(super) fn named(&mut self, name: Quoted<'_>) {
        self.count = (self.count + 1).min(3);
        self.key = key(name);
    }

    pub(super) fn wants_value(self) -> bool {
        self.key != Key::Other
    }

    pub(super) fn set_value(&mut self, scalar: &[u8]) {
        match self.key {
            Key::Placeholder => self.claims |= scalar == b"true",
            Key::Num => self.number = number(scalar),
            Key::Other => {}
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::parser) enum Key {
    #[default]
    Other,
    Placeholder,
    Num,
}

/// What the name of a member means.
pub(in crate::parser) fn key(name: Quoted<'_>) -> Key {
    let plain = |name: &[u8]| match name {
        b"_placeholder" => Key::Placeholder,
        b"num" => Key::Num,
        _ => Key::Other,
    };
    match name.is_escaped {
        false => plain(name.content),
        true => name
            .decode()
            .map_or(Key::Other, |name| plain(name.as_bytes())),
    }
}

fn number(scalar: &[u8]) -> Option<u32> {
    std::str::from_utf8(scalar).ok()?.parse().ok()
}

//! The tokens of MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>).

use rmp::Marker;

use crate::error::DecodeError;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// Below zero.
    Signed(i64),
    Float(f64),
    String(&'a str),
    Bytes(&'a [u8]),
    /// So many values follow.
    Array(usize),
    /// So many keys follow, each with its value.
    Map(usize),
    /// JavaScript's, an extension of notepack.io.
    Undefined,
    /// Milliseconds since 1970, an extension of notepack.io.
    Date(i64),
    Extension(i8, &'a [u8]),
}

/// Reads one token after the other, and never believes a length.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// The next token.
    pub(super) fn token(&mut self) -> Result<Token<'a>, DecodeError> {
        let [marker] = self.array()?;
        Ok(match Marker::from_u8(marker) {
            Marker::Null => Token::Nil,
            Marker::Reserved => return Err(DecodeError::Malformed),
            Marker::False => Token::Bool(false),
            Marker::True => Token::Bool(true),
            Marker::FixPos(number) => Token::Unsigned(number.into()),
            Marker::FixNeg(number) => Token::Signed(number.into()),
            Marker::U8 => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            Marker::I8 => integer(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => integer(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => integer(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => integer(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Token::Float(f32::from_be_bytes(self.array()?).into()),
            Marker::F64 => Token::Float(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(len) => self.string(len.into())?,
            Marker::Str8 => self.length8().and_then(|len| self.string(len))?,
            Marker::Str16 => self.length16().and_then(|len| self.string(len))?,
            Marker::Str32 => self.length32().and_then(|len| self.string(len))?,
            Marker::Bin8 => self.length8().and_then(|len| self.bytes(len))?,
            Marker::Bin16 => self.length16().and_then(|len| self.bytes(len))?,
            Marker::Bin32 => self.length32().and_then(|len| self.bytes(len))?,
            Marker::FixArray(len) => self.values(len.into())?,
            Marker::Array16 => self.length16().and_then(|len| self.values(len))?,
            Marker::Array32 => self.length32().and_then(|len| self.values(len))?,
            Marker::FixMap(len) => self.members(len.into())?,
            Marker::Map16 => self.length16().and_then(|len| self.members(len))?,
            Marker::Map32 => self.length32().and_then(|len| self.members(len))?,
            Marker::FixExt1 => self.fixed(1)?,
            Marker::FixExt2 => self.fixed(2)?,
            Marker::FixExt4 => self.fixed(4)?,
            Marker::FixExt8 => self.fixed(8)?,
            Marker::FixExt16 => self.fixed(16)?,
            Marker::Ext8 => self.length8().and_then(|len| self.extension(len))?,
            Marker::Ext16 => self.length16().and_then(|len| self.extension(len))?,
            Marker::Ext32 => self.length32().and_then(|len| self.extension(len))?,
        })
    }

    /// Passes over a value, whatever it holds, and gives its bytes.
    pub(super) fn skip(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.0;
        let mut left: u64 = 1;
        while left > 0 {
            left -= 1;
            // each of these is at most the rest of the message, and so is their number
            match self.token()? {
                Token::Array(count) => left += count as u64,
                Token::Map(count) => left += 2 * count as u64,
                _ => {}
            }
        }
        let len = start.len() - self.0.len();
        Ok(start.get(..len).unwrap_or_default())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(DecodeError::Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (slice, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Malformed)?;
        self.0 = rest;
        Ok(slice)
    }

    fn length8(&mut self) -> Result<usize, DecodeError> {
        Ok(u8::from_be_bytes(self.array()?).into())
    }

    fn length16(&mut self) -> Result<usize, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?).into())
    }

    fn length32(&mut self) -> Result<usize, DecodeError> {
        let len = u32::from_be_bytes(self.array()?);
        usize::try_from(len).map_err(|_| DecodeError::Malformed)
    }

    fn string(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        let text = std::str::from_utf8(self.slice(len)?);
        text.map(Token::String).map_err(|_| DecodeError::Malformed)
    }

    fn bytes(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        self.slice(len).map(Token::Bytes)
    }

    /// A value takes at least a byte.
    fn values(&self, count: usize) -> Result<Token<'a>, DecodeError> {
        if count > self.0.len() {
            return Err(DecodeError::Malformed);
        }
        Ok(Token::Array(count))
    }

    fn members(&self, count: usize) -> Result<Token<'a>, DecodeError> {
        if count > self.0.len() / 2 {
            return Err(DecodeError::Malformed);
        }
        Ok(Token::Map(count))
    }

    /// An extension whose length is that of its marker.
    fn fixed(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(match (kind, len) {
            (0, 1) => {
                self.slice(1)?;
                Token::Undefined
            }
            (0, 8) => Token::Date(i64::from_be_bytes(self.array()?)),
            _ => Token::Extension(kind, self.slice(len)?),
        })
    }

    fn extension(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        let kind = i8::from_be_bytes(self.array()?);
        let bytes = self.slice(len)?;
        Ok(match kind {
            // an `ArrayBuffer` of notepack.io
            0 => Token::Bytes(bytes),
            _ => Token::Extension(kind, bytes),
        })
    }
}

fn integer(number: i64) -> Token<'static> {
    u64::try_from(number).map_or(Token::Signed(number), Token::Unsigned)
}

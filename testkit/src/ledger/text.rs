//! Lines as text: `AT CLIENT CONNECTION NAMESPACE SIDE WHAT…`, apart by one blank.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

use super::record::{How, Record, Side, What};

/// A text that is no line of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no line of a ledger: {:?}", self.0)
    }
}

impl std::error::Error for Unreadable {}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, nanos) = (self.at.as_secs(), self.at.subsec_nanos());
        let (client, connection) = (self.client, self.connection);
        write!(f, "{at}.{nanos:09} {client} {connection} ")?;
        escape(f, &self.namespace)?;
        write!(f, " {} ", self.side)?;
        match &self.what {
            What::Sent { channel, seq, hash } => write!(f, "sent {channel} {seq} {hash:016x}"),
            What::Refused { channel, seq } => write!(f, "refused {channel} {seq}"),
            What::Received { channel, seq, hash } => {
                write!(f, "received {channel} {seq} {hash:016x}")
            }
            What::AckWaited { id } => write!(f, "ack-waited {id}"),
            What::AckEnded { id, how } => write!(f, "ack-ended {id} {how}"),
            What::Connected { recovered } => write!(f, "connected {recovered}"),
            What::Disconnected { reason } => {
                f.write_str("disconnected ")?;
                escape(f, reason)
            }
            What::Broken => f.write_str("broken"),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "answered",
            Self::TimedOut => "timed-out",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
        })
    }
}

impl FromStr for Record {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        read(text).ok_or_else(|| Unreadable(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Record> {
    let mut words = text.split(' ');
    let (secs, nanos) = words.next()?.split_once('.')?;
    if nanos.len() != 9 {
        return None;
    }
    let nanos = nanos.parse().ok().filter(|nanos| *nanos < 1_000_000_000)?;
    let line = Record {
        at: Duration::new(secs.parse().ok()?, nanos),
        client: words.next()?.parse().ok()?,
        connection: words.next()?.parse().ok()?,
        namespace: unescape(words.next()?)?.into(),
        side: match words.next()? {
            "client" => Side::Client,
            "server" => Side::Server,
            _ => return None,
        },
        what: what(&mut words)?,
    };
    words.next().is_none().then_some(line)
}

fn what<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<What> {
    Some(match words.next()? {
        "sent" => {
            let (channel, seq, hash) = message(words)?;
            What::Sent { channel, seq, hash }
        }
        "received" => {
            let (channel, seq, hash) = message(words)?;
            What::Received { channel, seq, hash }
        }
        "refused" => What::Refused {
            channel: words.next()?.parse().ok()?,
            seq: words.next()?.parse().ok()?,
        },
        "ack-waited" => What::AckWaited {
            id: words.next()?.parse().ok()?,
        },
        "ack-ended" => What::AckEnded {
            id: words.next()?.parse().ok()?,
            how: match words.next()? {
                "answered" => How::Answered,
                "timed-out" => How::TimedOut,
                "disconnected" => How::Disconnected,
                "failed" => How::Failed,
                _ => return None,
            },
        },
        "connected" => What::Connected {
            recovered: words.next()?.parse().ok()?,
        },
        "disconnected" => What::Disconnected {
            reason: unescape(words.next()?)?.into(),
        },
        "broken" => What::Broken,
        _ => return None,
    })
}

fn message<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<(u32, u64, u64)> {
    let channel = words.next()?.parse().ok()?;
    let seq = words.next()?.parse().ok()?;
    let hash = u64::from_str_radix(words.next()?, 16).ok()?;
    Some((channel, seq, hash))
}

/// One word without blanks; a word of nothing is `%`.
fn escape(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if text.is_empty() {
        return f.write_char('%');
    }
    for char in text.chars() {
        match char {
            '%' => f.write_str("%25")?,
            _ if char.is_whitespace() || char.is_control() => {
                let mut bytes = [0; 4];
                for byte in char.encode_utf8(&mut bytes).bytes() {
                    write!(f, "%{byte:02x}")?;
                }
            }
            _ => f.write_char(char)?,
        }
    }
    Ok(())
}

fn unescape(word: &str) -> Option<String> {
    if word == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

//! Names and numbers that travel in packets. Each is its own type, so that none can be taken for
//! another.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engineio::{Sid, Text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a namespace: `/`, or `/` and up to 254 bytes without comma and control characters.
///
/// A query (`/chat?x=1`) is part of the name, except from clients that speak
/// [`Revision::V4`](crate::Revision::V4).
/// Clones share memory. A name that was read from a packet shares the packet's memory; use
/// [`NamespaceId::detached`] for what is kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceId(Text);

impl NamespaceId {
    /// The namespace `/`, which needs no mention on the wire.
    pub const ROOT: Self = Self(Text::from_static("/"));

    /// Makes a name, adding the leading slash where it is missing, as Node's `io.of` does.
    ///
    /// # Errors
    /// The name is longer than 255 bytes, or has a comma or a control character.
    pub fn new(name: impl Into<Text>) -> Result<Self, InvalidNamespace> {
        let name = name.into();
        if name.starts_with('/') {
            Self::parse(name)
        } else {
            Self::parse(Text::from(format!("/{name}")))
        }
    }

    /// Takes a name as it stands on the wire: the slash must be there.
    ///
    /// # Errors
    /// As for [`NamespaceId::new`], and when the name does not start with a slash.
    pub fn parse(name: Text) -> Result<Self, InvalidNamespace> {
        let forbidden = |c: char| c == ',' || c.is_control();
        if !name.starts_with('/') || name.len() > NAMESPACE_BYTES || name.contains(forbidden) {
            return Err(InvalidNamespace);
        }
        Ok(Self(name))
    }

    /// The name with its slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether this is `/`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.as_str() == "/"
    }

    /// The same name in memory of its own.
    #[must_use]
    pub fn detached(&self) -> Self {
        if self.is_root() {
            Self::ROOT
        } else {
            Self(self.0.detached())
        }
    }
}

/// The longest name of a namespace.
const NAMESPACE_BYTES: usize = 255;

/// The text is not the name of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a namespace: '/' and at most 254 bytes without comma and control characters")]
pub struct InvalidNamespace;

impl Default for NamespaceId {
    fn default() -> Self {
        Self::ROOT
    }
}

impl Borrow<str> for NamespaceId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for NamespaceId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for NamespaceId {
    type Err = InvalidNamespace;

    fn from_str(name: &str) -> Result<Self, InvalidNamespace> {
        Self::new(name)
    }
}

impl PartialEq<str> for NamespaceId {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for NamespaceId {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for NamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for NamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The public id of a socket: 20 characters of `A-Z a-z 0-9 _ -`, another one in every namespace.
///
/// It is no secret and never the session id of Engine.IO, which is one. The exception are clients
/// of Socket.IO 1.x and 2.x, where a server lets them in: they count on an id made of that secret,
/// see [`SocketId::of_session`]. Clones are cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(Id);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Id {
    Short([u8; ID_CHARS]),
    /// `/chat#` and the characters of a session.
    Long(Arc<str>),
}

const ID_CHARS: usize = 20;

/// The longest id of a server of another making.
const FOREIGN_BYTES: usize = 255;

impl SocketId {
    /// Makes an id out of 120 random bits, which are the caller's business.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 15]) -> Self {
        let mut chars = [0; ID_CHARS];
        let written = URL_SAFE_NO_PAD.encode_slice(entropy, &mut chars);
        debug_assert_eq!(written, Ok(20), "15 bytes make 20 characters of base64");
        Self(Id::Short(chars))
    }

    /// The id that a client of Socket.IO 1.x or 2.x gives itself: that of its session in `/`, and
    /// `/chat#` before it in `/chat`.
    ///
    /// Whoever learns it can take the session over.
    #[must_use]
    pub fn of_session(namespace: &NamespaceId, sid: &Sid) -> Self {
        match sid.as_str().as_bytes().try_into() {
            Ok(chars) if namespace.is_root() => Self(Id::Short(chars)),
            _ if namespace.is_root() => Self(Id::Long(sid.as_str().into())),
            _ => Self(Id::Long(format!("{namespace}#{sid}").into())),
        }
    }

    /// The id that a server of any making gave to a client: 1 to 255 bytes without control
    /// characters.
    #[must_use]
    pub fn foreign(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > FOREIGN_BYTES || text.contains(char::is_control) {
            return None;
        }
        Some(match text.parse() {
            Ok(id) => id,
            Err(InvalidSocketId) => Self(Id::Long(text.into())),
        })
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Id::Short(chars) => std::str::from_utf8(chars).expect("only ASCII gets in"),
            Id::Long(text) => text,
        }
    }
}

/// The text is not a socket id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a socket id: 20 characters of A-Z, a-z, 0-9, _ and -, perhaps behind /NAME#")]
pub struct InvalidSocketId;

impl FromStr for SocketId {
    type Err = InvalidSocketId;

    fn from_str(text: &str) -> Result<Self, InvalidSocketId> {
        let (namespace, own) = match text.rsplit_once('#') {
            Some((namespace, own)) => (Some(namespace), own),
            None => (None, text),
        };
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let chars: [u8; ID_CHARS] = own.as_bytes().try_into().map_err(|_| InvalidSocketId)?;
        if !chars.iter().all(valid) {
            return Err(InvalidSocketId);
        }
        let Some(namespace) = namespace else {
            return Ok(Self(Id::Short(chars)));
        };
        match NamespaceId::parse(namespace.into()) {
            Ok(namespace) if !namespace.is_root() => Ok(Self(Id::Long(text.into()))),
            _ => Err(InvalidSocketId),
        }
    }
}

impl Serialize for SocketId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SocketId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = SocketId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a socket id")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SocketId, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({self})")
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The number that ties an acknowledgement to its event: at most 2^53-1, as JavaScript counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AckId(u64);

impl AckId {
    /// The first id that a side gives away.
    pub const MIN: Self = Self(0);
    /// The largest integer that JavaScript can count to.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The id `number`; `None` beyond 2^53-1.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number <= Self::MAX.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for AckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The secret with which a client asks for the recovery of its session (`pid` on the wire).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(Text);

impl SessionKey {
    /// Takes any text; it is compared, never interpreted.
    #[must_use]
    pub fn new(key: impl Into<Text>) -> Self {
        Self(key.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Shows nothing: the whole is a secret.
impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_gets_its_slash_from_the_caller_only() {
        for (given, name) in [("", "/"), ("/", "/"), ("chat", "/chat"), ("/a/b", "/a/b")] {
            assert_eq!(NamespaceId::new(given).unwrap(), name);
        }
        assert_eq!(NamespaceId::parse("chat".into()), Err(InvalidNamespace));
        assert_eq!(NamespaceId::parse("".into()), Err(InvalidNamespace));
    }

    #[test]
    fn a_namespace_is_short_and_printable() {
        let longest = format!("/{}", "x".repeat(254));
        assert!(NamespaceId::parse(longest.clone().into()).is_ok());
        for name in [&format!("{longest}x"), "/a,b", "/a\nb", "/\0", "/\u{85}"] {
            assert_eq!(NamespaceId::new(name), Err(InvalidNamespace), "{name:?}");
        }
        for name in ["/é", "/a b", "/chat?x=1", "/__proto__", "//"] {
            assert!(NamespaceId::new(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn the_id_of_another_server_is_short_and_printable() {
        let longest = "x".repeat(255);
        for text in ["a", "a b", "/chat#abc", &longest] {
            assert_eq!(SocketId::foreign(text).unwrap().as_str(), text);
        }
        for text in ["", "a\nb", "\u{85}", &format!("{longest}x")] {
            assert_eq!(SocketId::foreign(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_socket_id_has_twenty_url_safe_characters() {
        let id = SocketId::from_entropy([0xff; 15]);
        assert_eq!(id.as_str(), "____________________");
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"____________________\"");
        assert_eq!(serde_json::from_str::<SocketId>(&json).unwrap(), id);
        for text in [
            "",
            "short",
            "____________________x",
            "___________________é",
            "___________________ ",
        ] {
            assert_eq!(text.parse::<SocketId>(), Err(InvalidSocketId), "{text}");
        }
    }

    #[test]
    fn an_id_of_an_old_client_is_its_session_with_the_namespace_before_it() {
        let sid: Sid = "____________________".parse().unwrap();
        let id =
            |namespace: &str| SocketId::of_session(&NamespaceId::new(namespace).unwrap(), &sid);
        assert_eq!(id("/"), SocketId::from_entropy([0xff; 15]));
        assert_eq!(id("/chat").as_str(), "/chat#____________________");
        assert_eq!(id("/a#b").as_str(), "/a#b#____________________");
        for id in [id("/"), id("/chat"), id("/a#b")] {
            assert_eq!(id.as_str().parse(), Ok(id));
        }
        for text in [
            "#____________________",
            "/#____________________",
            "chat#____________________",
            "/chat#___________________",
            "/a,b#____________________",
            "____________________#",
        ] {
            assert_eq!(text.parse::<SocketId>(), Err(InvalidSocketId), "{text}");
        }
        assert!(size_of::<SocketId>() <= 24);
    }

    #[test]
    fn an_ack_id_ends_where_javascript_stops_counting() {
        assert_eq!(AckId::new(9_007_199_254_740_991), Some(AckId::MAX));
        assert_eq!(AckId::new(9_007_199_254_740_992), None);
    }

    #[test]
    fn a_session_key_stays_out_of_logs() {
        assert_eq!(format!("{:?}", SessionKey::new("secret")), "SessionKey(…)");
    }

    #[test]
    fn a_namespace_is_as_good_as_its_text() {
        let name = NamespaceId::new("a").unwrap();
        assert!(name == *"/a" && name != *"/b" && name == "/a" && name != "/b");
        assert_eq!(AsRef::<str>::as_ref(&name), "/a");
        let map = std::collections::HashMap::from([(name, 1)]);
        assert_eq!((map.get("/a"), map.get("/b")), (Some(&1), None));
    }

    #[test]
    fn a_namespace_may_be_parsed() {
        assert_eq!("/a".parse::<NamespaceId>().unwrap(), "/a");
        assert_eq!("/a,b".parse::<NamespaceId>(), Err(InvalidNamespace));
    }

    #[test]
    fn an_old_client_has_the_id_of_its_session_with_the_name_of_its_namespace() {
        let long = "x".repeat(30);
        for sid in ["AAAAAAAAAAAAAAAAAAAA", "short", &long] {
            let session: Sid = sid.parse().unwrap();
            for (namespace, id) in [("/", sid.to_owned()), ("/chat", format!("/chat#{sid}"))] {
                let namespace = NamespaceId::new(namespace).unwrap();
                assert_eq!(SocketId::of_session(&namespace, &session).as_str(), id);
            }
        }
    }
}

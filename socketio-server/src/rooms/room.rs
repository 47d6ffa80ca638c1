//! [`Room`]: its name, and what may happen to it.

use engineio::Text;
use socketio_proto::SocketId;

/// Name of a room. The id of a socket is a room too, with that socket alone in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(Text);

impl Room {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same in memory of its own.
    pub(super) fn detached(&self) -> Self {
        Self(self.0.detached())
    }
}

impl From<Text> for Room {
    fn from(name: Text) -> Self {
        Self(name)
    }
}

impl From<&str> for Room {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Room {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&String> for Room {
    fn from(name: &String) -> Self {
        Self(name.as_str().into())
    }
}

impl From<&SocketId> for Room {
    fn from(id: &SocketId) -> Self {
        Self(id.as_str().into())
    }
}

impl From<SocketId> for Room {
    fn from(id: SocketId) -> Self {
        Self(id.as_str().into())
    }
}

impl From<&Self> for Room {
    fn from(room: &Self) -> Self {
        room.clone()
    }
}

impl std::fmt::Display for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened to a room. The id of a socket is a room too: with that socket it comes and
/// goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomEvent {
    /// It has its first member.
    Created {
        /// The room.
        room: Room,
    },
    /// Somebody is in it now.
    Joined {
        /// The room.
        room: Room,
        /// Who.
        socket: SocketId,
    },
    /// Somebody is in it no longer.
    Left {
        /// The room.
        room: Room,
        /// Who.
        socket: SocketId,
    },
    /// It has lost its last member.
    Deleted {
        /// The room.
        room: Room,
    },
}

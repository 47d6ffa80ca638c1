//! What can be done to many sockets beside sending: Node's `fetchSockets`, `socketsJoin`,
//! `socketsLeave` and `disconnectSockets`.

use super::Broadcast;
use crate::connection::Command;
use crate::remote::RemoteSocket;
use crate::rooms::Room;
use crate::sync::Arc;

impl Broadcast {
    /// Who they are.
    #[must_use]
    pub fn fetch_sockets(&self) -> Vec<RemoteSocket> {
        let mut found = Vec::new();
        for namespace in self.target.namespaces() {
            let mut slots = Vec::new();
            namespace.select(&self.selection, |slot, _| slots.push(slot));
            if let Some(mounted) = self.core.registry.get(&namespace.id) {
                found.extend(mounted.remote(&self.core, &slots));
            }
        }
        found
    }

    /// Makes all of them join these rooms.
    pub fn sockets_join<R: Into<Room>>(&self, rooms: impl IntoIterator<Item = R>) {
        let names: Vec<Room> = rooms.into_iter().map(Into::into).collect();
        for namespace in self.target.namespaces() {
            namespace.change_rooms(&self.selection, |rooms, slot| {
                names.iter().for_each(|name| rooms.join(slot, name.clone()));
            });
        }
    }

    /// Makes all of them leave these rooms.
    pub fn sockets_leave<R: Into<Room>>(&self, rooms: impl IntoIterator<Item = R>) {
        let names: Vec<Room> = rooms.into_iter().map(Into::into).collect();
        for namespace in self.target.namespaces() {
            namespace.change_rooms(&self.selection, |rooms, slot| {
                names.iter().for_each(|name| rooms.leave(slot, name));
            });
        }
    }

    /// Puts all of them out of the namespace, or with `close` out of all namespaces, and ends
    /// their connections.
    pub fn disconnect_sockets(&self, close: bool) {
        for namespace in self.target.namespaces() {
            let mut connections = Vec::new();
            namespace.select(&self.selection, |_, connection| {
                connections.push(Arc::clone(connection));
            });
            for connection in connections {
                connection.command(if close {
                    Command::Close
                } else {
                    Command::Disconnect {
                        namespace: namespace.id.clone(),
                    }
                });
            }
        }
    }
}

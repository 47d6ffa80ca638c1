//! What can be done to many sockets beside sending: Node's `fetchSockets`, `socketsJoin`,
//! `socketsLeave` and `disconnectSockets`.

use super::Broadcast;
use crate::connection::Command;
use crate::remote::RemoteSocket;
use crate::rooms::Room;

impl Broadcast {
    /// Who they are.
    #[must_use]
    pub fn fetch_sockets(&self) -> Vec<RemoteSocket> {
        let mut found = Vec::new();
        for namespace in self.target.namespaces() {
            let members = namespace.selected(&self.selection);
            if let Some(mounted) = self.core.registry.get(&namespace.id) {
                found.extend(mounted.remote(&self.core, &members));
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
            for member in namespace.selected(&self.selection) {
                let command = if close {
                    Command::Close
                } else {
                    let (namespace, socket) = (namespace.id.clone(), member.id);
                    Command::Disconnect { namespace, socket }
                };
                member.connection.command(command);
            }
        }
    }
}

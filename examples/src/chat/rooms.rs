//! Who is in which room, and what was said there.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use socketio_server::SocketId;

use super::values::{Image, Inside, Kind, Member, Message, Refusal, RoomInfo};

pub(super) const LOBBY: &str = "lobby";
const MAX_ROOMS: usize = 100;
const MAX_HISTORY: usize = 100;
/// Images in a history: an event carries at most 10 pieces of binary.
const MAX_IMAGES: usize = 10;

#[derive(Debug)]
pub(super) struct Rooms {
    rooms: BTreeMap<String, Room>,
    /// The room of each who is here.
    places: HashMap<SocketId, String>,
    last_id: u64,
}

#[derive(Debug, Default)]
struct Room {
    members: Vec<Member>,
    history: VecDeque<Message>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            rooms: BTreeMap::from([(LOBBY.to_owned(), Room::default())]),
            places: HashMap::new(),
            last_id: 0,
        }
    }
}

impl Rooms {
    /// Whether there is, or could be, a room of that name.
    pub(super) fn check(&self, room: &str) -> Result<(), Refusal> {
        if self.rooms.contains_key(room) || self.rooms.len() < MAX_ROOMS {
            return Ok(());
        }
        let text = format!("there are {MAX_ROOMS} rooms already");
        Err(Refusal::new(text))
    }

    /// Puts somebody who is in no room into one.
    pub(super) fn enter(&mut self, member: Member, room: &str) {
        self.places.insert(member.id.clone(), room.to_owned());
        let room = self.rooms.entry(room.to_owned()).or_default();
        room.members.push(member);
    }

    /// Takes somebody out; the room where that was.
    pub(super) fn leave(&mut self, id: &SocketId) -> Option<String> {
        let name = self.places.remove(id)?;
        let room = self.rooms.get_mut(&name)?;
        room.members.retain(|member| member.id != *id);
        if room.members.is_empty() && room.history.is_empty() && name != LOBBY {
            self.rooms.remove(&name);
        }
        Some(name)
    }

    pub(super) fn room_of(&self, id: &SocketId) -> Option<&str> {
        self.places.get(id).map(String::as_str)
    }

    pub(super) fn inside(&self, name: &str) -> Inside {
        let (members, history) = self.rooms.get(name).map_or_else(Default::default, |room| {
            let history = room.history.iter().cloned().collect();
            (room.members.clone(), history)
        });
        Inside {
            room: name.to_owned(),
            members,
            history,
        }
    }

    /// The lobby first, then by name.
    pub(super) fn list(&self) -> Vec<RoomInfo<'_>> {
        let (lobby, others): (Vec<_>, Vec<_>) = self
            .rooms
            .iter()
            .map(|(name, room)| RoomInfo {
                name,
                members: room.members.len(),
            })
            .partition(|room| room.name == LOBBY);
        lobby.into_iter().chain(others).collect()
    }

    /// Makes a message.
    pub(super) fn message(
        &mut self,
        kind: Kind,
        from: Member,
        text: String,
        image: Option<Image>,
    ) -> Message {
        self.last_id += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Message {
            id: self.last_id,
            kind,
            room: None,
            to: None,
            from,
            text,
            image,
            at: now.map_or(0, |now| now.as_millis() as u64),
        }
    }

    /// Keeps what was said in a room.
    pub(super) fn keep(&mut self, room: &str, message: Message) {
        let Some(Room { history, .. }) = self.rooms.get_mut(room) else {
            return;
        };
        history.push_back(message);
        if history.len() > MAX_HISTORY {
            history.pop_front();
        }
        let with_image = history.iter_mut().rev().filter(|kept| kept.image.is_some());
        for old in with_image.skip(MAX_IMAGES) {
            if let Some(image) = old.image.take()
                && old.text.is_empty()
            {
                old.text = image.name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: u8) -> Member {
        Member {
            id: SocketId::from_entropy([number; 15]),
            nickname: "Ada".to_owned(),
        }
    }

    #[test]
    fn a_room_where_nothing_was_said_goes_with_the_last_member() {
        let mut rooms = Rooms::default();
        rooms.enter(member(1), "quiet");
        rooms.enter(member(2), "loud");
        let said = rooms.message(Kind::Room, member(2), "hear".to_owned(), None);
        rooms.keep("loud", said);
        rooms.leave(&member(1).id);
        rooms.leave(&member(2).id);
        let names: Vec<_> = rooms.list().iter().map(|room| room.name).collect();
        assert_eq!(names, ["lobby", "loud"]);
    }

    #[test]
    fn the_hundredth_room_is_the_last() {
        let mut rooms = Rooms::default();
        for number in 1..100 {
            rooms.check(&number.to_string()).unwrap();
            rooms.enter(member(number), &number.to_string());
        }
        rooms.check("1").unwrap();
        assert!(rooms.check("one more").is_err());
    }

    #[test]
    fn a_history_has_100_messages_and_10_images() {
        let mut rooms = Rooms::default();
        for number in 0..110 {
            let image = Image {
                name: format!("{number}.png"),
                mime: "image/png".to_owned(),
                data: vec![0].into(),
            };
            let said = rooms.message(Kind::Room, member(1), String::new(), Some(image));
            rooms.keep(LOBBY, said);
        }
        let history = rooms.inside(LOBBY).history;
        assert_eq!((history[0].id, history.len()), (11, 100));
        assert_eq!(history[0].text, "10.png");
        let images = history.iter().filter(|message| message.image.is_some());
        assert_eq!(images.count(), 10);
        assert!(history[90].image.is_some() && history[89].image.is_none());
    }
}

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn id(n: u8) -> SocketId {
    SocketId::from_entropy([n; 15])
}

fn select(rooms: &Rooms, to: &[&str], except: &[&str], sender: Option<u8>) -> Vec<Slot> {
    let names = |names: &[&str]| names.iter().map(|name| Room::from(*name)).collect();
    let selection = Selection {
        rooms: names(to),
        except: names(except),
        sender: sender.map(id),
    };
    let mut slots = Vec::new();
    rooms.select(&selection, |slot| slots.push(slot));
    slots.sort_unstable();
    slots
}

#[test]
fn each_socket_is_selected_once() {
    let mut rooms = Rooms::default();
    for n in 0..4 {
        rooms.add(id(n));
    }
    for (slot, room) in [(0, "a"), (1, "a"), (1, "b"), (2, "b"), (1, "a")] {
        rooms.join(slot, room.into());
    }
    assert_eq!(select(&rooms, &[], &[], None), [0, 1, 2, 3]);
    assert_eq!(select(&rooms, &["a"], &[], None), [0, 1]);
    assert_eq!(select(&rooms, &["a", "b"], &[], None), [0, 1, 2]);
    assert_eq!(select(&rooms, &["a", "b"], &["b"], None), [0]);
    assert_eq!(select(&rooms, &[], &["a"], Some(3)), [2]);
    assert_eq!(select(&rooms, &["a"], &[], Some(0)), [1]);
    assert!(select(&rooms, &["nobody"], &[], None).is_empty());
}

#[test]
fn a_sockets_id_is_its_room() {
    let mut rooms = Rooms::default();
    let slot = rooms.add(id(7));
    rooms.add(id(8));
    assert_eq!(select(&rooms, &[id(7).as_str()], &[], None), [slot]);
    assert_eq!(select(&rooms, &[], &[id(8).as_str()], None), [slot]);
    rooms.join(slot, "x".into());
    rooms.join(slot, id(7).into());
    assert_eq!(rooms.of(slot), [Room::from(id(7)), "x".into()]);
}

#[test]
fn who_joins_the_room_of_an_id_takes_nothing_from_its_owner() {
    let mut rooms = Rooms::default();
    let (owner, guest) = (rooms.add(id(7)), rooms.add(id(8)));
    rooms.join(guest, id(7).into());
    assert_eq!(select(&rooms, &[id(7).as_str()], &[], None), [owner, guest]);
    assert!(select(&rooms, &[], &[id(7).as_str()], None).is_empty());
    rooms.leave(guest, &id(7).into());
    assert_eq!(select(&rooms, &[id(7).as_str()], &[], None), [owner]);
}

/// What happens to a namespace's rooms.
#[derive(Clone, Debug)]
enum Op {
    Add(u8),
    Remove(u8),
    Join(u8, u8),
    Leave(u8, u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let socket = 0..12u8;
    let room = 0..6u8;
    prop::collection::vec(
        prop_oneof![
            socket.clone().prop_map(Op::Add),
            socket.clone().prop_map(Op::Remove),
            (socket.clone(), room.clone()).prop_map(|(s, r)| Op::Join(s, r)),
            (socket, room).prop_map(|(s, r)| Op::Leave(s, r)),
        ],
        0..200,
    )
}

proptest! {
    /// The index agrees with the obvious implementation: a map of sets.
    #[test]
    fn agrees_with_a_map_of_sets(ops in ops()) {
        let mut rooms = Rooms::default();
        let mut model: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
        let name = |room: u8| Room::from(format!("room {room}"));
        for op in ops {
            let slot = |rooms: &Rooms, socket| rooms.find(&id(socket));
            match op {
                Op::Add(socket) => {
                    if model.insert(socket, BTreeSet::new()).is_none() {
                        rooms.add(id(socket));
                    } else {
                        let slot = slot(&rooms, socket).unwrap();
                        rooms.remove(slot);
                        rooms.add(id(socket));
                    }
                }
                Op::Remove(socket) => {
                    model.remove(&socket);
                    if let Some(slot) = slot(&rooms, socket) {
                        rooms.remove(slot);
                    }
                }
                Op::Join(socket, room) => {
                    if let Some(slot) = slot(&rooms, socket) {
                        model.get_mut(&socket).unwrap().insert(room);
                        rooms.join(slot, name(room));
                    }
                }
                Op::Leave(socket, room) => {
                    if let Some(slot) = slot(&rooms, socket) {
                        model.get_mut(&socket).unwrap().remove(&room);
                        rooms.leave(slot, &name(room));
                    }
                }
            }
            prop_assert_eq!(rooms.len(), model.len());
        }
        for room in 0..6 {
            let mut members: Vec<Slot> = Vec::new();
            let selection = Selection { rooms: vec![name(room)], ..Selection::default() };
            rooms.select(&selection, |slot| members.push(slot));
            members.sort_unstable();
            let mut expected: Vec<Slot> = model
                .iter()
                .filter(|(_, joined)| joined.contains(&room))
                .map(|(socket, _)| rooms.find(&id(*socket)).unwrap())
                .collect();
            expected.sort_unstable();
            prop_assert_eq!(members, expected);
        }
        let joined: BTreeSet<_> = model.values().flatten().collect();
        prop_assert_eq!(rooms.by_name.len(), joined.len());
    }
}

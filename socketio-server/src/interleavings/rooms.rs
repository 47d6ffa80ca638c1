//! Rooms and broadcasts.

use super::*;
use crate::{RoomEvent, SocketId};

fn events(packets: &[String]) -> Vec<&str> {
    let events = packets.iter().filter_map(|p| p.strip_prefix("42"));
    events.collect()
}

#[test]
fn broadcasts_reach_every_member_once_and_all_in_one_order() {
    explore(|| {
        let (server, io) = server(|namespace| namespace);
        let (mut clients, sockets) = two(&server, &io);
        sockets.iter().for_each(|socket| socket.join("red"));
        let threads = ["a", "b"].map(|name| {
            let io = io.clone();
            thread::spawn(move || io.to("red").emit(name, &1).expect("sent"))
        });
        for thread in threads {
            thread.join().expect("a thread");
        }
        io.emit("end", &1).expect("sent");
        let [first, second] = clients.each_mut().map(|c| c.up_to("42[\"end\",1]"));
        assert_eq!(first, second);
        let mut events = events(&first);
        events.sort_unstable();
        assert_eq!(events, ["[\"a\",1]", "[\"b\",1]"]);
        server
    });
}

#[test]
fn who_joins_or_leaves_meanwhile_gets_a_broadcast_once_or_not_at_all() {
    explore(|| {
        let (server, io) = server(|namespace| namespace);
        let (mut clients, [one, other]) = two(&server, &io);
        other.join("red");
        let again = one.clone();
        let threads = [
            thread::spawn(move || one.join("red")),
            thread::spawn(move || again.join("red")),
            thread::spawn(move || other.leave("red")),
        ];
        io.to("red").emit("a", &1).expect("sent");
        for thread in threads {
            thread.join().expect("a thread");
        }
        assert_eq!(io.to("red").fetch_sockets().len(), 1);
        io.to("red").emit("b", &1).expect("sent");
        io.emit("end", &1).expect("sent");
        let [first, second] = clients.each_mut().map(|c| c.up_to("42[\"end\",1]"));
        let (before, late) = (["[\"a\",1]", "[\"b\",1]"], ["[\"b\",1]"]);
        assert!(
            events(&first) == before || events(&first) == late,
            "{first:?}"
        );
        assert!(events(&second).len() <= 1 && !events(&second).contains(&late[0]));
        server
    });
}

#[test]
fn who_leaves_is_in_no_room_whoever_puts_it_into_some() {
    explore(|| {
        let (server, io) = server(|namespace| namespace);
        let (clients, [one, other]) = two(&server, &io);
        other.join("blue");
        let id = one.id().clone();
        let threads = ["red", "blue"].map(|room| {
            let one = one.clone();
            thread::spawn(move || one.join(room))
        });
        let joining = {
            let io = io.clone();
            thread::spawn(move || io.to(id.as_str()).sockets_join(["green"]))
        };
        assert!(clients[0].send("41"));
        future::block_on(one.closed());
        // whoever has its place now has none of its rooms
        let (_client, answer) = Client::join(&server);
        for thread in threads.into_iter().chain([joining]) {
            thread.join().expect("a thread");
        }
        assert!(one.rooms().is_empty());
        assert_eq!(io.len(), 2);
        let id = answer.split('"').nth(3).expect("an id");
        let next = io.socket(&id.parse().expect("an id")).expect("a socket");
        assert_eq!(next.rooms().len(), 1);
        for (room, members) in [("red", 0), ("blue", 1), ("green", 0)] {
            assert_eq!(io.to(room).fetch_sockets().len(), members, "{room}");
        }
        server
    });
}

#[test]
fn whoever_looks_into_a_room_finds_nobody_who_was_never_there() {
    explore(|| {
        let (server, io) = server(|namespace| namespace);
        let (clients, [one, _other]) = two(&server, &io);
        one.join("red");
        let looking = {
            let io = io.clone();
            thread::spawn(move || io.to("red").fetch_sockets())
        };
        // its place in the tables is the next one's
        assert!(clients[0].send("41"));
        future::block_on(one.closed());
        let _next = Client::join(&server);
        let found = looking.join().expect("a thread");
        assert!(found.iter().all(|socket| socket.id() == one.id()));
        server
    });
}

#[test]
fn whoever_disconnects_a_socket_spares_the_next_one_of_its_client() {
    explore(|| {
        let (server, io) = server(|namespace| namespace);
        let (mut client, answer) = Client::join(&server);
        let id = answer.split('"').nth(3).expect("an id");
        let old = io.socket(&id.parse().expect("an id")).expect("a socket");
        let disconnecting = {
            let old = old.clone();
            thread::spawn(move || old.disconnect())
        };
        client.send("41");
        future::block_on(old.closed());
        client.send("40");
        disconnecting.join().expect("a thread");
        io.emit("end", &1).expect("sent");
        // it may have been put out itself before it left
        let packets: Vec<_> = std::iter::from_fn(|| client.next())
            .take_while(|packet| !packet.starts_with("40{"))
            .collect();
        assert!(packets.is_empty() || packets == ["41"], "{packets:?}");
        assert_eq!(io.len(), 1);
        server
    });
}

#[test]
fn whoever_watches_rooms_sees_what_happened_in_order() {
    explore(|| {
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let (server, io) = server(|namespace| {
            let seen = std::sync::Arc::clone(&seen);
            namespace.on_room_event(move |event| seen.lock().expect("a list").push(event.clone()))
        });
        let (_clients, sockets) = two(&server, &io);
        let threads = sockets.map(|socket| {
            thread::spawn(move || {
                socket.join("red");
                socket.leave("red");
            })
        });
        for thread in threads {
            thread.join().expect("a thread");
        }
        let mut members: Option<Vec<SocketId>> = None;
        for event in seen.lock().expect("a list").drain(..) {
            match event {
                RoomEvent::Created { room } if room == "red".into() => {
                    assert_eq!(members.replace(Vec::new()), None);
                }
                RoomEvent::Joined { room, socket } if room == "red".into() => {
                    let members = members.as_mut().expect("a room");
                    assert!(!members.contains(&socket));
                    members.push(socket);
                }
                RoomEvent::Left { room, socket } if room == "red".into() => {
                    let members = members.as_mut().expect("a room");
                    let count = members.len();
                    members.retain(|member| *member != socket);
                    assert_eq!(members.len() + 1, count);
                }
                RoomEvent::Deleted { room } if room == "red".into() => {
                    assert_eq!(members.take(), Some(Vec::new()));
                }
                _ => {}
            }
        }
        assert_eq!(members, None);
        server
    });
}

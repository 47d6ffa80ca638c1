//! Namespaces that come and go.

use super::*;
use crate::{Matcher, NamespaceId};

#[test]
fn a_child_is_there_for_as_long_as_somebody_is_in_it() {
    explore(|| {
        let server = Server::builder().build();
        let matcher = Matcher::path("/room-{n}").expect("a pattern");
        let children = server.mount(Namespace::matching(matcher)).expect("a place");
        let id = NamespaceId::new("/room-1").expect("a name");
        let clients = [(); 2].map(|()| Client::open(&server));
        let threads = clients.map(|mut client| {
            let (server, id) = (server.clone(), id.clone());
            thread::spawn(move || {
                for _ in 0..2 {
                    assert!(client.send("40/room-1,"));
                    let answer = client.next().expect("an answer");
                    assert!(answer.starts_with("40/room-1,{"), "{answer}");
                    assert!(server.namespaces().contains(&id));
                    assert!(client.send("41/room-1,"));
                }
                client
            })
        });
        let clients = threads.map(|thread| thread.join().expect("a thread"));
        // what they sent last was handled before what they sent now
        for mut client in clients {
            assert!(client.send("40/nowhere,"));
            assert!(client.next().is_some());
        }
        assert!(children.children().is_empty());
        assert!(!server.namespaces().contains(&id));
        server
    });
}

#[test]
fn a_namespace_that_is_removed_keeps_nobody() {
    explore(|| {
        let (server, _) = server(|namespace| namespace);
        let news = server.mount(Namespace::new("/news")).expect("a free name");
        let mut client = Client::open(&server);
        let removing = {
            let news = news.clone();
            thread::spawn(move || news.remove())
        };
        client.send("40/news,");
        let answer = client.next().expect("an answer");
        if answer.starts_with("40/news,{") {
            assert_eq!(client.next().as_deref(), Some("41/news,"));
        } else {
            assert!(answer.starts_with("44/news,{"), "{answer}");
        }
        assert!(removing.join().expect("a thread"));
        assert!(news.is_empty());
        server
    });
}

#[test]
fn who_leaves_a_child_that_was_removed_leaves_the_next_one_of_its_name_alone() {
    explore(|| {
        let server = Server::builder().build();
        let matcher = Matcher::path("/room-{n}").expect("a pattern");
        let children = server.mount(Namespace::matching(matcher)).expect("a place");
        let id = NamespaceId::new("/room-1").expect("a name");
        let clients = [(); 2].map(|()| Client::open(&server));
        let [mut first, mut second] = clients;
        first.send("40/room-1,");
        first.next().expect("an answer");
        // its client is put out while another one comes
        assert!(children.child(&id).expect("a child").remove());
        second.send("40/room-1,");
        let answer = second.next().expect("an answer");
        assert!(answer.starts_with("40/room-1,{"), "{answer}");
        assert_eq!(first.next().as_deref(), Some("41/room-1,"));
        first.send("40/nowhere,");
        first.next().expect("an answer");
        assert!(server.namespaces().contains(&id));
        server
    });
}

#[test]
fn a_loop_elsewhere_gets_a_beginning_of_the_events_and_the_end() {
    explore(|| {
        let (given, gets) = shuttle::sync::mpsc::channel();
        let (server, _) = server(|namespace| {
            namespace.serve(move |events| {
                given.send(events).expect("a thread that waits");
                std::future::ready(())
            })
        });
        let looping = thread::spawn(move || {
            let mut events = gets.recv().expect("events");
            let mut names = Vec::new();
            while let Some(event) = future::block_on(events.recv()) {
                names.push(event.name().to_owned());
            }
            names
        });
        let (client, _) = Client::join(&server);
        for packet in ["2[\"a\"]", "2[\"b\"]", "1"] {
            assert!(client.send(&format!("4{packet}")));
        }
        let names = looping.join().expect("a thread");
        assert_eq!(names, ["a", "b"][..names.len()]);
        server
    });
}

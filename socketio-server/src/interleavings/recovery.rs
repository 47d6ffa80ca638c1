//! Clients that come back.

use super::*;
use crate::Recovery;

/// Comes back with a key; everything up to the answer, and the id in it, if it comes to one.
fn back(server: &Server, key: &str) -> (Client, Vec<String>, Option<String>) {
    let mut client = Client::open(server);
    assert!(client.send(&format!("40{{\"pid\":\"{key}\"}}")));
    let mut missed = Vec::new();
    while let Some(packet) = client.next() {
        if packet.starts_with("40{") {
            let id = packet.split('"').nth(3).map(str::to_owned);
            return (client, missed, id);
        }
        missed.push(packet);
    }
    (client, missed, None)
}

#[test]
fn a_session_goes_to_one_of_those_who_want_it_with_all_that_it_missed() {
    explore(|| {
        let server = Server::builder().recovery(Recovery::default()).build();
        let io = server.mount(Namespace::new("/")).expect("a free name");
        let (_old, answer) = Client::join(&server);
        let [id, key] = [3, 7].map(|n| answer.split('"').nth(n).expect("ids").to_owned());
        io.emit("a", &1).expect("sent");
        let returning = [(); 2].map(|()| {
            let (server, key) = (server.clone(), key.clone());
            thread::spawn(move || back(&server, &key))
        });
        io.emit("b", &2).expect("sent");
        let returned = returning.map(|thread| thread.join().expect("a thread"));
        io.emit("end", &3).expect("sent");
        let mut survivors = 0;
        for (mut client, mut events, own) in returned {
            let is_end = |event: &String| event.starts_with("42[\"end\",3");
            while !events.last().is_some_and(is_end)
                && let Some(event) = client.next()
            {
                events.push(event);
            }
            let of = |name| events.iter().filter(|e| e.starts_with(name)).count();
            let counts = ["42[\"a\",1", "42[\"b\",2"].map(of);
            if own.as_ref().is_some_and(|own| *own != id) {
                assert!(counts[0] == 0 && counts[1] <= 1, "{events:?}");
            } else if events.last().is_some_and(is_end) {
                assert_eq!(counts, [1, 1], "{events:?}");
                survivors += 1;
            } else {
                // the other one took it over in its turn
                assert!(counts.into_iter().all(|count| count <= 1), "{events:?}");
            }
        }
        assert_eq!(survivors, 1);
        server
    });
}

//! Waits for answers: each of them ends, once.

use super::*;
use crate::AckError;

/// Answers one event that wants it, if there is one; with what it asks.
fn answer(client: &mut Client, with: &str) -> Option<String> {
    let question = client.next()?;
    let text = question.strip_prefix("42")?;
    let (id, event) = text.split_at(text.find('[')?);
    client.send(&format!("43{id}[{with}]"));
    Some(event.to_owned())
}

#[test]
fn answers_go_to_those_who_asked() {
    explore(|| {
        let (server, io) = server(|namespace| namespace);
        let ([mut client, _second], [socket, _]) = two(&server, &io);
        let threads = [1, 2].map(|n: u64| {
            let socket = socket.clone();
            thread::spawn(move || future::block_on(socket.emit_with_ack("q", &n)))
        });
        for _ in 0..2 {
            let question = client.next().expect("a question");
            let (id, n) = question[2..].split_once("[\"q\",").expect("a question");
            assert!(client.send(&format!("43{id}[{n}")));
        }
        let answers = threads.map(|thread| thread.join().expect("a thread"));
        assert_eq!(answers, [Ok(1), Ok(2)]);
        assert_eq!(server.gauges().pending_acks, 0);
        server
    });
}

#[test]
fn a_wait_ends_with_the_answer_or_the_disconnect() {
    explore(|| {
        let (server, io) = server(|namespace| namespace);
        let (mut client, answer_packet) = Client::join(&server);
        let id = answer_packet.split('"').nth(3).expect("an id");
        let socket = io.socket(&id.parse().expect("an id")).expect("a socket");
        let asking = {
            let socket = socket.clone();
            thread::spawn(move || future::block_on(socket.emit_with_ack::<u32>("q", &1)))
        };
        let leaving = thread::spawn(move || socket.disconnect_all());
        answer(&mut client, "7");
        let result = asking.join().expect("a thread");
        assert!(matches!(result, Ok(7) | Err(AckError::Disconnected)));
        leaving.join().expect("a thread");
        server
    });
}

#[test]
fn a_broadcast_hears_from_everybody_who_got_it() {
    explore(|| {
        let (server, io) = server(|namespace| namespace);
        let ([mut stays, leaves], _sockets) = two(&server, &io);
        let asking = thread::spawn(move || {
            let asked = io.broadcast().emit_with_ack::<u32>("q", &1);
            future::block_on(asked).expect("sent")
        });
        let leaving = thread::spawn(move || {
            leaves.send("41");
        });
        assert!(answer(&mut stays, "7").is_some());
        let answers = asking.join().expect("a thread");
        leaving.join().expect("a thread");
        let [(_, answer)] = &answers.answers[..] else {
            panic!("{answers:?}");
        };
        assert_eq!(*answer, 7);
        for (_, error) in &answers.missing {
            assert_eq!(*error, AckError::Disconnected);
        }
        assert!(answers.missing.len() <= 1);
        assert_eq!(server.gauges().pending_acks, 0);
        server
    });
}

/// A server that drains waits for answers as long as this says that there are some.
#[test]
fn an_answer_is_awaited_from_the_moment_that_somebody_asks() {
    explore(|| {
        let (server, io) = server(|namespace| namespace);
        let ([mut client, _second], [socket, other]) = two(&server, &io);
        let asked = socket.emit_with_ack::<u32>("q", &1);
        assert_eq!(server.gauges().pending_acks, 1);
        let all = io.to(other.id()).emit_with_ack::<u32>("q", &1);
        assert_eq!(server.gauges().pending_acks, 2);
        drop(all);
        answer(&mut client, "7");
        assert_eq!(future::block_on(asked), Ok(7));
        other.disconnect();
        future::block_on(other.closed());
        assert_eq!(server.gauges().pending_acks, 0);
        server
    });
}

//! Ten thousand messages each way, from before the connection is there and through its upgrade.

use socketio_client::{AckError, Args, RawArgs};

use super::peer::{HOW, Kind, against, named, state, within};

const COUNT: u32 = 10_000;

/// The ledger: what was sent comes back once and in order, and so does what the server counts meanwhile.
fn volume(kind: Kind) {
    against(kind, async |peer| {
        for how in HOW {
            let socket = peer.socket(how);
            let (mut echoes, mut counted) = (socket.events(), socket.events());
            for n in 0..COUNT / 2 {
                socket.emit("message", &n).unwrap();
            }
            socket.emit("count", &COUNT).unwrap();
            within("connect", socket.connect()).await.unwrap();
            for n in COUNT / 2..COUNT {
                socket.emit("message", &n).unwrap();
            }
            for n in 0..COUNT {
                let event = named(&mut echoes, "message-back").await;
                assert_eq!(event.read::<u32>(), Ok(n), "{how:?}");
                let event = named(&mut counted, "counted").await;
                assert_eq!(event.read::<u32>(), Ok(n), "{how:?}");
            }
            // nothing is left over, and nothing came twice
            let last = socket.emit_with_ack::<u8>("message-with-ack", &7);
            assert_eq!(within("the last answer", last).await, Ok(7));
            socket.emit("message", &"end").unwrap();
            let end = named(&mut echoes, "message-back").await;
            assert_eq!(end.read::<String>().unwrap(), "end");
            assert_eq!(socket.buffered(), 0);
        }
    });
}

#[test]
fn node() {
    volume(Kind::Node);
}

#[test]
fn node_msgpack() {
    volume(Kind::NodeMsgpack);
}

#[test]
fn node_3() {
    volume(Kind::Node3);
}

#[test]
fn python() {
    volume(Kind::Python);
}

#[test]
fn ours() {
    volume(Kind::Ours);
}

/// Five megabytes wait for the connection. Servers of socket.io 3 take one in a body, and do not say so.
fn backlog(kind: Kind) {
    const COUNT: u32 = 5_000;
    against(kind, async |peer| {
        for how in HOW {
            let socket = peer.socket(how);
            let mut events = socket.events();
            let filler = "x".repeat(1_000);
            for n in 0..COUNT {
                socket.emit("message", &Args((n, &*filler))).unwrap();
            }
            within("connect", socket.connect()).await.unwrap();
            for n in 0..COUNT {
                let event = named(&mut events, "message-back").await;
                assert_eq!(event.read::<u32>(), Ok(n), "{how:?}");
            }
        }
    });
}

#[test]
fn node_takes_what_waited() {
    backlog(Kind::Node);
}

#[test]
fn node_3_takes_what_waited() {
    backlog(Kind::Node3);
}

#[test]
fn python_takes_what_waited() {
    backlog(Kind::Python);
}

/// A message that the server refuses ends the connection: the wait for its answer ends, too, and the client comes back.
fn too_large(kind: Kind) {
    against(kind, async |peer| {
        for how in HOW {
            let socket = peer.socket(how);
            let mut events = socket.events();
            within("connect", socket.connect()).await.unwrap();
            let answer =
                socket.emit_with_ack::<RawArgs>("message-with-ack", &"x".repeat(2_000_000));
            let answer = within("the end of the wait", answer).await;
            assert_eq!(answer, Err(AckError::Disconnected), "{how:?}");
            while !state(&mut events)
                .await
                .starts_with("disconnect transport ")
            {}
            let answer = socket.emit_with_ack::<u8>("message-with-ack", &7);
            assert_eq!(within("an answer", answer).await, Ok(7), "{how:?}");
        }
    });
}

#[test]
fn node_refuses_what_is_too_large() {
    too_large(Kind::Node);
}

#[test]
fn node_3_refuses_what_is_too_large() {
    too_large(Kind::Node3);
}

#[test]
fn python_refuses_what_is_too_large() {
    too_large(Kind::Python);
}

#[test]
fn ours_refuses_what_is_too_large() {
    too_large(Kind::Ours);
}

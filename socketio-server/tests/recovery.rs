//! Connection state recovery, seen from the wire.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use socketio_server::{
    ConnectError, Handshake, Matcher, Namespace, NamespaceHandle, Recovery, Server, Socket,
};
use support::{Client, Frame, start, until};

fn server(recovery: Recovery) -> Server {
    Server::builder().recovery(recovery).build()
}

/// A server with one namespace, whose sockets join the room `red` and tell who they are.
async fn red(recovery: Recovery) -> (Server, NamespaceHandle, SocketAddr) {
    let server = server(recovery);
    let namespace = Namespace::new("/").on_connect(async |socket: Socket| {
        if !socket.is_recovered() {
            socket.join("red");
        }
    });
    let io = server.mount(namespace).unwrap();
    let address = start(&server).await;
    (server, io, address)
}

/// The public id and the secret key of a CONNECT answer.
fn ids(answer: &str) -> (String, String) {
    let json = answer.trim_start_matches(|c| c != '{');
    let answer: serde_json::Value = serde_json::from_str(json).unwrap();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("sid"), text("pid"))
}

async fn join(address: SocketAddr) -> (Client, String, String) {
    let mut client = Client::open(address).await;
    client.send("40").await;
    let (sid, pid) = ids(&client.text().await);
    (client, sid, pid)
}

/// Sends CONNECT with a key, and an offset if there is one.
async fn back(address: SocketAddr, pid: &str, offset: &str) -> Client {
    let mut client = Client::open(address).await;
    let auth = if offset.is_empty() {
        serde_json::json!({ "pid": pid })
    } else {
        serde_json::json!({ "pid": pid, "offset": offset })
    };
    client.send(&format!("40{auth}")).await;
    client
}

/// Who came back got a new session.
async fn is_new(mut client: Client, sid: &str, pid: &str) {
    let (new, key) = ids(&client.text().await);
    assert!(new != sid && key != pid);
}

/// An event with an offset: the event without it, and the offset.
async fn event(client: &mut Client) -> (String, String) {
    let text = client.text().await;
    let array: Vec<serde_json::Value> =
        serde_json::from_str(text.strip_prefix("42").unwrap()).unwrap();
    let (offset, event) = array.split_last().unwrap();
    let event = serde_json::to_string(event).unwrap();
    (event, offset.as_str().unwrap().to_owned())
}

async fn gone(io: &NamespaceHandle, client: Client) {
    drop(client);
    until("an empty namespace", || io.is_empty()).await;
}

#[tokio::test]
async fn what_was_missed_comes_in_order_before_the_connect_answer() {
    let (_server, io, address) = red(Recovery::default()).await;
    let (mut client, sid, pid) = join(address).await;
    until("the room", || io.to("red").fetch_sockets().len() == 1).await;
    io.emit("one", &1).unwrap();
    let (seen, offset) = event(&mut client).await;
    assert_eq!(seen, "[\"one\",1]");
    gone(&io, client).await;
    io.emit("two", &2).unwrap();
    io.to("blue").emit("not for it", &0).unwrap();
    io.to("red").emit("three", &3).unwrap();
    io.to(&sid).emit("four", &4).unwrap();
    io.except("red").emit("not for it", &0).unwrap();
    let mut client = back(address, &pid, &offset).await;
    for expected in ["[\"two\",2]", "[\"three\",3]", "[\"four\",4]"] {
        assert_eq!(event(&mut client).await.0, expected);
    }
    assert_eq!(ids(&client.text().await), (sid.clone(), pid));
    // it is in its rooms again, and what is new comes once
    io.to("red").emit("five", &5).unwrap();
    assert_eq!(event(&mut client).await.0, "[\"five\",5]");
    let socket = io.socket(&sid.parse().unwrap()).unwrap();
    assert!(socket.is_recovered());
    assert_eq!(socket.rooms().len(), 2);
}

/// Node: a client that has received nothing gets a new session.
#[tokio::test]
async fn an_idle_client_is_recovered_without_an_offset_or_with_one_of_another_life() {
    let (_server, io, address) = red(Recovery::default()).await;
    io.emit("before its time", &0).unwrap();
    for offset in ["", "otherone.1-17"] {
        let (client, sid, pid) = join(address).await;
        gone(&io, client).await;
        io.emit("missed", &1).unwrap();
        let mut client = back(address, &pid, offset).await;
        assert_eq!(event(&mut client).await.0, "[\"missed\",1]", "{offset:?}");
        assert_eq!(ids(&client.text().await), (sid, pid));
        gone(&io, client).await;
    }
}

/// F6, socket.io #5282: the event that its offset names is long forgotten, and nothing was for it since.
#[tokio::test]
async fn a_client_that_was_idle_for_long_is_recovered_though_the_log_has_moved_on() {
    let (_server, io, address) = red(Recovery::default().max_bytes(2000)).await;
    let much = || {
        for n in 0..100 {
            io.to("blue").emit("not for it", &n).unwrap();
        }
    };
    for receives in [true, false] {
        let (mut client, sid, pid) = join(address).await;
        let mut offset = String::new();
        if receives {
            io.emit("one", &1).unwrap();
            (_, offset) = event(&mut client).await;
        }
        // once more after a recovery
        for _ in 0..2 {
            much();
            gone(&io, client).await;
            io.emit("missed", &2).unwrap();
            client = back(address, &pid, &offset).await;
            let missed = event(&mut client).await;
            assert_eq!(missed.0, "[\"missed\",2]");
            offset = missed.1;
            assert_eq!(ids(&client.text().await), (sid.clone(), pid.clone()));
        }
        gone(&io, client).await;
    }
}

/// Never a silent hole: what was sent to it, and is forgotten, may not have arrived.
#[tokio::test]
async fn a_client_that_misses_something_from_before_its_loss_that_is_forgotten_gets_a_new_session()
{
    let (_server, io, address) = red(Recovery::default().max_bytes(2000)).await;
    let (mut client, sid, pid) = join(address).await;
    io.emit("one", &1).unwrap();
    let (_, offset) = event(&mut client).await;
    io.emit("two", &2).unwrap();
    for n in 0..100 {
        io.to("blue").emit("not for it", &n).unwrap();
    }
    gone(&io, client).await;
    is_new(back(address, &pid, &offset).await, &sid, &pid).await;
}

/// Nor may what it was sent when it came back: it counts as sent, not as received.
#[tokio::test]
async fn a_client_that_is_lost_again_before_it_got_what_it_missed_has_no_hole() {
    let (_server, io, address) = red(Recovery::default().max_bytes(2000)).await;
    let (mut client, sid, pid) = join(address).await;
    io.emit("one", &1).unwrap();
    let (_, offset) = event(&mut client).await;
    gone(&io, client).await;
    io.emit("two", &2).unwrap();
    let client = back(address, &pid, &offset).await;
    until("it is back", || io.len() == 1).await;
    for n in 0..100 {
        io.to("blue").emit("not for it", &n).unwrap();
    }
    gone(&io, client).await;
    is_new(back(address, &pid, &offset).await, &sid, &pid).await;
}

/// Node answers with a new session while the old one still looks alive.
#[tokio::test]
async fn a_client_that_is_back_before_its_loss_was_noticed_takes_its_session_over() {
    let (server, io, address) = red(Recovery::default()).await;
    let (mut old, sid, pid) = join(address).await;
    io.emit("one", &1).unwrap();
    let (_, offset) = event(&mut old).await;
    io.emit("two", &2).unwrap();
    let mut client = back(address, &pid, &offset).await;
    assert_eq!(event(&mut client).await.0, "[\"two\",2]");
    assert_eq!(ids(&client.text().await), (sid, pid));
    assert_eq!(event(&mut old).await.0, "[\"two\",2]");
    old.ends().await;
    until("one session", || server.gauges().sessions == 1).await;
    assert_eq!(io.len(), 1);
}

#[tokio::test]
async fn several_recoveries_in_a_row_do_not_repeat_what_was_received() {
    let (_server, io, address) = red(Recovery::default()).await;
    let (client, sid, pid) = join(address).await;
    gone(&io, client).await;
    let mut offset = String::new();
    for round in 0..5 {
        for n in 0..3 {
            io.emit("event", &(round * 3 + n)).unwrap();
        }
        let mut client = back(address, &pid, &offset).await;
        for n in 0..3 {
            let (seen, at) = event(&mut client).await;
            assert_eq!(seen, format!("[\"event\",{}]", round * 3 + n));
            offset = at;
        }
        assert_eq!(ids(&client.text().await), (sid.clone(), pid.clone()));
        gone(&io, client).await;
    }
}

/// DESIGN 13.19: a room that is left after an event of it was missed makes no hole.
#[tokio::test]
async fn rooms_are_those_of_the_time_of_the_event() {
    let (_server, io, address) = red(Recovery::default()).await;
    let (mut client, sid, pid) = join(address).await;
    until("the room", || io.to("red").fetch_sockets().len() == 1).await;
    io.emit("start", &0).unwrap();
    let (_, offset) = event(&mut client).await;
    let socket = io.socket(&sid.parse().unwrap()).unwrap();
    io.to("red").emit("in red", &1).unwrap();
    socket.leave("red");
    socket.join("blue");
    io.to("red").emit("no longer in red", &2).unwrap();
    io.to("blue").emit("in blue", &3).unwrap();
    gone(&io, client).await;
    let mut client = back(address, &pid, &offset).await;
    assert_eq!(event(&mut client).await.0, "[\"in red\",1]");
    assert_eq!(event(&mut client).await.0, "[\"in blue\",3]");
    assert_eq!(ids(&client.text().await).0, sid);
}

/// Never a silent hole.
#[tokio::test]
async fn what_is_not_known_any_more_makes_a_new_session() {
    let (_server, io, address) = red(Recovery::default().max_bytes(2000)).await;
    let (mut client, sid, pid) = join(address).await;
    io.emit("one", &1).unwrap();
    let (_, offset) = event(&mut client).await;
    gone(&io, client).await;
    for n in 0..20 {
        io.emit("much", &n).unwrap();
    }
    for (pid, offset) in [
        (&*pid, &*offset),
        ("nobody", ""),
        (&pid, "nonsense"),
        ("", ""),
    ] {
        let mut client = back(address, pid, offset).await;
        let (new, key) = ids(&client.text().await);
        assert!(new != sid && key != pid, "{pid} {offset}");
        let socket = io.socket(&new.parse().unwrap()).unwrap();
        assert!(!socket.is_recovered());
        gone(&io, client).await;
    }
}

#[tokio::test]
async fn who_left_or_was_put_out_does_not_come_back_to_a_session() {
    let (_server, io, address) = red(Recovery::default()).await;
    let (mut client, _, left) = join(address).await;
    client.send("41").await;
    until("an empty namespace", || io.is_empty()).await;
    let (mut client, sid, put_out) = join(address).await;
    io.socket(&sid.parse().unwrap()).unwrap().disconnect();
    client.expect("41").await;
    let (mut client, sid, closed) = join(address).await;
    io.socket(&sid.parse().unwrap()).unwrap().disconnect_all();
    client.expect("41").await;
    assert_eq!(client.next().await, Frame::Close(None));
    for pid in [left, put_out, closed] {
        let mut client = back(address, &pid, "").await;
        assert_ne!(ids(&client.text().await).1, pid);
    }
}

#[tokio::test]
async fn a_client_that_is_away_too_long_is_forgotten_with_its_data() {
    let server = server(Recovery::default().max_gap(Duration::from_millis(50)));
    let data = Arc::new(7_u8);
    let weak: Weak<u8> = Arc::downgrade(&data);
    let kept = std::sync::Mutex::new(Some(data));
    let io = server
        .mount(Namespace::with_auth("/", move |_| {
            let data = kept.lock().unwrap().take().unwrap_or_default();
            async { Ok(data) }
        }))
        .unwrap();
    let address = start(&server).await;
    let (client, _, pid) = join(address).await;
    drop(client);
    until("an empty namespace", || io.is_empty()).await;
    until("the data is dropped", || weak.strong_count() == 0).await;
    let mut client = back(address, &pid, "").await;
    assert_ne!(ids(&client.text().await).1, pid);
}

#[tokio::test]
async fn a_session_keeps_its_data_and_its_own_part_of_the_auth_payload() {
    let server = server(Recovery::default());
    let io = server
        .mount(
            Namespace::with_auth("/", async |handshake: Handshake| {
                #[derive(serde::Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Auth {
                    name: String,
                }
                Ok(handshake.auth::<Auth>()?.name)
            })
            .on_connect(async |socket: Socket<String>| {
                socket.volatile().emit("you are", socket.data()).unwrap();
            }),
        )
        .unwrap();
    let address = start(&server).await;
    let mut client = Client::open(address).await;
    client.send("40{\"name\":\"ann\"}").await;
    let (_, pid) = ids(&client.text().await);
    client.expect("42[\"you are\",\"ann\"]").await;
    drop(client);
    until("an empty namespace", || io.is_empty()).await;
    let mut client = Client::open(address).await;
    client
        .send(&format!("40{{\"name\":\"eve\",\"pid\":\"{pid}\"}}"))
        .await;
    assert_eq!(ids(&client.text().await).1, pid);
    client.expect("42[\"you are\",\"ann\"]").await;
    assert_eq!(
        io.sockets()[0].handshake().auth_json(),
        "{\"name\":\"eve\"}"
    );
}

#[tokio::test]
async fn the_steps_may_judge_again_and_a_refusal_does_not_cost_the_session() {
    let server = server(Recovery::default().skip_middlewares(false));
    let io = server
        .mount(
            Namespace::new("/").before_connect(async |handshake: Handshake| {
                let auth: serde_json::Value = handshake.auth()?;
                if auth["banned"] == true {
                    return Err(ConnectError::new("banned"));
                }
                Ok(())
            }),
        )
        .unwrap();
    let address = start(&server).await;
    let (client, sid, pid) = join(address).await;
    gone(&io, client).await;
    let mut client = Client::open(address).await;
    client
        .send(&format!("40{{\"banned\":true,\"pid\":\"{pid}\"}}"))
        .await;
    client.expect("44{\"message\":\"banned\"}").await;
    let mut client = back(address, &pid, "").await;
    assert_eq!(ids(&client.text().await).0, sid);
}

#[tokio::test]
async fn volatile_events_and_those_with_an_ack_carry_no_offset_and_are_not_recovered() {
    let (_server, io, address) = red(Recovery::default()).await;
    let (mut client, _, pid) = join(address).await;
    until("the room", || io.to("red").fetch_sockets().len() == 1).await;
    let socket = io.sockets().remove(0);
    socket.volatile().emit("volatile", &1).unwrap();
    client.expect("42[\"volatile\",1]").await;
    drop(socket.emit_with_ack::<u8>("ack", &1));
    client.expect("420[\"ack\",1]").await;
    gone(&io, client).await;
    io.broadcast().volatile().emit("volatile", &2).unwrap();
    drop(io.broadcast().emit_with_ack::<u8>("ack", &2));
    let mut client = back(address, &pid, "").await;
    assert_eq!(ids(&client.text().await).1, pid);
}

#[tokio::test]
async fn a_namespace_of_a_pattern_stays_for_those_who_may_come_back() {
    let server = server(Recovery::default());
    let children = server
        .mount(Namespace::matching(Matcher::path("/n/{id}").unwrap()))
        .unwrap();
    let address = start(&server).await;
    let mut client = Client::open(address).await;
    client.send("40/n/1,").await;
    let (sid, pid) = ids(&client.text().await);
    drop(client);
    until("an empty server", || server.gauges().sockets == 0).await;
    children.emit("missed", &1).unwrap();
    let mut client = Client::open(address).await;
    client.send(&format!("40/n/1,{{\"pid\":\"{pid}\"}}")).await;
    assert!(client.text().await.starts_with("42/n/1,[\"missed\",1,"));
    assert_eq!(ids(&client.text().await), (sid, pid));
}

/// Its numbers began anew: an offset of the one before would pass over events never seen.
#[tokio::test]
async fn an_offset_of_a_namespace_that_was_removed_counts_for_nothing_in_its_successor() {
    let server = server(Recovery::default());
    let io = server.mount(Namespace::new("/n")).unwrap();
    let address = start(&server).await;
    let mut client = Client::join(address, "/n").await;
    for n in 0..5 {
        io.emit("old", &n).unwrap();
    }
    let mut offset = String::new();
    for _ in 0..5 {
        let text = client.text().await;
        let array: Vec<serde_json::Value> =
            serde_json::from_str(text.strip_prefix("42/n,").unwrap()).unwrap();
        offset = array[2].as_str().unwrap().to_owned();
    }
    assert!(io.remove());
    client.expect("41/n,").await;
    let io = server.mount(Namespace::new("/n")).unwrap();
    client.send("40/n,").await;
    let (sid, pid) = ids(&client.text().await);
    gone(&io, client).await;
    for n in 0..7 {
        io.emit("new", &n).unwrap();
    }
    let mut client = Client::open(address).await;
    let auth = serde_json::json!({ "pid": pid, "offset": offset });
    client.send(&format!("40/n,{auth}")).await;
    for n in 0..7 {
        let text = client.text().await;
        assert!(text.starts_with(&format!("42/n,[\"new\",{n},")), "{text}");
    }
    assert_eq!(ids(&client.text().await), (sid, pid));
}

#[tokio::test]
async fn a_namespace_that_is_removed_while_a_session_is_judged_again_lets_nobody_back_in() {
    let server = server(Recovery::default().skip_middlewares(false));
    let gate = Arc::new(tokio::sync::Semaphore::new(1));
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (door, count) = (Arc::clone(&gate), Arc::clone(&asked));
    let judge = move |_: Handshake| {
        let door = Arc::clone(&door);
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            door.acquire().await.unwrap().forget();
            Ok::<(), ConnectError>(())
        }
    };
    let io = server
        .mount(Namespace::new("/").before_connect(judge))
        .unwrap();
    let address = start(&server).await;
    let (client, _, pid) = join(address).await;
    gone(&io, client).await;
    let mut client = back(address, &pid, "").await;
    until("the judge is asked", || {
        asked.load(std::sync::atomic::Ordering::SeqCst) == 2
    })
    .await;
    assert!(io.remove());
    gate.add_permits(2);
    client.expect("44{\"message\":\"Invalid namespace\"}").await;
    assert!(io.is_empty());
}

/// The official client takes the last string of a volatile event for an offset.
#[tokio::test]
async fn a_text_that_only_looks_like_an_offset_does_not_bring_events_twice() {
    let (_server, io, address) = red(Recovery::default()).await;
    let (mut client, sid, pid) = join(address).await;
    io.emit("one", &1).unwrap();
    event(&mut client).await;
    let socket = io.socket(&sid.parse().unwrap()).unwrap();
    socket.volatile().emit("today is", "2026-11-20").unwrap();
    client.expect("42[\"today is\",\"2026-11-20\"]").await;
    gone(&io, client).await;
    let mut client = back(address, &pid, "2026-11-20").await;
    assert_ne!(ids(&client.text().await).0, sid);
}

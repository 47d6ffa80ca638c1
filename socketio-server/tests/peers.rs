//! Events from server to server.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod support;

use std::sync::{Arc, Mutex};

use socketio_server::{Ack, AckError, Args, Namespace, NamespaceHandle, NoAck, Peers, Server};
use support::{until, within};

fn counting(load: u32) -> Namespace {
    Namespace::new("/").on_server("load", async move |_: NamespaceHandle, _: String| Ack(load))
}

#[tokio::test]
async fn the_other_servers_hear_it_and_answer_and_the_sender_does_not() {
    let peers = Peers::default();
    let build = || Server::builder().peers(&peers).build();
    let (first, second, third) = (build(), build(), build());
    assert_eq!(first.server_count(), 3);
    let io = first.mount(counting(1)).unwrap();
    second.mount(counting(2)).unwrap();
    third.mount(counting(3)).unwrap();
    let asked = io.server_side_emit_with_ack::<u32>("load", "now");
    let mut loads = within(asked).await.unwrap().complete().unwrap();
    loads.sort_unstable();
    assert_eq!(loads, [2, 3]);
    // a server that is gone is waited for no longer
    drop((second, third));
    assert_eq!(first.server_count(), 1);
    let asked = io.server_side_emit_with_ack::<u32>("load", "now");
    assert_eq!(within(asked).await.unwrap().complete(), Ok(Vec::new()));
}

#[tokio::test]
async fn alone_a_server_gets_no_answers_at_once() {
    let server = Server::default();
    let io = server.mount(counting(1)).unwrap();
    io.server_side_emit("load", "now").unwrap();
    let asked = io.server_side_emit_with_ack::<u32>("load", "now");
    assert_eq!(within(asked).await.unwrap().complete(), Ok(Vec::new()));
}

#[tokio::test]
async fn several_arguments_several_listeners_and_handles_to_emit_with() {
    let peers = Peers::default();
    let (first, second) = (
        Server::builder().peers(&peers).build(),
        Server::builder().peers(&peers).build(),
    );
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let io = first.mount(Namespace::new("/chat")).unwrap();
    let namespace = Namespace::new("/chat")
        .on_server(
            "hello",
            async move |chat: NamespaceHandle, Args((a, b)): Args<(u8, String)>| {
                chat.emit("from the other server", &a).unwrap();
                told.lock().unwrap().push((a, b));
                NoAck
            },
        )
        .on_server("hello", async |_: NamespaceHandle, _: u8| Ack("second"));
    second.mount(namespace).unwrap();
    io.server_side_emit("hello", &Args((1, "x"))).unwrap();
    until("the event", || heard.lock().unwrap().len() == 1).await;
    assert_eq!(*heard.lock().unwrap(), [(1, "x".to_owned())]);
    let asked = io.server_side_emit_with_ack::<String>("hello", &Args((2, "y")));
    assert_eq!(within(asked).await.unwrap().complete().unwrap(), ["second"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_listener_is_named_when_the_time_is_up() {
    let peers = Peers::default();
    let first = Server::builder().peers(&peers).build();
    let _second = Server::builder().peers(&peers).build();
    let io = first.mount(Namespace::new("/")).unwrap();
    let asked = io.server_side_emit_with_ack::<u32>("nobody listens", &1);
    let answers = asked.await.unwrap();
    assert!(answers.answers.is_empty());
    assert_eq!(answers.missing.len(), 1);
    assert_eq!(answers.missing[0].1, AckError::Timeout);
}

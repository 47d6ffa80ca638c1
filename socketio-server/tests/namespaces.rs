//! Namespaces that come and go: patterns, their children, removal; and the steps before a
//! connect.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use socketio_server::{
    ConnectError, Handshake, Matcher, MountError, Namespace, NamespaceHandle, NamespaceId, Server,
    Socket,
};
use support::{Client, Frame, start, until, until_idle, within};
use tokio::sync::Semaphore;
use tokio::time::Instant;

fn id(name: &str) -> NamespaceId {
    NamespaceId::new(name).unwrap()
}

fn names(server: &Server) -> Vec<String> {
    let mut names: Vec<_> = server
        .namespaces()
        .iter()
        .map(ToString::to_string)
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_path_pattern_makes_namespaces_with_parameters_and_rooms_of_their_own() {
    let server = Server::default();
    let orders = Namespace::matching(Matcher::path("/orders/{id}").unwrap()).on_connect(
        async |socket: Socket| {
            let number: String = socket.handshake().param("id").unwrap().into();
            socket.join("room");
            socket.emit("order", &number).unwrap();
        },
    );
    let orders = server.mount(orders).unwrap();
    let address = start(&server).await;
    let mut first = Client::join(address, "/orders/1").await;
    first.expect("42/orders/1,[\"order\",\"1\"]").await;
    let mut second = Client::join(address, "/orders/2").await;
    second.expect("42/orders/2,[\"order\",\"2\"]").await;
    // the same room in another namespace is another room
    let child = orders.child(&id("/orders/1")).unwrap();
    child.to("room").emit("only", "first").unwrap();
    first.expect("42/orders/1,[\"only\",\"first\"]").await;
    // each in its own namespace's words
    orders.to("room").emit("all", &1).unwrap();
    first.expect("42/orders/1,[\"all\",1]").await;
    second.expect("42/orders/2,[\"all\",1]").await;
    let children: Vec<_> = orders
        .children()
        .iter()
        .map(|c| c.id().to_string())
        .collect();
    assert_eq!(children, ["/orders/1", "/orders/2"]);
    let mut other = Client::open(address).await;
    other.send("40/orders,").await;
    other
        .expect("44/orders,{\"message\":\"Invalid namespace\"}")
        .await;
}

#[tokio::test]
async fn an_empty_child_vanishes_and_comes_again_as_the_one_that_somebody_holds() {
    let announced = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&announced);
    let server = Server::builder()
        .on_new_namespace(move |id| seen.lock().unwrap().push(id.to_string()))
        .build();
    let rooms = Namespace::matching(Matcher::regex(r"^/room-\d+$").unwrap());
    let rooms = server.mount(rooms).unwrap();
    let address = start(&server).await;
    let mut client = Client::join(address, "/room-1").await;
    let held = rooms.child(&id("/room-1")).unwrap();
    client.send("41/room-1,").await;
    until("an empty registry", || names(&server) == ["/"]).await;
    client.send("40/room-1,").await;
    assert!(client.text().await.starts_with("40/room-1,"));
    held.emit("still", "here").unwrap();
    client.expect("42/room-1,[\"still\",\"here\"]").await;
    assert_eq!(*announced.lock().unwrap(), ["/", "/room-1", "/room-1"]);
    drop((client, held));
    until("an empty registry", || names(&server) == ["/"]).await;
    until("no children", || rooms.children().is_empty()).await;
}

#[tokio::test]
async fn empty_children_may_be_kept_and_their_number_is_limited() {
    let server = Server::builder()
        .keep_empty_children(true)
        .max_children(2)
        .build();
    server
        .mount(Namespace::matching(Matcher::path("/n/{*any}").unwrap()))
        .unwrap();
    let mut client = Client::open(start(&server).await).await;
    for name in ["/n/1", "/n/2"] {
        client.send(&format!("40{name},")).await;
        assert!(client.text().await.starts_with(&format!("40{name},")));
        client.send(&format!("41{name},")).await;
    }
    client.send("40/n/3,").await;
    client
        .expect("44/n/3,{\"message\":\"too many namespaces\"}")
        .await;
    assert_eq!(names(&server), ["/", "/n/1", "/n/2"]);
}

#[tokio::test]
async fn a_function_decides_with_the_auth_payload_and_patterns_are_asked_in_order() {
    let server = Server::default();
    let secret = Matcher::new(async |handshake: Handshake| {
        let auth: serde_json::Value = handshake.auth().unwrap();
        handshake.namespace().as_str() == "/secret" && auth["key"] == 7
    });
    server
        .mount(
            Namespace::matching(secret).on_connect(async |socket: Socket| {
                socket.emit("by", "function").unwrap();
            }),
        )
        .unwrap();
    server
        .mount(
            Namespace::matching(Matcher::path("/{any}").unwrap()).on_connect(
                async |socket: Socket| {
                    socket.emit("by", "path").unwrap();
                },
            ),
        )
        .unwrap();
    let address = start(&server).await;
    let (mut client, _) = Client::join_as(address, "/secret", "{\"key\":7}").await;
    client.expect("42/secret,[\"by\",\"function\"]").await;
    drop(client);
    until("an empty registry", || names(&server) == ["/"]).await;
    let (mut client, _) = Client::join_as(address, "/secret", "{\"key\":8}").await;
    client.expect("42/secret,[\"by\",\"path\"]").await;
}

/// RELIABILITY A7, for names that are asked for: the second CONNECT comes while a pattern is
/// still thinking.
#[tokio::test]
async fn a_name_is_reserved_before_patterns_are_asked() {
    let server = Server::default();
    let gate = Arc::new(Semaphore::new(0));
    let matcher = Matcher::new({
        let gate = Arc::clone(&gate);
        move |_| {
            let gate = Arc::clone(&gate);
            async move { gate.acquire().await.is_ok() }
        }
    });
    server.mount(Namespace::matching(matcher)).unwrap();
    let address = start(&server).await;
    let mut client = Client::open(address).await;
    client.send("40/slow,").await;
    client.send("40/slow,").await;
    assert_eq!(client.next().await, Frame::Close(None));
    gate.add_permits(1);
    until_idle(&server).await;
}

#[tokio::test]
async fn static_names_come_first_and_a_name_is_taken_once() {
    let server = Server::default();
    let any = Namespace::matching(Matcher::regex("").unwrap())
        .on_connect(async |socket: Socket| socket.emit("any", &()).unwrap());
    server.mount(any).unwrap();
    let fixed = Namespace::new("/fixed")
        .on_connect(async |socket: Socket| socket.emit("fixed", &()).unwrap());
    server.mount(fixed).unwrap();
    assert_eq!(
        server.mount(Namespace::new("fixed")).unwrap_err(),
        MountError::Taken
    );
    let mut client = Client::join(start(&server).await, "/fixed").await;
    client.expect("42/fixed,[\"fixed\",null]").await;
}

#[tokio::test]
async fn a_removed_namespace_puts_its_clients_out_and_its_name_is_free() {
    let server = Server::default();
    let chat = server.mount(Namespace::new("/chat")).unwrap();
    let address = start(&server).await;
    let mut client = Client::join(address, "/chat").await;
    assert!(chat.remove());
    assert!(!chat.remove());
    client.expect("41/chat,").await;
    until("an empty namespace", || chat.is_empty()).await;
    client.send("40/chat,").await;
    client
        .expect("44/chat,{\"message\":\"Invalid namespace\"}")
        .await;
    let again = Namespace::new("/chat")
        .on_connect(async |socket: Socket| socket.emit("again", &()).unwrap());
    server.mount(again).unwrap();
    client.send("40/chat,").await;
    assert!(client.text().await.starts_with("40/chat,{\"sid\""));
    client.expect("42/chat,[\"again\",null]").await;
}

#[tokio::test]
async fn a_namespace_removed_during_the_auth_step_lets_nobody_in() {
    let server = Server::default();
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    let slow = server
        .mount(Namespace::with_auth("/slow", move |_| {
            let gate = Arc::clone(&waiting);
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(())
            }
        }))
        .unwrap();
    let mut client = Client::open(start(&server).await).await;
    client.send("40/slow,").await;
    // an answered packet behind it shows that it was seen
    client.send("40").await;
    assert!(client.text().await.starts_with("40{"));
    assert!(slow.remove());
    gate.add_permits(1);
    client
        .expect("44/slow,{\"message\":\"Invalid namespace\"}")
        .await;
    assert!(slow.is_empty());
}

#[tokio::test]
async fn steps_before_a_connect_run_in_order_and_the_first_refusal_ends_them() {
    let server = Server::default();
    let log = Arc::new(Mutex::new(Vec::new()));
    let step = |name: &'static str| {
        let log = Arc::clone(&log);
        move |handshake: Handshake| {
            let log = Arc::clone(&log);
            async move {
                tokio::task::yield_now().await;
                log.lock().unwrap().push(name);
                let auth: serde_json::Value = handshake.auth()?;
                if auth["stop"] == name {
                    let error = ConnectError::new("stopped");
                    return Err(error.data(&serde_json::json!({ "by": name })).unwrap());
                }
                Ok(())
            }
        }
    };
    let namespace = Namespace::with_auth("/", {
        let auth = step("auth");
        move |handshake| {
            let auth = auth(handshake);
            async move { auth.await.map(|()| 7_u8) }
        }
    })
    .before_connect(step("first"))
    .before_connect(step("second"))
    .on_connect(async |socket: Socket<u8>| socket.emit("data", socket.data()).unwrap());
    server.mount(namespace).unwrap();
    let address = start(&server).await;
    let (mut client, _) = Client::join_as(address, "/", "").await;
    client.expect("42[\"data\",7]").await;
    assert_eq!(
        std::mem::take(&mut *log.lock().unwrap()),
        ["first", "second", "auth"]
    );
    let mut client = Client::open(address).await;
    client.send("40{\"stop\":\"first\"}").await;
    client
        .expect("44{\"message\":\"stopped\",\"data\":{\"by\":\"first\"}}")
        .await;
    assert_eq!(*log.lock().unwrap(), ["first"]);
}

#[tokio::test]
async fn what_is_left_of_a_removed_child_does_not_end_its_successor() {
    let recovery = socketio_server::Recovery::default().max_gap(Duration::from_millis(50));
    let server = Server::builder().recovery(recovery).build();
    let children = server
        .mount(Namespace::matching(Matcher::path("/n/{id}").unwrap()))
        .unwrap();
    let address = start(&server).await;
    let client = Client::join(address, "/n/1").await;
    let child = children.child(&id("/n/1")).unwrap();
    drop(client);
    until("an empty child", || child.is_empty()).await;
    assert!(child.remove());
    let _client = Client::join(address, "/n/1").await;
    for _ in 0..60 {
        assert_eq!(names(&server), ["/", "/n/1"]);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(child.remove());
}

/// socketioxide #311, #316: that was a deadlock.
#[test]
fn a_namespace_may_be_removed_by_a_disconnect_handler_of_its_own() {
    // a thread of its own: a deadlock would keep its runtime from ending the wait
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(removed_by_its_own_handler());
        ended.send(()).ok();
    });
    let ended = end.recv_timeout(2 * support::PATIENCE);
    assert_eq!(ended, Ok(()), "a deadlock, or what was said above");
}

async fn removed_by_its_own_handler() {
    let server = Server::default();
    let handle = Arc::new(OnceLock::<NamespaceHandle>::new());
    let removes = Arc::clone(&handle);
    let removed = Arc::new(Semaphore::new(0));
    let told = Arc::clone(&removed);
    let chat = Namespace::new("/chat").on_disconnect(async move |_: Socket, _| {
        if removes.get().unwrap().remove() {
            told.add_permits(1);
        }
    });
    assert!(handle.set(server.mount(chat).unwrap()).is_ok());
    let address = start(&server).await;
    let mut leaving = Client::join(address, "/chat").await;
    let mut staying = Client::join(address, "/chat").await;
    leaving.send("41/chat,").await;
    drop(within(removed.acquire()).await.unwrap());
    // the other is put out, and the server goes on
    staying.expect("41/chat,").await;
    staying.send("40").await;
    assert!(staying.text().await.starts_with("40{\"sid\""));
}

/// socketioxide #252: a connect timeout that met a join was a panic.
#[tokio::test]
async fn a_connect_timeout_that_meets_a_join_lets_in_or_closes() {
    let panics = testkit::Panics::watch();
    let timeout = Duration::from_millis(30);
    let server = Server::builder().connect_timeout(timeout).build();
    let step = async |handshake: Handshake| {
        let auth: HashMap<String, u64> = handshake.auth().unwrap();
        tokio::time::sleep(Duration::from_micros(auth["takes"])).await;
        Ok::<_, ConnectError>(())
    };
    server.mount(Namespace::with_auth("/slow", step)).unwrap();
    let address = start(&server).await;
    // a step that was let in takes longer the next time, one that was too late less: they meet
    let (mut wait, pace) = (timeout, Duration::from_micros(300));
    let mut outcomes = [0; 2];
    for _ in 0..60 {
        let mut client = Client::open(address).await;
        let opened = Instant::now();
        let takes = wait.saturating_sub(opened.elapsed()).as_micros();
        client.send(&format!("40/slow,{{\"takes\":{takes}}}")).await;
        let is_in = match client.next().await {
            Frame::Text(answer) => {
                assert!(answer.starts_with("40/slow,{"), "{answer}");
                true
            }
            end => {
                assert!(matches!(end, Frame::Close(_) | Frame::End), "{end:?}");
                false
            }
        };
        wait = if is_in {
            wait + pace
        } else {
            wait.saturating_sub(pace)
        };
        outcomes[usize::from(is_in)] += 1;
    }
    until_idle(&server).await;
    assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
    assert_eq!(panics.here(), 0);
}

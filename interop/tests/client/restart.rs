//! Servers that go, and come back on their port.

use socketio_client::SocketEvent;

use super::peer::{HOW, Kind, against, named, state, within};

fn restart(kind: Kind) {
    against(kind, async |peer| {
        let sockets: Vec<_> = HOW.map(|how| (how, peer.socket(how))).into();
        let mut all = Vec::new();
        for (how, socket) in &sockets {
            let mut events = socket.events();
            within("connect", socket.connect()).await.unwrap();
            assert_eq!(state(&mut events).await, "connect");
            all.push((*how, socket.clone(), events, socket.id().unwrap()));
        }
        peer.stop();
        for (how, socket, events, _) in &mut all {
            let reason = state(events).await;
            assert!(
                reason == "disconnect transport close" || reason == "disconnect transport error",
                "{how:?}: {reason}"
            );
            assert!(socket.is_active() && !socket.is_connected());
            socket.emit("message", &"kept").unwrap();
        }
        peer.restart();
        for (how, socket, events, before) in &mut all {
            let what = format!("{how:?} comes back");
            within(&what, async {
                loop {
                    match events.next().await {
                        SocketEvent::Connected { recovered } => break assert!(!recovered),
                        // what python-socketio says in its handler for connects comes ahead
                        SocketEvent::ConnectFailed(_) | SocketEvent::Event(_) => {}
                        other => panic!("{how:?}: {other:?}"),
                    }
                }
            })
            .await;
            assert_ne!(socket.id().as_ref(), Some(&*before));
            let kept = named(events, "message-back").await;
            assert_eq!(kept.read::<String>().unwrap(), "kept");
        }
    });
}

#[test]
fn node() {
    restart(Kind::Node);
}

#[test]
fn node_3() {
    restart(Kind::Node3);
}

#[test]
fn python() {
    restart(Kind::Python);
}

#[test]
fn ours() {
    restart(Kind::Ours);
}

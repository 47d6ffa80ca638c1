//! Node's heartbeat: answered while the link is there, and missed when it is not.

use std::time::Duration;

use super::peer::{HOW, How, runtime, state, until, within};
use super::recovery::{behind, socket};

fn lives_and_notices(how: How) {
    runtime().block_on(async {
        let (server, proxy) = behind(&[("PING_MS", "200")]).await;
        let socket = socket(&proxy, how);
        let mut events = socket.events();
        within("connect", socket.connect()).await.unwrap();
        assert_eq!(state(&mut events).await, "connect");
        let id = socket.id();
        // without an answer the second ping would be the last
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(socket.id(), id);
        proxy.stall();
        assert_eq!(
            state(&mut events).await,
            "disconnect ping timeout",
            "{how:?}"
        );
        proxy.cut();
        until("it is back", || socket.is_connected()).await;
        assert_ne!(socket.id(), id);
        drop((events, socket));
        until("no connection left", || proxy.open() == 0).await;
        server.stop();
    });
}

#[test]
fn pings_are_answered_and_missed_over_every_transport() {
    let runs = HOW.map(|how| std::thread::spawn(move || lives_and_notices(how)));
    for run in runs {
        run.join().unwrap();
    }
}

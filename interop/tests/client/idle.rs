//! What trying again costs: next to nothing, and nothing is left of it.

use std::time::{Duration, Instant};

use socketio_client::{Args, Manager, Reconnect};
use testkit::{Mode, Proxy};

use super::peer::{HOW, How, until, within};

/// Time that this thread has had a core for. Other tests run on other threads.
fn busy() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos = stat.split(' ').next().unwrap().parse().unwrap();
    Duration::from_nanos(nanos)
}

/// How much of a core a client uses for `WINDOW` while this answers it, with everything around it on this thread.
fn cost(mode: &Mode, how: How) -> f64 {
    const WINDOW: Duration = Duration::from_secs(2);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let nobody = ([127, 0, 0, 1], 9).into();
        let proxy = Proxy::start(nobody).await.unwrap();
        proxy.set(mode.clone());
        // ten attempts in a second: more than the default, so that a spin at each of them shows
        let reconnect = Reconnect::default()
            .delay(Duration::from_millis(10))
            .delay_max(Duration::from_millis(100));
        let manager = Manager::builder(&proxy.url()).unwrap();
        let manager = manager.reconnect(reconnect).transports(how.transports());
        let socket = manager.build().unwrap().socket("/").unwrap();
        let (started, before) = (Instant::now(), busy());
        drop(socket.connect());
        tokio::time::sleep(WINDOW).await;
        let share = (busy() - before).as_secs_f64() / started.elapsed().as_secs_f64();
        assert!(proxy.accepted() >= 5, "it goes on trying");
        socket.disconnect();
        drop(socket);
        until("no connection left", || proxy.open() == 0).await;
        let metrics = runtime_tasks();
        // the proxy's acceptor
        until("no task left", || runtime_tasks() <= 1).await;
        assert!(metrics >= 1);
        share
    })
}

fn runtime_tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

/// A client that has nothing to do: connected, then disconnected by itself, then put out by the server.
#[test]
fn doing_nothing_uses_nothing() {
    const WINDOW: Duration = Duration::from_millis(300);
    let served = super::common::Served::contract(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let idle = async |what: &str| {
        let before = busy();
        tokio::time::sleep(WINDOW).await;
        let share = (busy() - before).as_secs_f64() / WINDOW.as_secs_f64();
        eprintln!("{what}: {:.1} % of a core", share * 100.0);
        assert!(share < 0.1, "{what}: {share}");
    };
    runtime.block_on(async {
        let manager = Manager::builder(&served.url()).unwrap();
        let socket = manager.build().unwrap().socket("/").unwrap();
        within("connect", socket.connect()).await.unwrap();
        idle("connected").await;
        socket.disconnect();
        idle("disconnected").await;
        within("connect", socket.connect()).await.unwrap();
        socket.emit("bye", &Args(())).unwrap();
        until("the end", || !socket.is_connected()).await;
        idle("put out").await;
    });
    served.settles();
    served.stop();
}

#[test]
fn trying_in_vain_uses_less_than_a_tenth_of_a_core() {
    let runs: Vec<_> = [Mode::Close, Mode::html("502 Bad Gateway")]
        .into_iter()
        .flat_map(|mode| HOW.map(|how| (mode.clone(), how)))
        .map(|(mode, how)| std::thread::spawn(move || (cost(&mode, how), mode, how)))
        .collect();
    for run in runs {
        let (share, mode, how) = run.join().unwrap();
        eprintln!("{how:?}: {:.1} % of a core", share * 100.0);
        assert!(share < 0.1, "{how:?} {mode:?}: {share}");
    }
}

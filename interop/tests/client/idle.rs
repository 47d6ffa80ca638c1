//! What trying again costs: next to nothing, and nothing is left of it.

use std::time::{Duration, Instant};

use socketio_client::{Args, Manager, Reconnect};
use testkit::{Mode, Proxy};

use super::peer::{HOW, How, until, within};

/// What this thread has used so far. Other tests run on other threads.
struct Meter {
    started: Instant,
    /// Time that it had a core for, and that it waited for one.
    used: [Duration; 2],
}

impl Meter {
    fn start() -> Self {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        let mut nanos = stat.split(' ').map(|nanos| nanos.parse().unwrap());
        let mut next = || Duration::from_nanos(nanos.next().unwrap());
        Self {
            used: [next(), next()],
            started: Instant::now(),
        }
    }

    fn stop(&self) -> Cost {
        let now = Self::start();
        let time = (now.started - self.started).as_secs_f64();
        let [ran, waited] = [0, 1].map(|nth| (now.used[nth] - self.used[nth]).as_secs_f64());
        Cost {
            ran: ran / time,
            wanted: (ran + waited) / time,
        }
    }
}

/// Shares of a core.
struct Cost {
    ran: f64,
    /// With the time that it waited for one: a thread that spins always wants one, however few a busy machine gives it.
    wanted: f64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [ran, wanted] = [self.ran, self.wanted].map(|share| share * 100.0);
        write!(f, "{ran:.1} % of a core, of {wanted:.1} % wanted")
    }
}

impl Cost {
    fn is_low(&self) -> bool {
        self.ran < 0.1 && self.wanted < 0.9
    }
}

/// What a client uses for `WINDOW` while this answers it, with everything around it on this thread.
fn cost(mode: &Mode, how: How) -> Cost {
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
        let meter = Meter::start();
        drop(socket.connect());
        tokio::time::sleep(WINDOW).await;
        let cost = meter.stop();
        assert!(proxy.accepted() >= 5, "it goes on trying");
        socket.disconnect();
        drop(socket);
        until("no connection left", || proxy.open() == 0).await;
        let metrics = runtime_tasks();
        // the proxy's acceptor
        until("no task left", || runtime_tasks() <= 1).await;
        assert!(metrics >= 1);
        cost
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
        let meter = Meter::start();
        tokio::time::sleep(WINDOW).await;
        let cost = meter.stop();
        eprintln!("{what}: {cost}");
        assert!(cost.is_low(), "{what}: {cost}");
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
        let (cost, mode, how) = run.join().unwrap();
        eprintln!("{how:?}: {cost}");
        assert!(cost.is_low(), "{how:?} {mode:?}: {cost}");
    }
}

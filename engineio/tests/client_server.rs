//! Our client machine and our server machine, on a network with latency and faults.
#![expect(clippy::indexing_slicing, reason = "a failure of the test")]

use bytes::Bytes;
use engineio::client;
use engineio::{CloseReason, Config, Data, Transport};
use proptest::prelude::*;
use testkit::{Machines, ms, secs};

fn texts(data: &[Data]) -> Vec<String> {
    data.iter().map(|data| format!("{data:?}")).collect()
}

/// DESIGN 7.
#[test]
fn messages_sent_during_the_upgrade_arrive_once_and_in_order() {
    let mut p = Machines::standard().latency(ms(40), ms(40));
    p.drive_until(|p| p.server.as_ref().is_some_and(|server| server.is_probing()));
    p.serve("a");
    p.send("b");
    p.drive_until(|p| p.client.transport() == Transport::WebSocket);
    p.serve("c");
    p.send("d");
    p.run_for(secs(1));
    assert_eq!(p.at_client.received, ["a".into(), "c".into()]);
    assert_eq!(p.at_server.received, ["b".into(), "d".into()]);
    assert_eq!((p.at_client.upgraded, p.at_server.upgraded), (1, 1));
}

#[test]
fn an_idle_session_lives_on_every_transport() {
    for (list, upgraded) in [
        (vec![Transport::Polling], 0),
        (vec![Transport::WebSocket], 0),
        (vec![Transport::Polling, Transport::WebSocket], 1),
    ] {
        let mut config = client::Config::default();
        config.transports = list;
        let mut p = Machines::new(Config::default(), config).latency(ms(30), ms(20));
        p.run_for(secs(3600));
        assert_eq!(
            (p.at_client.closed, p.at_server.closed),
            (None, None),
            "{p}"
        );
        assert_eq!(p.at_client.upgraded, upgraded);
    }
}

#[test]
fn a_client_that_closes_is_gone_at_the_server_at_once() {
    for (list, wait) in [
        (vec![Transport::Polling], 1000),
        (vec![Transport::WebSocket], 1000),
        // in the middle of the upgrade
        (vec![Transport::Polling, Transport::WebSocket], 70),
    ] {
        let mut config = client::Config::default();
        config.transports = list;
        let mut p = Machines::new(Config::default(), config).latency(ms(30), ms(20));
        p.run_for(ms(wait));
        p.send("last");
        p.close();
        p.run_for(ms(600));
        assert_eq!(p.at_server.received, ["last".into()], "{p}");
        assert_eq!(p.at_server.closed, Some(CloseReason::TransportClose), "{p}");
        assert!(p.client.is_closed(), "{p}");
    }
}

#[test]
fn a_server_that_closes_says_so() {
    for list in [vec![Transport::Polling], vec![Transport::WebSocket]] {
        let mut config = client::Config::default();
        config.transports = list;
        let mut p = Machines::new(Config::default(), config).latency(ms(30), ms(20));
        p.run_for(secs(1));
        p.serve("last");
        p.close_server();
        p.run_for(ms(200));
        assert_eq!(p.at_client.received, ["last".into()]);
        assert_eq!(p.at_client.closed, Some(CloseReason::TransportClose));
    }
}

#[test]
fn posts_keep_to_what_the_server_takes() {
    let mut config = Config::default();
    config.max_payload = 100;
    let mut client = client::Config::default();
    client.upgrade = false;
    let mut p = Machines::new(config, client).latency(ms(5), ms(5));
    let sent: Vec<_> = (0..60u8)
        .map(|n| Data::Binary(Bytes::from(vec![n; usize::from(n)])))
        .collect();
    for data in &sent {
        p.send(data.clone());
    }
    p.run_for(secs(2));
    assert_eq!(texts(&p.at_server.received), texts(&sent));
    assert!(p.to_string().matches("client: post").count() >= 30);
}

#[derive(Clone, Debug)]
enum Step {
    Run(u64),
    Sleep(u64),
    Up(bool),
    Down(bool),
    Latency(u64, u64, u64),
    CutProbe,
    Cut,
    LoseGet,
    LosePost,
    Hold,
    Release,
    Close,
    CloseServer,
}

fn harmless() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u64..60).prop_map(Step::Run),
        1 => (0u64..30_000).prop_map(Step::Run),
        4 => any::<bool>().prop_map(Step::Up),
        4 => any::<bool>().prop_map(Step::Down),
        2 => (0u64..120, 0u64..120, 0u64..60).prop_map(|(h, w, d)| Step::Latency(h, w, d)),
        1 => Just(Step::CutProbe),
        1 => Just(Step::Hold),
        1 => Just(Step::Release),
    ]
}

fn harmful() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => harmless(),
        1 => (0u64..90_000).prop_map(Step::Sleep),
        1 => prop::sample::select(vec![
            Step::Cut, Step::LoseGet, Step::LosePost, Step::Close, Step::CloseServer,
        ]),
    ]
}

fn config() -> impl Strategy<Value = client::Config> {
    let (polling, websocket) = (Transport::Polling, Transport::WebSocket);
    let lists = vec![
        vec![polling, websocket],
        vec![polling, websocket],
        vec![polling, websocket],
        vec![polling],
        vec![websocket],
    ];
    (prop::sample::select(lists), any::<bool>(), any::<bool>()).prop_map(
        |(list, base64, before)| {
            let mut config = client::Config::default();
            config.transports = list;
            config.force_base64 = base64;
            config.upgraded_before = before && base64;
            config.max_buffered = BUDGET;
            config
        },
    )
}

const BUDGET: usize = 400;

/// Both machines, and what was taken for sending.
struct Run {
    p: Machines,
    up: Vec<Data>,
    down: Vec<Data>,
}

fn message(number: usize, binary: bool) -> Data {
    let text = format!("message {number}");
    if binary {
        Data::Binary(text.into())
    } else {
        text.as_str().into()
    }
}

impl Run {
    fn new(config: client::Config) -> Self {
        let mut server = Config::default();
        server.max_payload = 60;
        let p = Machines::new(server, config).latency(ms(20), ms(20));
        let (up, down) = (Vec::new(), Vec::new());
        Self { p, up, down }
    }

    fn apply(&mut self, step: &Step) {
        let p = &mut self.p;
        match *step {
            Step::Run(time) => {
                // what is held longer than a heartbeat ends the session, rightly
                if time > 1000 {
                    p.link.release_posts(p.now);
                }
                p.run_for(ms(time));
            }
            Step::Sleep(time) => p.sleep(ms(time)),
            Step::Up(binary) => {
                let data = message(self.up.len(), binary);
                if p.send(data.clone()) {
                    self.up.push(data);
                }
            }
            Step::Down(binary) => {
                let data = message(self.down.len(), binary);
                if p.serve(data.clone()) {
                    self.down.push(data);
                }
            }
            Step::Latency(http, websocket, down) => {
                (p.link.http, p.link.websocket) = (ms(http), ms(websocket));
                p.link.down = ms(down);
            }
            Step::CutProbe => p.cut_probe(),
            Step::Cut => p.cut_websocket(),
            Step::LoseGet => p.lose_get(),
            Step::LosePost => p.lose_post(),
            Step::Hold => p.link.hold_posts = true,
            Step::Release => p.link.release_posts(p.now),
            Step::Close => p.close(),
            Step::CloseServer => p.close_server(),
        }
        assert!(self.p.client.buffered() <= BUDGET);
    }

    /// Both ends saw a beginning of what was sent.
    fn check(&self) {
        let p = &self.p;
        for (seen, sent) in [
            (&p.at_server.received, &self.up),
            (&p.at_client.received, &self.down),
        ] {
            assert!(seen.len() <= sent.len(), "{p}");
            assert_eq!(texts(seen), texts(&sent[..seen.len()]), "{p}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Contract 5: once and in order both ways, whenever the upgrade happens, however often the
    /// latency changes and wherever a probe is cut; nobody loses the connection.
    #[test]
    fn everything_arrives_once_and_in_order(
        config in config(),
        steps in prop::collection::vec(harmless(), 0..60),
    ) {
        let mut run = Run::new(config);
        for step in &steps {
            run.apply(step);
            run.check();
        }
        run.p.link.release_posts(run.p.now);
        run.p.run_for(secs(5));
        let p = &run.p;
        prop_assert_eq!((p.at_client.closed, p.at_server.closed), (None, None), "{}", p);
        prop_assert_eq!(texts(&p.at_server.received), texts(&run.up), "{}", p);
        prop_assert_eq!(texts(&p.at_client.received), texts(&run.down), "{}", p);
    }

    /// Contract 3, contract 11: what a client sent before it closed arrives, at whatever moment
    /// of an upgrade that is.
    #[test]
    fn what_was_sent_before_a_close_arrives(
        config in config(),
        steps in prop::collection::vec(harmless(), 0..30),
        last in 0usize..5,
    ) {
        let mut run = Run::new(config);
        for step in &steps {
            run.apply(step);
        }
        run.p.link.release_posts(run.p.now);
        // a session that never was cannot carry anything
        run.p.drive_until(|p| p.at_client.opened);
        for _ in 0..last {
            run.apply(&Step::Up(false));
        }
        run.p.close();
        prop_assert!(!run.p.send("late"));
        run.p.run_for(secs(5));
        let p = &run.p;
        prop_assert_eq!(texts(&p.at_server.received), texts(&run.up), "{}", p);
        prop_assert_eq!(p.at_server.closed, Some(CloseReason::TransportClose), "{}", p);
        prop_assert_eq!(p.at_client.closed, Some(CloseReason::ForcedClose), "{}", p);
        prop_assert!(p.client.is_closed());
        run.check();
    }

    /// However it breaks, both saw a beginning of what was sent, and it ends on both sides.
    #[test]
    fn a_broken_connection_leaves_no_hole_and_ends(
        config in config(),
        steps in prop::collection::vec(harmful(), 0..60),
    ) {
        let mut run = Run::new(config);
        for step in &steps {
            run.apply(step);
            run.check();
        }
        run.p.link.release_posts(run.p.now);
        run.p.close();
        run.p.run_for(secs(120));
        run.check();
        let p = &run.p;
        prop_assert!(p.client.is_closed() && p.at_client.closed.is_some(), "{}", p);
        let server = p.server.as_ref();
        prop_assert!(server.is_none_or(|server| server.is_closed()), "{}", p);
    }
}

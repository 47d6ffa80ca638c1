//! What the proxy does, seen from both of its sides.

use std::time::{Duration, Instant};

use testkit::{Direction, Harm, Mode, Place, Proxy, Random, Script, ms};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use Direction::{Down, Up};

const PATIENCE: Duration = Duration::from_secs(10);
const HELLO: &[u8] = b"GET /?transport=websocket HTTP/1.1\r\nHost: x\r\n\r\nframes of the client";
const HEAD: u64 = 47;

async fn soon<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, what).await;
    done.expect("it took too long")
}

/// A client and a server with a proxy in between.
struct Ends {
    proxy: Proxy,
    client: TcpStream,
    server: TcpStream,
}

impl Ends {
    async fn with(mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let proxy = Proxy::start(address).await.expect("a proxy");
        proxy.set(mode);
        let client = TcpStream::connect(proxy.address()).await;
        let (server, _) = soon(listener.accept()).await.expect("a connection");
        Self {
            proxy,
            client: client.expect("a connection"),
            server,
        }
    }

    async fn harmed(direction: Direction, place: Place, harm: Harm) -> Self {
        Self::with(Mode::Harm(Script::new().at(direction, place, harm))).await
    }

    async fn says(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.ok();
    }

    /// What the server hears until the end, and whether the end was a RST.
    async fn heard(&mut self) -> (Vec<u8>, bool) {
        rest(&mut self.server).await
    }
}

async fn rest(stream: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut heard = Vec::new();
    let ended = soon(stream.read_to_end(&mut heard)).await;
    (heard, ended.is_err())
}

#[tokio::test]
async fn what_passes_is_counted() {
    let mut ends = Ends::with(Mode::Forward).await;
    ends.says(HELLO).await;
    let mut heard = vec![0; HELLO.len()];
    soon(ends.server.read_exact(&mut heard)).await.expect("all");
    assert_eq!(heard, HELLO);
    assert_eq!(ends.proxy.traffic(), [(HELLO.len() as u64, 0)]);
    assert_eq!((ends.proxy.open(), ends.proxy.accepted()), (1, 1));
}

#[tokio::test]
async fn a_connection_is_cut_at_any_byte_by_rst_and_by_fin() {
    for byte in 0..HELLO.len() as u64 {
        for (harm, is_reset) in [(Harm::Reset, true), (Harm::Finish, false)] {
            let mut ends = Ends::harmed(Up, Place::byte(byte), harm).await;
            ends.says(HELLO).await;
            let (heard, reset) = ends.heard().await;
            // a RST may overtake what it follows
            assert!(
                HELLO.starts_with(&heard) && heard.len() as u64 <= byte,
                "{byte}: {heard:?}"
            );
            assert!(is_reset || heard.len() as u64 == byte, "{byte}: {heard:?}");
            assert_eq!(reset, is_reset, "{byte}");
            assert_eq!(rest(&mut ends.client).await, (Vec::new(), is_reset));
            assert_eq!(ends.proxy.harms().len(), 1);
        }
    }
}

#[tokio::test]
async fn places_may_be_behind_the_head_and_wait_for_what_comes_there() {
    let place = Place::behind_head(6).on_arrival();
    let mut ends = Ends::harmed(Up, place, Harm::Finish).await;
    let (before, later) = HELLO.split_at(HEAD as usize + 6);
    for piece in before.chunks(5) {
        ends.says(piece).await;
    }
    let mut heard = vec![0; before.len()];
    soon(ends.server.read_exact(&mut heard)).await.expect("it");
    assert_eq!((heard.as_slice(), ends.proxy.harms().len()), (before, 0));
    ends.says(later).await;
    assert_eq!(ends.heard().await, (Vec::new(), false));
    assert_eq!(ends.proxy.harms().len(), 1);
}

#[tokio::test]
async fn one_way_is_stalled_and_the_other_goes_on() {
    let mut ends = Ends::harmed(Up, Place::byte(3), Harm::Stall).await;
    ends.says(b"abcdef").await;
    let mut heard = [0; 3];
    soon(ends.server.read_exact(&mut heard)).await.expect("it");
    ends.server.write_all(b"answer").await.expect("written");
    let mut answer = [0; 6];
    soon(ends.client.read_exact(&mut answer)).await.expect("it");
    assert_eq!((&heard, &answer), (b"abc", b"answer"));
    let silence = ends.server.read_u8();
    assert!(tokio::time::timeout(ms(20), silence).await.is_err());
    ends.proxy.cut();
    assert_eq!(ends.heard().await, (Vec::new(), true));
}

#[tokio::test]
async fn silence_is_both_ways_and_lasts_until_both_ends_go() {
    let mut ends = Ends::harmed(Down, Place::byte(2), Harm::Silence).await;
    ends.server.write_all(b"answer").await.expect("written");
    let mut answer = [0; 2];
    soon(ends.client.read_exact(&mut answer)).await.expect("it");
    ends.says(b"is anybody there?").await;
    ends.client.shutdown().await.expect("a FIN");
    let silence = ends.server.read_u8();
    assert!(tokio::time::timeout(ms(20), silence).await.is_err());
    assert_eq!(ends.proxy.open(), 1);
    drop((ends.client, ends.server));
    soon(async {
        while ends.proxy.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn bytes_are_put_in_turned_delayed_and_written_one_by_one() {
    let script = Script::new()
        .at(Up, Place::byte(0), Harm::Trickle)
        .at(Up, Place::byte(2), Harm::Inject(b"!!".to_vec()))
        .at(Up, Place::byte(3), Harm::Corrupt(0x20))
        .at(Up, Place::byte(5), Harm::Delay(ms(30)));
    let mut ends = Ends::with(Mode::Harm(script)).await;
    let begun = Instant::now();
    ends.says(b"abcdef").await;
    let mut heard = [0; 8];
    soon(ends.server.read_exact(&mut heard)).await.expect("it");
    ends.says(b"gh").await;
    ends.client.shutdown().await.expect("a FIN");
    let (late, _) = ends.heard().await;
    assert_eq!(&heard, b"ab!!cDef");
    assert_eq!(
        (late.as_slice(), begun.elapsed() >= ms(30)),
        (b"gh".as_slice(), true)
    );
}

#[tokio::test]
async fn each_connection_is_judged_by_its_number_and_its_first_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let proxy = Proxy::start(address).await.expect("a proxy");
    proxy.choose(|opening| match (opening.number, opening.is_websocket()) {
        (0, _) => Mode::Forward,
        (_, true) => Mode::Close,
        (_, false) => Mode::html("502 Bad Gateway"),
    });
    let mut first = TcpStream::connect(proxy.address()).await.expect("it");
    first.write_all(HELLO).await.expect("written");
    let (mut server, _) = soon(listener.accept()).await.expect("a connection");
    let mut heard = vec![0; HELLO.len()];
    soon(server.read_exact(&mut heard))
        .await
        .expect("all of it");
    assert_eq!(heard, HELLO);
    let mut second = TcpStream::connect(proxy.address()).await.expect("it");
    second.write_all(HELLO).await.expect("written");
    assert_eq!(rest(&mut second).await.0, b"");
    let mut third = TcpStream::connect(proxy.address()).await.expect("it");
    third
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("it");
    assert!(rest(&mut third).await.0.starts_with(b"HTTP/1.1 502"));
}

#[test]
fn what_follows_from_a_seed_is_the_same_every_time() {
    for seed in 0..50 {
        assert_eq!(Script::random(seed, 1000), Script::random(seed, 1000));
        let (mut one, mut two) = (Random::new(seed), Random::new(seed));
        assert!((0..100).all(|_| one.next() == two.next() && one.below(7) == two.below(7)));
        two.next();
        assert_ne!(one.next(), two.next());
    }
    assert_ne!(Script::random(1, 1000), Script::random(2, 1000));
}

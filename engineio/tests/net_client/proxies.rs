//! HTTP and SOCKS 5 proxies, with credentials, for both transports.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engineio::Transport::{Polling, WebSocket};
use engineio::client::{Detail, Event};
use engineio::net::client::{Options, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{App, closed, connect, echoes, header, next, open, over, request};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Http,
    Socks5,
}

/// A proxy for `user` and `secret` that leads `far.example` to one server, and how often it did.
pub(crate) async fn proxy(kind: Kind, to: SocketAddr, port: u16) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let welcome = match kind {
                    Kind::Http => http(&mut client, port).await,
                    Kind::Socks5 => socks(&mut client, port).await,
                };
                if !welcome {
                    return;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let mut server = TcpStream::connect(to).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut server)
                    .await
                    .ok();
            });
        }
    });
    (addr, count)
}

async fn http(client: &mut TcpStream, port: u16) -> bool {
    let (head, _) = request(client).await.unwrap();
    assert!(head.starts_with(&format!("CONNECT far.example:{port} HTTP/1.1\r\n")));
    let known = header(&head, "proxy-authorization") == Some("Basic dXNlcjpzZWNyZXQ=");
    let answer = match known {
        true => "HTTP/1.1 200 Connection established\r\n\r\n",
        false => "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    };
    client.write_all(answer.as_bytes()).await.unwrap();
    known
}

/// RFC 1928 and 1929.
async fn socks(client: &mut TcpStream, port: u16) -> bool {
    let mut offer = [0; 3];
    client.read_exact(&mut offer).await.unwrap();
    if offer != [5, 1, 2] {
        client.write_all(&[5, 0xff]).await.unwrap();
        return false;
    }
    client.write_all(&[5, 2]).await.unwrap();
    let mut credentials = [0; 13];
    client.read_exact(&mut credentials).await.unwrap();
    let known = &credentials == b"\x01\x04user\x06secret";
    client.write_all(&[1, u8::from(!known)]).await.unwrap();
    if !known {
        return false;
    }
    let mut target = [0; 18];
    client.read_exact(&mut target).await.unwrap();
    assert_eq!(&target[..16], b"\x05\x01\x00\x03\x0bfar.example");
    assert_eq!(target[16..], port.to_be_bytes());
    let done = [5, 0, 0, 1, 127, 0, 0, 1, 0, 80];
    client.write_all(&done).await.unwrap();
    true
}

pub(crate) fn through(kind: Kind, credentials: &str, addr: SocketAddr) -> Proxy {
    match kind {
        Kind::Http => Proxy::http(format!("http://{credentials}@{addr}")),
        Kind::Socks5 => Proxy::socks5(format!("{credentials}@{addr}")),
    }
}

#[tokio::test]
async fn both_transports_go_through_a_proxy_with_credentials() {
    for kind in [Kind::Http, Kind::Socks5] {
        let app = App::start().await;
        let (addr, count) = proxy(kind, app.addr, 80).await;
        for transport in [Polling, WebSocket] {
            let before = count.load(Ordering::SeqCst);
            let options = Options::new("http://far.example").unwrap();
            let options = options.transports([transport]);
            let good = options.clone().proxy(through(kind, "user:secret", addr));
            echoes(&mut open(good).await, "through").await;
            assert!(count.load(Ordering::SeqCst) > before);
            let wrong = options.proxy(through(kind, "user:wrong!", addr));
            let mut connection = connect(wrong);
            closed(&mut connection).await;
            let detail = connection.detail();
            assert!(matches!(detail, Some(Detail::Io(_))), "{kind:?} {detail:?}");
        }
        let options = Options::new("http://far.example").unwrap();
        let mut connection = open(options.proxy(through(kind, "user:secret", addr))).await;
        while next(&mut connection).await != Event::Upgraded {}
    }
}

/// What the environment says is read where nobody else's tests can see it: see `environment`.
#[tokio::test]
async fn proxies_of_the_environment() {
    let app = App::start().await;
    let (addr, count) = proxy(Kind::Http, app.addr, 80).await;
    for (variable, value, url, used) in [
        (
            "HTTP_PROXY",
            format!("http://user:secret@{addr}"),
            "http://far.example".to_owned(),
            true,
        ),
        (
            "http_proxy",
            format!("user:secret@{addr}"),
            "ws://far.example".to_owned(),
            true,
        ),
        (
            "ALL_PROXY",
            format!("http://user:secret@{addr}"),
            "http://far.example".to_owned(),
            true,
        ),
        // a loopback host is reached directly
        (
            "ALL_PROXY",
            format!("http://user:secret@{addr}"),
            format!("http://{}", app.addr),
            false,
        ),
    ] {
        let before = count.load(Ordering::SeqCst);
        let program = std::env::current_exe().unwrap();
        let mut child = tokio::process::Command::new(program);
        child
            .args(["--exact", "proxies::environment", "--ignored"])
            .env_clear()
            .env(variable, value)
            .env("PROXY_TEST_URL", &url);
        let output = child.output().await.unwrap();
        assert!(output.status.success(), "{variable}: {output:?}");
        assert_eq!(
            count.load(Ordering::SeqCst) > before,
            used,
            "{variable} {url}"
        );
    }
}

#[tokio::test]
#[ignore = "run by proxies_of_the_environment, with its environment"]
async fn environment() {
    let url = std::env::var("PROXY_TEST_URL").unwrap();
    let mut connection = open(Options::new(&url).unwrap()).await;
    echoes(&mut connection, "through").await;
}

#[tokio::test]
async fn a_proxy_that_is_not_there() {
    let app = App::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    for kind in [Kind::Http, Kind::Socks5] {
        let options = over(&app, Polling).proxy(through(kind, "a:b", addr));
        let mut connection = connect(options);
        closed(&mut connection).await;
        let detail = connection.detail().unwrap().to_string();
        assert!(detail.contains("refused"), "{detail}");
    }
}

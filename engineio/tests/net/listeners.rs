//! What `serve` takes connections from: TLS and Unix sockets.

use engineio::net::server::{Listener, Options, Server, on_connection, serve};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::support::{OPEN_POLLING, OPEN_WEBSOCKET, eventually, frame, soon, upgrade_request};

/// An echo server on any listener, for as long as the test runs.
fn start<L: Listener + Sync>(listener: L, options: Options) -> Server {
    let service = on_connection(options, async |mut connection| {
        while let Some(message) = connection.recv().await {
            let secure = connection.handshake().is_secure();
            connection.send(format!("{secure}").as_str().into()).ok();
            connection.send(message).ok();
        }
    });
    let server = service.server();
    tokio::spawn(serve(
        listener,
        server.clone(),
        service,
        std::future::pending(),
    ));
    server
}

/// Bytes until they end with this.
async fn until(stream: &mut (impl AsyncRead + Unpin), end: &[u8]) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        read.push(soon(stream.read_u8()).await.unwrap());
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// Both transports, on one connection.
async fn works(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), secure: bool) {
    let request = format!("GET {OPEN_POLLING} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(until(stream, b"}").await.starts_with("HTTP/1.1 200"));
    let upgrade = upgrade_request(OPEN_WEBSOCKET, "");
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    assert!(until(stream, b"\r\n\r\n").await.starts_with("HTTP/1.1 101"));
    assert!(until(stream, b"}").await.contains("0{\"sid\""));
    stream.write_all(&frame(0x81, b"4hello")).await.unwrap();
    stream.flush().await.unwrap();
    let answer = until(stream, b"hello").await;
    assert!(answer.contains(&format!("4{secure}")), "{answer:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket() {
    let folder = std::env::temp_dir().join(format!("engineio-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("server.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let server = start(listener, Options::default());
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    works(&mut stream, false).await;
    drop(stream);
    eventually(|| server.connections() == 0).await;
    std::fs::remove_dir_all(&folder).unwrap();
}

#[cfg(feature = "rustls")]
mod tls {
    use std::sync::Arc;
    use std::time::Duration;

    use engineio::net::server::Tls;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    struct Secured {
        server: Server,
        addr: std::net::SocketAddr,
        client: Arc<ClientConfig>,
    }

    async fn secured(options: Options) -> Secured {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let tls = Tls::from_pem(listener, chain.as_bytes(), key.as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Secured {
            server: start(tls, options),
            addr,
            client: Arc::new(client),
        }
    }

    #[tokio::test]
    async fn both_transports_over_tls_and_the_handshake_says_so() {
        let secured = secured(Options::default()).await;
        let tcp = TcpStream::connect(secured.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connecting = TlsConnector::from(secured.client).connect(name, tcp);
        let mut stream = soon(connecting).await.unwrap();
        works(&mut stream, true).await;
        drop(stream);
        let server = secured.server;
        eventually(|| server.connections() + server.tasks() == 1).await;
    }

    /// RUSTSEC-2024-0336: the handshake cut at each byte, by an end and by silence.
    #[tokio::test]
    async fn a_handshake_that_stops_at_any_byte_leaves_nothing() {
        let mut options = Options::default();
        options.head_timeout = Duration::from_millis(300);
        let secured = secured(options).await;
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::clone(&secured.client), name).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        let mut silent = Vec::new();
        for cut in 0..hello.len() {
            let mut stream = TcpStream::connect(secured.addr).await.unwrap();
            stream.write_all(&hello[..cut]).await.unwrap();
            if cut % 16 == 0 {
                silent.push(stream);
            }
        }
        let server = &secured.server;
        eventually(|| server.connections() == 0).await;
        drop(silent);
        let tcp = TcpStream::connect(secured.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connecting = TlsConnector::from(secured.client).connect(name, tcp);
        works(&mut soon(connecting).await.unwrap(), true).await;
    }

    #[tokio::test]
    async fn what_is_no_certificate_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = Tls::from_pem(listener, b"nonsense", b"nonsense").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

//! Who is trusted, and who is not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engineio::Transport::{Polling, WebSocket};
use engineio::client::{Detail, Event};
use engineio::net::client::{BuildError, Client, Options, Tls};
use engineio::net::server::{self, on_connection, serve};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::proxies::{Kind, proxy, through};
use crate::support::{closed, connect, echoes, next, open};

/// An authority, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key, in PEM and DER.
    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Signed { certificate, key }
    }
}

struct Signed {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

/// An echo server, which may ask for certificates of `clients`.
async fn server(signed: &Signed, clients: Option<&Authority>) -> SocketAddr {
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.0.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = vec![signed.certificate.der().clone()];
    let key = PrivateKeyDer::try_from(signed.key.serialize_der()).unwrap();
    let config = builder.with_single_cert(chain, key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let service = on_connection(server::Options::default(), async |mut connection| {
        while let Some(data) = connection.recv().await {
            connection.send(data).ok();
        }
    });
    let listener = server::Tls::new(listener, Arc::new(config));
    tokio::spawn(serve(
        listener,
        service.server(),
        service,
        std::future::pending(),
    ));
    addr
}

fn to(addr: SocketAddr, host: &str) -> Options {
    Options::new(&format!("wss://{host}:{}", addr.port())).unwrap()
}

async fn refused(options: Options) -> String {
    let mut connection = connect(options);
    closed(&mut connection).await;
    match connection.detail() {
        Some(Detail::Io(words)) => words.clone(),
        detail => panic!("{detail:?}"),
    }
}

#[tokio::test]
async fn an_own_authority_is_trusted_on_both_transports() {
    let authority = Authority::new("ours");
    let addr = server(&authority.sign("localhost", |_| ()), None).await;
    let pem = Tls::new().ca_pem(authority.pem());
    let der = Tls::new()
        .ca_der(authority.0.der().to_vec())
        .only_own_authorities();
    for tls in [pem, der] {
        for transport in [Polling, WebSocket] {
            let options = to(addr, "localhost")
                .transports([transport])
                .tls(tls.clone());
            let mut connection = open(options).await;
            echoes(&mut connection, &"behind TLS ".repeat(50_000)).await;
        }
        let mut connection = open(to(addr, "localhost").tls(tls)).await;
        while next(&mut connection).await != Event::Upgraded {}
    }
    // the address is a name, too
    let addr = server(&authority.sign("127.0.0.1", |_| ()), None).await;
    let tls = Tls::new().ca_pem(authority.pem());
    open(to(addr, "127.0.0.1").tls(tls)).await;
}

#[tokio::test]
async fn certificates_that_prove_nothing_are_refused() {
    let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
    let old = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    };
    for (signed, words) in [
        (other.sign("localhost", |_| ()), "UnknownIssuer"),
        (
            authority.sign("elsewhere.example", |_| ()),
            "not valid for name",
        ),
        (authority.sign("localhost", old), "expired"),
    ] {
        let addr = server(&signed, None).await;
        let tls = Tls::new().ca_pem(authority.pem());
        for transport in [Polling, WebSocket] {
            let options = to(addr, "localhost").transports([transport]);
            let said = refused(options.clone().tls(tls.clone())).await;
            assert!(said.contains(words), "{said}");
            // unless nobody cares
            let anybody = Tls::new().dangerous_accept_any_certificate();
            echoes(&mut open(options.tls(anybody)).await, "dangerous").await;
        }
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let authority = Authority::new("ours");
    let addr = server(&authority.sign("localhost", |_| ()), Some(&authority)).await;
    let tls = Tls::new().ca_pem(authority.pem());
    refused(to(addr, "localhost").tls(tls.clone())).await;
    let own = authority.sign("client", |_| ());
    let (chain, key) = (own.certificate.pem(), own.key.serialize_pem());
    let tls = tls.client_certificate(chain, key);
    echoes(&mut open(to(addr, "localhost").tls(tls)).await, "known").await;
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_told_of() {
    let build = |tls| Client::new(Options::new("https://localhost").unwrap().tls(tls)).err();
    for tls in [
        Tls::new().ca_pem("nonsense"),
        Tls::new().ca_der("nonsense"),
        Tls::new()
            .dangerous_accept_any_certificate()
            .client_certificate("a", "b"),
    ] {
        let error = build(tls);
        assert!(matches!(error, Some(BuildError::Tls(_))), "{error:?}");
    }
    let nobody = build(Tls::new().only_own_authorities());
    assert_eq!(nobody, Some(BuildError::NoRoots));
}

#[tokio::test]
async fn tls_goes_through_proxies() {
    let authority = Authority::new("ours");
    let addr = server(&authority.sign("far.example", |_| ()), None).await;
    for kind in [Kind::Http, Kind::Socks5] {
        let (proxy, count) = proxy(kind, addr, 443).await;
        let options = Options::new("https://far.example").unwrap();
        let options = options.proxy(through(kind, "user:secret", proxy));
        let tls = Tls::new().ca_pem(authority.pem());
        let mut connection = open(options.tls(tls)).await;
        while next(&mut connection).await != Event::Upgraded {}
        assert!(count.load(Ordering::SeqCst) >= 2);
    }
}

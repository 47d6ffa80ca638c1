//! [`Tls`]: whom a client trusts, and who it is.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::dial::Stream;
use super::error::BuildError;

/// TLS of a client, by rustls: versions 1.2 and 1.3, HTTP/1.1 by ALPN.
///
/// The certificate of the server must be of an authority of Mozilla's list (feature
/// `rustls-webpki-roots`), of the operating system's (`rustls-platform-roots`) or of
/// [`Tls::ca_pem`], and of the host in the URL.
#[derive(Clone, Default)]
pub struct Tls {
    settings: Settings,
    /// What was made of them: a client whose other options change keeps its TLS sessions.
    built: Arc<OnceLock<Arc<ClientConfig>>>,
}

#[derive(Clone, Default)]
struct Settings {
    config: Option<Arc<ClientConfig>>,
    authorities: Vec<Encoded>,
    own_only: bool,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    accept_any: bool,
}

#[derive(Clone)]
enum Encoded {
    Pem(Vec<u8>),
    Der(Vec<u8>),
}

impl Tls {
    /// The authorities that the features bring, and nobody else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole configuration of rustls; nothing else here matters then. It should offer
    /// `http/1.1` by ALPN, or nothing.
    #[must_use]
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self::default().change(|settings| settings.config = Some(config))
    }

    /// Trusts the certificates in a PEM file as well.
    #[must_use]
    pub fn ca_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        let pem = Encoded::Pem(pem.into());
        self.change(|settings| settings.authorities.push(pem))
    }

    /// Trusts a certificate in DER as well.
    #[must_use]
    pub fn ca_der(self, der: impl Into<Vec<u8>>) -> Self {
        let der = Encoded::Der(der.into());
        self.change(|settings| settings.authorities.push(der))
    }

    /// Trusts [`Tls::ca_pem`] and [`Tls::ca_der`] alone, not the lists of the features.
    #[must_use]
    pub fn only_own_authorities(self) -> Self {
        self.change(|settings| settings.own_only = true)
    }

    /// The certificate chain of the client, its own first, and its private key, both PEM, for
    /// servers that ask for one.
    #[must_use]
    pub fn client_certificate(self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let identity = Some((chain.into(), key.into()));
        self.change(|settings| settings.identity = identity)
    }

    /// Trusts anybody. Whoever stands between client and server can then read and change all
    /// that they say: for tests, and nowhere else.
    #[must_use]
    pub fn dangerous_accept_any_certificate(self) -> Self {
        self.change(|settings| settings.accept_any = true)
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self.built = Arc::default();
        self
    }

    pub(super) fn connector(&self, host: &str) -> Result<Connector, BuildError> {
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(name.to_owned()).map_err(|error| tls(&error))?;
        let config = match self.built.get() {
            Some(config) => config,
            None => {
                let config = self.settings.build()?;
                self.built.get_or_init(|| config)
            }
        };
        let connector = TlsConnector::from(Arc::clone(config));
        Ok(Connector { connector, name })
    }
}

impl Settings {
    fn build(&self) -> Result<Arc<ClientConfig>, BuildError> {
        if let Some(config) = &self.config {
            return Ok(Arc::clone(config));
        }
        let provider = CryptoProvider::get_default().cloned();
        let provider = provider.unwrap_or_else(|| Arc::new(ring::default_provider()));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(&error))?;
        let builder = if self.accept_any {
            let verifier = Arc::new(AcceptAny(provider));
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        } else {
            builder.with_root_certificates(self.roots()?)
        };
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = certificates(chain)?;
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| tls(&error))?;
                let config = builder.with_client_auth_cert(chain, key);
                config.map_err(|error| tls(&error))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, BuildError> {
        let mut roots = RootCertStore::empty();
        for authority in &self.authorities {
            let certificates = match authority {
                Encoded::Pem(pem) => certificates(pem)?,
                Encoded::Der(der) => vec![CertificateDer::from(der.clone())],
            };
            for certificate in certificates {
                roots.add(certificate).map_err(|error| tls(&error))?;
            }
        }
        #[cfg(feature = "rustls-webpki-roots")]
        if !self.own_only {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        #[cfg(feature = "rustls-platform-roots")]
        if !self.own_only {
            // some systems have certificates that rustls does not understand
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
        if roots.is_empty() {
            return Err(BuildError::NoRoots);
        }
        Ok(roots)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| tls(&error))?;
    if certificates.is_empty() {
        return Err(BuildError::Tls("expected a certificate in PEM".to_owned()));
    }
    Ok(certificates)
}

fn tls(error: &dyn fmt::Display) -> BuildError {
    BuildError::Tls(error.to_string())
}

/// Nothing of it: a key is among the settings.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Makes TLS streams to one host.
#[derive(Clone)]
pub(super) struct Connector {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Connector {
    pub(super) async fn connect(&self, tcp: TcpStream) -> io::Result<Stream> {
        let stream = self.connector.connect(self.name.clone(), tcp).await?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connector").field(&self.name).finish()
    }
}

/// Looks at signatures, so that the handshake is one, and at nothing else.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

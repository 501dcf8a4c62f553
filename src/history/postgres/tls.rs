//! TLS to the database, by rustls: whom it trusts is what libpq's `sslmode` says.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use crate::history::store::{Result, StoreError};

/// Whom a connection trusts.
pub(super) enum Trust {
    /// Whoever answers: what is said is hidden from those who only listen.
    Anyone,
    /// Who has a certificate of an authority.
    Signed(Roots),
    /// Who has one for the name that was asked for.
    Named(Roots),
}

/// The authorities.
pub(super) enum Roots {
    /// Those that the system trusts.
    OfSystem,
    /// Those in a file.
    In(PathBuf),
}

/// Who we are: files of a certificate and its key.
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// How TLS is spoken.
#[derive(Clone)]
pub(super) struct Tls(Option<Arc<ClientConfig>>);

fn fault(why: impl fmt::Display) -> StoreError {
    StoreError::Unreachable(format!("TLS cannot be spoken: {why}"))
}

impl Tls {
    /// Not at all.
    pub(super) const fn none() -> Self {
        Self(None)
    }

    pub(super) fn new(trust: Trust, identity: Option<Identity>) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = builder.map_err(fault)?;
        let lenient = |roots| Arc::new(Lenient { provider, roots });
        let builder = match trust {
            Trust::Named(roots) => builder.with_root_certificates(read_roots(&roots)?),
            Trust::Signed(roots) => {
                builder.dangerous().with_custom_certificate_verifier(lenient(Some(read_roots(&roots)?)))
            }
            Trust::Anyone => builder.dangerous().with_custom_certificate_verifier(lenient(None)),
        };
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let chain = CertificateDer::pem_file_iter(certificate)
                    .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
                    .map_err(|error| fault(format!("the file of `sslcert` cannot be read: {error}")))?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| fault(format!("the file of `sslkey` cannot be read: {error}")))?;
                builder.with_client_auth_cert(chain, key).map_err(fault)?
            }
        };
        Ok(Self(Some(Arc::new(config))))
    }
}

fn read_roots(roots: &Roots) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    let found = match roots {
        Roots::OfSystem => rustls_native_certs::load_native_certs().certs,
        Roots::In(file) => CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|error| fault(format!("the file of `sslrootcert` cannot be read: {error}")))?,
    };
    store.add_parsable_certificates(found);
    match store.is_empty() {
        true => Err(fault("there are no certificates of authorities; `sslrootcert` names a file of them")),
        false => Ok(store),
    }
}

/// Asks for no name; where it has authorities, for a certificate of one of them.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    roots: Option<RootCertStore>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let parsed = ParsedCertificate::try_from(certificate)?;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, between, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl<S> MakeTlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> io::Result<Handshake> {
        // A path, as of a socket in the file system, is no name; nobody asks for TLS there.
        Ok(Handshake { config: self.0.clone(), name: ServerName::try_from(domain.to_owned()).ok() })
    }
}

/// TLS that is about to be spoken to somebody.
pub(super) struct Handshake {
    config: Option<Arc<ClientConfig>>,
    name: Option<ServerName<'static>>,
}

impl<S> TlsConnect<S> for Handshake
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let (Some(config), Some(name)) = (self.config, self.name) else {
                return Err(io::Error::other("the host has no name that a certificate could have"));
            };
            TlsConnector::from(config).connect(name, stream).await.map(|stream| Stream(Box::new(stream)))
        })
    }
}

/// What is said over TLS.
pub(super) struct Stream<S>(Box<tokio_rustls::client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

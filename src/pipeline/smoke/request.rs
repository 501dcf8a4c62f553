//! One read-only request, and what its answer means.

use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use rustls::CertificateError;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, RustlsConnector, TcpConnector, Transport};
use ureq::{Agent, Error};

use super::GLANCE;
use crate::config::SmokeCheck;
use crate::model::write_duration;

/// So much of an answer is read.
const READ: u64 = 64 * 1024;

/// What a request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The answer is the one that must come.
    Good { status: u16, why: String },
    /// Somebody is there, and does not answer as it should.
    Wrong { status: Option<u16>, why: String },
    /// Nobody is there, or leaves without a word.
    Unreachable(String),
    /// An end was asked for before it was known.
    Interrupted,
}

impl Reply {
    fn wrong(why: impl Into<String>) -> Self {
        Self::Wrong { status: None, why: why.into() }
    }
}

/// Who asks, and whom it trusts.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// Authorities of certificates; read from the system where they are first needed.
    roots: OnceLock<Result<RootCerts, String>>,
}

impl Client {
    /// Trusts these alone.
    #[cfg(test)]
    pub(super) fn trusting(certificates: &[Certificate<'static>]) -> Self {
        Self { roots: OnceLock::from(Ok(RootCerts::new_with_certs(certificates))) }
    }

    /// Asks once; returns soon after an end was asked for.
    pub(super) fn ask(&self, check: &SmokeCheck, interrupted: &dyn Fn() -> bool) -> Reply {
        let roots = match self.roots_for(&check.url) {
            Ok(roots) => roots,
            Err(why) => return Reply::wrong(why),
        };
        let reached = Arc::new(AtomicBool::new(false));
        let agent = agent(check.timeout, roots, &reached);
        let (asking, check) = (agent.clone(), check.clone());
        let (sender, reply) = mpsc::sync_channel(1);
        // Nobody hears of an answer that is not waited for any more.
        let ask = move || drop(sender.send(exchange(&asking, &check, &reached)));
        if let Err(error) = thread::Builder::new().name("smoke".into()).spawn(ask) {
            return Reply::Unreachable(format!("cannot be asked: {error}"));
        }
        loop {
            match reply.recv_timeout(GLANCE) {
                Ok(reply) => return reply,
                Err(RecvTimeoutError::Timeout) if !interrupted() => {}
                Err(RecvTimeoutError::Timeout) => {
                    agent.shutdown();
                    return Reply::Interrupted;
                }
                Err(RecvTimeoutError::Disconnected) => return Reply::wrong("cannot be asked: the request broke down"),
            }
        }
    }

    fn roots_for(&self, url: &str) -> Result<RootCerts, String> {
        let is_plain = url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
        match is_plain {
            true => Ok(RootCerts::new_with_certs(&[])),
            false => self.roots.get_or_init(roots_of_system).clone(),
        }
    }
}

/// The authorities that the system trusts, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
fn roots_of_system() -> Result<RootCerts, String> {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<Certificate<'static>> =
        found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    match (roots.is_empty(), found.errors.first()) {
        (false, _) => Ok(RootCerts::new_with_certs(&roots)),
        (true, Some(error)) => {
            Err(format!("cannot be asked: the certificates that the system trusts cannot be read: {error}"))
        }
        (true, None) => {
            Err("cannot be asked: the system trusts no certificates; `SSL_CERT_FILE` names others".to_owned())
        }
    }
}

/// A connector that takes note of a connection, before anything is said on it.
#[derive(Debug)]
struct Noting(Arc<AtomicBool>);

impl<In: Transport> Connector<In> for Noting {
    type Out = In;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<In>, Error> {
        self.0.store(chained.is_some(), Ordering::Relaxed);
        Ok(chained)
    }
}

fn agent(timeout: Option<Duration>, roots: RootCerts, reached: &Arc<AtomicBool>) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .timeout_global(timeout)
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("cargo-gate/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .tls_config(tls)
        .build();
    // No link of this chain knows of proxies.
    let connector =
        ().chain(TcpConnector::default()).chain(Noting(Arc::clone(reached))).chain(RustlsConnector::default());
    Agent::with_parts(config, connector, DefaultResolver::default())
}

fn exchange(agent: &Agent, check: &SmokeCheck, reached: &AtomicBool) -> Reply {
    let mut answer = match agent.get(&check.url).header("Connection", "close").call() {
        Ok(answer) => answer,
        Err(error) => return without_answer(&error, reached.load(Ordering::Relaxed), check.timeout),
    };
    let status = answer.status();
    let wrong = |why: String| Reply::Wrong { status: Some(status.as_u16()), why };
    if status.as_u16() != check.status {
        let hint = if status.is_redirection() { "; redirects are not followed" } else { "" };
        return wrong(format!("answers {} in place of {}{hint}", status.as_u16(), check.status));
    }
    let mut read = Vec::new();
    if let Err(error) = answer.body_mut().as_reader().take(READ).read_to_end(&mut read) {
        return wrong(format!("answers {}, but {}", status.as_u16(), cut_short(error, check.timeout)));
    }
    let Some(text) = &check.contains else {
        return Reply::Good { status: status.as_u16(), why: format!("answers {}", status.as_u16()) };
    };
    if memchr::memmem::find(&read, text.as_bytes()).is_some() {
        return Reply::Good { status: status.as_u16(), why: format!("answers {} with `{text}`", status.as_u16()) };
    }
    let encoding = answer.headers().get("content-encoding").and_then(|encoding| encoding.to_str().ok());
    let hint = match encoding {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
            format!(", which came as {encoding}, though that was not asked for")
        }
        _ => String::new(),
    };
    wrong(format!("answers {} without `{text}` in the first {} KiB{hint}", status.as_u16(), READ / 1024))
}

/// Why the body did not come to its end.
fn cut_short(error: io::Error, limit: Option<Duration>) -> String {
    match Error::from(error) {
        Error::Timeout(_) => format!("comes to no end within {}", limit.map(write_duration).unwrap_or_default()),
        Error::Io(error) => format!("breaks off: {error}"),
        error => format!("breaks off: {error}"),
    }
}

/// What it means that no answer came; `reached`: a connection stood.
fn without_answer(error: &Error, reached: bool, limit: Option<Duration>) -> Reply {
    let within = || limit.map(write_duration).unwrap_or_default();
    match error {
        Error::Timeout(_) if reached => Reply::wrong(format!("does not answer within {}", within())),
        Error::Timeout(_) => Reply::Unreachable(format!("cannot be reached within {}", within())),
        Error::HostNotFound | Error::ConnectionFailed => Reply::Unreachable(format!("cannot be reached: {error}")),
        Error::Rustls(error) => Reply::wrong(without_trust(error)),
        Error::Io(error) => {
            if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                return Reply::wrong(without_trust(error));
            }
            let is_gone = matches!(
                error.kind(),
                ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof
            );
            match (reached, is_gone) {
                (false, _) => Reply::Unreachable(format!("cannot be reached: {error}")),
                (true, true) => Reply::Unreachable("closes the connection without an answer".to_owned()),
                (true, false) => Reply::wrong(format!("does not answer: {error}")),
            }
        }
        // These would quote the address, with all that is in it.
        Error::BadUri(_) | Error::Http(_) => Reply::wrong("cannot be asked: that is no http or https address"),
        Error::Protocol(error) => Reply::wrong(format!("answers something that is not HTTP: {error}")),
        error => Reply::wrong(format!("does not answer as it should: {error}")),
    }
}

/// Why no TLS came about.
fn without_trust(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(fault) = error else { return format!("speaks no TLS with us: {error}") };
    match fault {
        CertificateError::UnknownIssuer => "has a certificate of an authority that the system does not trust; \
                                            `SSL_CERT_FILE` names others"
            .to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has a certificate that has expired".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "has a certificate of another name".to_owned()
        }
        _ => format!("has a certificate that is not valid: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_reached_is_not_asked_again_unless_it_hung_up() {
        use ureq::Timeout;
        let io = |kind: ErrorKind| Error::Io(kind.into());
        let (gone, nowhere) = (io(ErrorKind::ConnectionReset), io(ErrorKind::NetworkUnreachable));
        let untrusted = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = Error::Io(io::Error::new(ErrorKind::InvalidData, untrusted.clone()));
        for (error, reached, is_unreachable) in [
            (Error::Timeout(Timeout::Resolve), false, true),
            (Error::Timeout(Timeout::Global), false, true),
            (Error::Timeout(Timeout::Connect), false, true),
            (Error::Timeout(Timeout::Global), true, false),
            (Error::HostNotFound, false, true),
            (nowhere, false, true),
            (gone, true, true),
            (io(ErrorKind::UnexpectedEof), true, true),
            (io(ErrorKind::InvalidData), true, false),
            (Error::Rustls(untrusted), true, false),
            (wrapped, true, false),
            (Error::LargeResponseHeader(2, 1), true, false),
        ] {
            let reply = without_answer(&error, reached, Some(Duration::from_secs(5)));
            assert_eq!(matches!(reply, Reply::Unreachable(_)), is_unreachable, "{error:?}, {reached}: {reply:?}");
        }
    }
}

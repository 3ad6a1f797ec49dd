//! TLS to everything that this program connects to: which certificates are trusted, and the stream.
//!
//! Owns the process's cryptographic provider and the one client configuration that PostgreSQL,
//! Redis, RabbitMQ and the collector of traces share. A connection's URL decides whether it is
//! encrypted.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

/// A connection to a server, in the clear or encrypted.
pub type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Makes `ring` the process's cryptographic provider, for every library that asks for the default one.
/// A second call has no effect.
pub fn install_crypto_provider() {
    // It fails when there is one, which can only be this one: `deny.toml` forbids every other.
    let _ = ring::default_provider().install_default();
}

/// The authorities whose certificates are trusted. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<Trust>);

struct Trust {
    /// Certificates of a file.
    named: RootCertStore,
    /// Whether the system's are trusted too.
    system: bool,
    config: OnceLock<Arc<ClientConfig>>,
}

/// Why a file of certificates cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", file.display())]
pub struct BadCertificates {
    /// The file.
    pub file: PathBuf,
    /// The reason, as the rest of a sentence.
    pub why: String,
}

impl Tls {
    /// Trusts the system's authorities alone.
    pub fn system() -> Self {
        Self::new(RootCertStore::empty(), true)
    }

    /// Trusts the system's authorities and those of a PEM file. Fails when the file cannot be read, or
    /// holds no certificate, or one that cannot be read.
    pub fn with_authorities(file: &Path) -> Result<Self, BadCertificates> {
        Ok(Self::new(read(file)?, true))
    }

    /// Trusts the authorities of a PEM file alone. Fails as [`with_authorities`](Self::with_authorities).
    pub fn only_authorities(file: &Path) -> Result<Self, BadCertificates> {
        Ok(Self::new(read(file)?, false))
    }

    fn new(named: RootCertStore, system: bool) -> Self {
        Self(Arc::new(Trust { named, system, config: OnceLock::new() }))
    }

    /// The client configuration. The system's certificates are read when it is first asked for; a
    /// machine that has none can still connect in the clear, and to servers that a file vouches for.
    pub fn config(&self) -> Arc<ClientConfig> {
        let make = || {
            let mut roots = self.0.named.clone();
            if self.0.system {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            // A test, a bench or a command may be the first to need it.
            install_crypto_provider();
            Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
        };
        Arc::clone(self.0.config.get_or_init(make))
    }

    /// Connects to a server. Fails when it cannot be reached or, if `encrypted`, when its certificate
    /// is not trusted or is not for `host`. Has no time limit; the caller sets one.
    pub fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        encrypted: bool,
    ) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move {
            let stream = TcpStream::connect((host, port)).await?;
            // Messages are small, and somebody waits for each answer.
            stream.set_nodelay(true)?;
            if !encrypted {
                return Ok(Either::Left(stream));
            }
            let name = ServerName::try_from(host.to_owned());
            let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            let stream = TlsConnector::from(self.config()).connect(name, stream).await?;
            Ok(Either::Right(Box::new(stream)))
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({} named, system: {})", self.0.named.len(), self.0.system)
    }
}

/// The certificates of a PEM file.
fn read(file: &Path) -> Result<RootCertStore, BadCertificates> {
    let bad = |why: String| BadCertificates { file: file.to_owned(), why };
    let pem = std::fs::read(file).map_err(|error| bad(format!("it cannot be read ({error})")))?;
    let mut roots = RootCertStore::empty();
    for (at, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let unreadable =
            |error: &dyn fmt::Display| bad(format!("certificate {} is broken ({error})", at + 1));
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() {
        return Err(bad("it has no certificate in PEM form".to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(content: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, content).unwrap();
        let error = Tls::with_authorities(&file).unwrap_err().to_string();
        error.strip_prefix(&format!("{}: ", file.display())).unwrap().to_owned()
    }

    #[test]
    fn a_file_without_a_sound_certificate_is_refused() {
        assert_eq!(failure(b""), "it has no certificate in PEM form");
        assert_eq!(failure(b"\x30\x82\x01"), "it has no certificate in PEM form");
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = failure(broken);
        assert!(error.starts_with("certificate 1 is broken ("), "{error}");
        let error = Tls::only_authorities(Path::new("/nowhere.pem")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere.pem: it cannot be read ("), "{error}");
    }

    #[test]
    fn the_provider_is_installed_once_and_for_all() {
        install_crypto_provider();
        install_crypto_provider();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}

//! Whether a connection is encrypted, and whom it trusts: `sslmode` and its files, with the meaning that PostgreSQL's own
//! clients give them.
use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postgres::config::{Host, SslMode};
use postgres::error::SqlState;
use postgres::tls::MakeTlsConnect;
use postgres::{Client, Config, Error, NoTls, Socket};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::environment::variable;
use crate::BadStoreUrl;

/// What a connection has to be, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    /// In clear.
    Disable,
    /// Encrypted where the server can do it.
    Prefer,
    /// Encrypted, with anybody.
    Require,
    /// With a server whose certificate is of a trusted authority.
    VerifyCa,
    /// And names the host that it was looked for at.
    VerifyFull,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Authorities {
    /// Those that the system trusts.
    System,
    /// Those in this file.
    File(PathBuf),
}

/// How a server is to be talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encryption {
    mode: Mode,
    authorities: Authorities,
    /// Who we are: files with a certificate and its key.
    identity: Option<(PathBuf, PathBuf)>,
}

/// What a URL says of it; what it leaves out is in the environment, or in the user's folder `~/.postgresql`.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) mode: Option<String>,
    pub(super) authorities: Option<String>,
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
}

impl Wanted {
    pub(super) fn decided(self) -> Result<Encryption, BadStoreUrl> {
        let file = |said: Option<String>, name: &str, usual: &str| {
            let usual =
                || std::env::home_dir().map(|home| home.join(".postgresql").join(usual)).filter(|path| path.is_file());
            said.or_else(|| variable(&[name])).map(PathBuf::from).or_else(usual)
        };
        let authorities = file(self.authorities, "PGSSLROOTCERT", "root.crt");
        let system = authorities.as_deref() == Some(Path::new("system"));
        let text = self.mode.or_else(|| variable(&["PGSSLMODE"]));
        let mode = match text.as_deref() {
            None if system => Mode::VerifyFull,
            // `allow` asks for encryption only if the server will not have it otherwise.
            None | Some("allow" | "prefer") => Mode::Prefer,
            Some("disable") => Mode::Disable,
            // Who names authorities wants them to be looked at.
            Some("require") if authorities.is_some() && !system => Mode::VerifyCa,
            Some("require") => Mode::Require,
            Some("verify-ca") => Mode::VerifyCa,
            Some("verify-full") => Mode::VerifyFull,
            Some(unknown) => return Err(BadStoreUrl::Encryption(unknown.to_owned())),
        };
        // Anybody can have a certificate of an authority that all systems trust: it says something with its name only.
        let named = authorities.is_some() && !system;
        if system && mode < Mode::VerifyFull || !named && mode == Mode::VerifyCa {
            return Err(BadStoreUrl::WeakEncryption(text.unwrap_or_default()));
        }
        let certificate = file(self.certificate, "PGSSLCERT", "postgresql.crt");
        let key = file(self.key, "PGSSLKEY", "postgresql.key");
        let identity = match (certificate, key) {
            _ if mode == Mode::Disable => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, _) => None,
            (Some(_), None) => return Err(BadStoreUrl::NoKey),
        };
        let authorities = authorities.filter(|_| !system).map_or(Authorities::System, Authorities::File);
        Ok(Encryption { mode, authorities, identity })
    }
}

impl Encryption {
    /// Connects as it says.
    pub(super) fn connect(&self, mut config: Config) -> Result<Client, Error> {
        // What goes through a socket of this machine is read by nobody else, and servers do not encrypt it.
        let socket = |host: &Host| !matches!(host, Host::Tcp(_));
        let is_local = config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(socket);
        config.ssl_mode(match self.mode {
            _ if is_local => return in_clear(config),
            Mode::Disable => return in_clear(config),
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        match config.connect(Handshake(self.clone())) {
            // No more than a wish: a server may speak what is too old for us, or want this user in clear.
            Err(error) if self.mode == Mode::Prefer && is_about_encryption(&error) => {
                in_clear(config).map_err(|_| error)
            }
            connected => connected,
        }
    }

    fn client(&self) -> Result<ClientConfig, io::Error> {
        // The provider is named here: the process-wide one belongs to the program, and there may be two or none.
        let provider = Arc::new(ring::default_provider());
        let lenient = |trusts| Arc::new(Lenient { trusts, provider: Arc::clone(&provider) });
        let verifier: Arc<dyn ServerCertVerifier> = match self.mode {
            Mode::Disable | Mode::Prefer | Mode::Require => lenient(Trusts::Anybody),
            Mode::VerifyCa => lenient(Trusts::AnyName(self.trusted(&provider)?)),
            Mode::VerifyFull => self.trusted(&provider)?,
        };
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(io::Error::other)?.dangerous().with_custom_certificate_verifier(verifier);
        let Some((certificate, key)) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let chain = certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
        builder.with_client_auth_cert(chain, key).map_err(|error| unreadable(certificate, error))
    }

    /// Who looks at the authority, and at the name.
    fn trusted(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, io::Error> {
        let path = match &self.authorities {
            Authorities::System => {
                return Ok(Arc::new(Verifier::new(Arc::clone(provider)).map_err(io::Error::other)?));
            }
            Authorities::File(path) => path,
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| unreadable(path, error))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        Ok(verifier.map_err(|error| unreadable(path, error))?)
    }
}

/// The certificates in a file; there is at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, io::Error> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match all.map_err(|error| unreadable(path, error))? {
        all if all.is_empty() => Err(unreadable(path, "no certificate is in it")),
        all => Ok(all),
    }
}

fn unreadable(path: &Path, reason: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, BadFile(format!("the file {}: {reason}", path.display())))
}

/// A file that the URL names, and that is not what it should be.
#[derive(Debug)]
struct BadFile(String);

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadFile {}

fn in_clear(mut config: Config) -> Result<Client, Error> {
    config.ssl_mode(SslMode::Disable).connect(NoTls)
}

/// Whether another try without encryption may do better.
fn is_about_encryption(error: &Error) -> bool {
    let refused = error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
    refused || error.source().is_some_and(|source| distrust(source).is_some())
}

/// Why the two do not trust each other, if that is what an error of a handshake says. It does not pass by itself.
pub(super) fn distrust(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    (inner.is::<BadFile>() || inner.is::<rustls::Error>()).then(|| inner.to_string())
}

/// Makes the handshakes of a connection; its files are read anew for each, as they may have been renewed.
struct Handshake(Encryption);

impl MakeTlsConnect<Socket> for Handshake {
    type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
    type TlsConnect = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Self::TlsConnect, io::Error> {
        let mut connect = MakeRustlsConnect::new(self.0.client()?);
        let Ok(made) = MakeTlsConnect::<Socket>::make_tls_connect(&mut connect, host);
        Ok(made)
    }
}

/// Looks less closely than `verify-full` does. Whoever answers has to have the key of his own certificate all the same.
#[derive(Debug)]
struct Lenient {
    trusts: Trusts,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Trusts {
    /// Against those who listen, not against those who answer.
    Anybody,
    /// Who has a certificate that this one takes, whatever he is called.
    AnyName(Arc<dyn ServerCertVerifier>),
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        revoked: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let Trusts::AnyName(authorities) = &self.trusts else { return Ok(ServerCertVerified::assertion()) };
        match authorities.verify_server_cert(certificate, others, name, revoked, now) {
            // The name is looked at last, when all else is as it should be.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

//! Encrypted mail: whom it trusts, and that nothing is said in clear.
//!
//! Which certificates this machine trusts is up to the system, and on Linux `SSL_CERT_FILE` names others. It must be set
//! when a program starts: a test that wants one trusted runs itself again.
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use prefect::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::server::{At, Encrypted, FakeSmtp, Say};
use crate::{PASSWORD, USER, config, one_failure_with, settings};

/// Where a test that runs again finds the certificate and the key of its server.
const FOLDER: &str = "PREFECT_TESTS_EMAIL_FOLDER";

fn write(folder: &Path, name: &str, text: String) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Runs the test of this name again, in a program that trusts what its servers show.
fn again(test: &str) {
    let folder = env::temp_dir().join(format!("prefect-email-{}-{test}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let trusted = write(&folder, "trusted.pem", authority.self_signed(&authority_key).unwrap().pem());
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    write(&folder, "server.pem", server.pem());
    write(&folder, "key.pem", key.serialize_pem());
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("tls::{test}"), "--nocapture"])
        .env("SSL_CERT_FILE", trusted)
        .env_remove("SSL_CERT_DIR")
        .env(FOLDER, &folder)
        .output()
        .unwrap();
    let _ = fs::remove_dir_all(&folder);
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

fn server_config(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

/// What a server of this test shows, if it is trusted here.
fn trusted() -> Option<Arc<ServerConfig>> {
    let folder = PathBuf::from(env::var_os(FOLDER)?);
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    Some(server_config(certificate, PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap()))
}

/// One that vouches for itself.
fn untrusted() -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    server_config(made.cert.der().clone(), PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()))
}

fn failure(server: &FakeSmtp, host: &str, tls: &str) -> (StateKind, String) {
    let file = format!("[email]\nhost = \"{host}\"\nport = {}\ntls = \"{tls}\"\n", server.port());
    one_failure_with(settings(config(&file)))
}

fn arrived(server: &FakeSmtp) {
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert!(received[0].encrypted);
    assert_eq!(received[0].login, Some((USER.to_owned(), PASSWORD.to_owned())));
    assert!(received[0].text.contains("load is now in a Failed state"));
}

#[test]
fn mail_goes_out_encrypted_from_the_start() {
    let Some(config) = trusted() else { return again("mail_goes_out_encrypted_from_the_start") };
    let server = FakeSmtp::start(Encrypted::Implicit(config));
    assert_eq!(failure(&server, "127.0.0.1", "implicit"), (Failed, "notifications: 1 sent".to_owned()));
    arrived(&server);
}

#[test]
fn mail_goes_out_encrypted_after_starttls_and_only_hello_in_clear() {
    let Some(config) = trusted() else {
        return again("mail_goes_out_encrypted_after_starttls_and_only_hello_in_clear");
    };
    let server = FakeSmtp::start(Encrypted::StartTls(config));
    assert_eq!(failure(&server, "127.0.0.1", "starttls"), (Failed, "notifications: 1 sent".to_owned()));
    arrived(&server);
    let heard = server.heard();
    let start = heard.iter().position(|line| line == "STARTTLS\r\n").unwrap();
    assert!(heard[..start].iter().all(|line| line.starts_with("EHLO ")), "{heard:?}");
}

#[test]
fn answers_that_somebody_put_behind_starttls_are_not_taken_for_the_servers() {
    let Some(config) = trusted() else {
        return again("answers_that_somebody_put_behind_starttls_are_not_taken_for_the_servers");
    };
    let injected = Say::This("220 go\r\n250-evil.example\r\n250 AUTH PLAIN\r\n235 welcome\r\n");
    let server = FakeSmtp::start(Encrypted::StartTls(config)).always(At::StartTls, injected);
    let (kind, line) = failure(&server, "127.0.0.1", "starttls");
    assert_eq!(kind, Failed);
    assert!(line.starts_with("notifications: 0 sent, 1 not sent (email: 127.0.0.1:"), "{line}");
    assert!(server.received().is_empty());
    assert!(!server.heard().iter().any(|line| line.starts_with("AUTH")), "{:?}", server.heard());
}

#[test]
fn a_certificate_of_another_name_is_refused() {
    let Some(config) = trusted() else { return again("a_certificate_of_another_name_is_refused") };
    let server = FakeSmtp::start(Encrypted::Implicit(config));
    let (_, line) = failure(&server, "localhost", "implicit");
    assert!(line.contains("TLS: invalid peer certificate"), "{line}");
    assert!(server.heard().is_empty());
}

#[test]
fn a_certificate_that_nobody_vouches_for_gets_nothing() {
    for (tls, server) in [
        ("implicit", FakeSmtp::start(Encrypted::Implicit(untrusted()))),
        ("starttls", FakeSmtp::start(Encrypted::StartTls(untrusted()))),
    ] {
        let (kind, line) = failure(&server, "127.0.0.1", tls);
        let port = server.port();
        let reason =
            format!("notifications: 0 sent, 1 not sent (email: 127.0.0.1:{port}: TLS: invalid peer certificate");
        assert!(kind == Failed && line.starts_with(&reason), "{line}");
        assert!(!server.heard().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")));
    }
}

#[test]
fn a_server_without_starttls_gets_no_password() {
    let server = FakeSmtp::plain();
    let reason = "notifications: 0 sent, 1 not sent (email: the server offers no STARTTLS)";
    assert_eq!(failure(&server, "127.0.0.1", "starttls"), (Failed, reason.to_owned()));
    assert!(!server.heard().iter().any(|line| line.starts_with("AUTH")), "{:?}", server.heard());
}

#[test]
fn a_server_that_speaks_no_tls_gets_nothing() {
    let server = FakeSmtp::plain();
    let (kind, line) = failure(&server, "127.0.0.1", "implicit");
    assert!(kind == Failed && line.starts_with("notifications: 0 sent, 1 not sent (email: 127.0.0.1:"), "{line}");
    assert!(server.received().is_empty());
}

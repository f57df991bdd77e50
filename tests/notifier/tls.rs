//! A webhook whose certificate nobody vouches for.
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prefect::__testing::Bench;
use prefect::{SlackNotifier, StateKind};
use rustls::pki_types::PrivateKeyDer;

use crate::{HOOK, call};

/// A server with a certificate made on the spot: its port, and how often something of a message came through.
fn server() -> (u16, Arc<AtomicUsize>) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let read = rustls::StreamOwned::new(connection, stream.unwrap()).read(&mut [0; 1]);
            counted.fetch_add(read.unwrap_or_default(), Ordering::SeqCst);
        }
    });
    (port, came)
}

#[test]
fn a_certificate_that_nobody_vouches_for_gets_nothing() {
    let (port, came) = server();
    let bench = Bench::options().secret(HOOK, format!("https://127.0.0.1:{port}/hook")).start();
    call(SlackNotifier::DEFAULT, &bench.task("t"), StateKind::Failed).unwrap();
    let report = bench.finish().to_string();
    assert_eq!(came.load(Ordering::SeqCst), 0);
    let reason = "notifications: 0 sent, 1 not sent (slack: TLS: invalid peer certificate";
    assert!(report.starts_with(reason), "{report}");
}

//! A few words of our own for what went wrong with a connection: no text of a client's, which could quote what it was
//! given.
use std::io;

/// What an error of the connection says. TLS hides inside the error of the stream, which may lie in another one.
pub(crate) fn of_stream(error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => return Some("connection refused".to_owned()),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => return Some("connection lost".to_owned()),
        io::ErrorKind::TimedOut => return Some("timed out".to_owned()),
        _ => {}
    }
    let inner = error.get_ref()?;
    let tls = || Some(format!("TLS: {}", inner.downcast_ref::<rustls::Error>()?));
    tls().or_else(|| inner.downcast_ref().and_then(of_stream))
}

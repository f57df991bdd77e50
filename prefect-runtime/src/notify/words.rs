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

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn what_went_wrong_in_words_of_our_own() {
        for (kind, words) in [
            (ErrorKind::ConnectionRefused, Some("connection refused")),
            (ErrorKind::ConnectionReset, Some("connection lost")),
            (ErrorKind::ConnectionAborted, Some("connection lost")),
            (ErrorKind::BrokenPipe, Some("connection lost")),
            (ErrorKind::UnexpectedEof, Some("connection lost")),
            (ErrorKind::TimedOut, Some("timed out")),
            (ErrorKind::Other, None),
        ] {
            assert_eq!(of_stream(&kind.into()).as_deref(), words);
            // TLS puts the error of the stream into its own.
            assert_eq!(of_stream(&io::Error::other(io::Error::from(kind))).as_deref(), words);
        }
        let tls = io::Error::other(rustls::Error::DecryptError);
        assert_eq!(of_stream(&tls), Some("TLS: cannot decrypt peer's message".to_owned()));
        assert_eq!(of_stream(&io::Error::other("the client's own words")), None);
    }
}

//! Reads one HTTP request: as little of the protocol as a test server needs, with limits.
use std::io::{self, Read};
use std::net::TcpStream;

const MOST_HEAD: usize = 16 * 1024;
const MOST_BODY: usize = 1024 * 1024;

/// A request that the fake received.
#[derive(Clone, Debug)]
pub struct Received {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Received {
    /// The method, for example `POST`.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What stood in the first line after the method: a path, or a whole URL if the fake was used as a proxy.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A header's value. Names are not case-sensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// All headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The body as text.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in the body {}", self.body))
    }
}

/// How much of the body to take off the socket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    All,
    /// All but the last byte, which is only looked at: closing a socket with something unread resets the connection.
    LeaveOne,
}

pub(super) fn read(stream: &mut TcpStream, take: Take) -> io::Result<Received> {
    let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let head = read_head(stream)?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(path)) = (first.next(), first.next()) else { return Err(bad("no request line")) };
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let mut received = Received { method: method.to_owned(), path: path.to_owned(), headers, body: String::new() };
    let length = received.header("content-length").map_or(Ok(0), str::parse::<usize>);
    let length =
        length.ok().filter(|length| *length <= MOST_BODY).ok_or_else(|| bad("a body too long, or of no length"))?;
    let mut body = vec![0; length];
    let left = usize::from(take == Take::LeaveOne && length > 0);
    stream.read_exact(&mut body[..length - left])?;
    if left == 1 {
        stream.peek(&mut body[length - 1..])?;
    }
    received.body = String::from_utf8_lossy(&body).into_owned();
    Ok(received)
}

/// Byte by byte: the body must stay in the socket.
fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MOST_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a head too long"));
        }
        stream.read_exact(&mut byte)?;
        if head.is_empty() && !byte[0].is_ascii_alphabetic() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no HTTP: perhaps TLS"));
        }
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head[..head.len() - 4]).into_owned())
}

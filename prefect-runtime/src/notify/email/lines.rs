//! A connection whose first words are in clear.
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Gives away one line at a time, however much has come.
///
/// The client reads ahead into a buffer, which it keeps when the connection becomes an encrypted one: whoever sits in
/// between could put answers there that would be taken for said under TLS. So there is never anything to read ahead, and
/// what was put behind the last line in clear meets the TLS handshake, which fails.
#[derive(Debug)]
pub(crate) struct Lines(pub(crate) TcpStream);

impl AsyncTokioStream for Lines {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

impl AsyncRead for Lines {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut seen = [0; 512];
        let mut peeked = ReadBuf::new(&mut seen);
        let came = ready!(self.0.poll_peek(cx, &mut peeked))?;
        let line = peeked.filled().iter().position(|byte| *byte == b'\n').map_or(came, |end| end + 1);
        let mut taken = ReadBuf::new(&mut seen[..line.min(out.remaining())]);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut taken))?;
        out.put_slice(taken.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn no_read_goes_beyond_a_line() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let reads = runtime.block_on(async {
            let mut lines = Lines(TcpStream::connect(server.local_addr().unwrap()).await.unwrap());
            server.accept().unwrap().0.write_all(b"220 go\r\n\n250 more\r\nrest").unwrap();
            let mut reads = Vec::new();
            // A buffer that is too small for a line, and one that is not.
            for room in [3, 512, 512, 512, 512, 512] {
                let mut buffer = [0; 512];
                let mut out = ReadBuf::new(&mut buffer[..room]);
                poll_fn(|cx| Pin::new(&mut lines).poll_read(cx, &mut out)).await.unwrap();
                reads.push(String::from_utf8(out.filled().to_vec()).unwrap());
            }
            reads
        });
        assert_eq!(reads, ["220", " go\r\n", "\n", "250 more\r\n", "rest", ""]);
    }
}

//! One browser: a connection that is kept alive and a cookie jar, as cheap as can be.
//!
//! The clients share the machine with what they measure, so they write prepared bytes and read into one buffer.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Larger than any answer here, so that a read which leaves room ends without a second system call.
const BUFFER: usize = 16 * 1024;

/// A client with its own connection and its own cookies.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Box<[u8]>,
    /// `name=value`, empty without a session. One session cookie is all that the measured servers set.
    cookie: String,
    /// The prepared request and the path it is for.
    request: (&'static str, Vec<u8>),
}

/// What the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The body when it is a number.
    pub(crate) number: Option<u64>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let buffer = vec![0; BUFFER].into();
        Ok(Self { stream, buffer, cookie: String::new(), request: ("", Vec::new()) })
    }

    pub(crate) fn has_cookie(&self) -> bool {
        !self.cookie.is_empty()
    }

    pub(crate) fn forget_cookie(&mut self) {
        self.cookie.clear();
        self.request.0 = "";
    }

    /// Asks for `path` and keeps the cookie that comes back.
    pub(crate) async fn get(&mut self, path: &'static str) -> anyhow::Result<Answer> {
        if self.request.0 != path {
            self.prepare(path);
        }
        self.stream.write_all(&self.request.1).await?;
        let mut filled = 0;
        loop {
            let room = self.buffer.get_mut(filled..).context("an answer is larger than the buffer")?;
            match self.stream.read(room).await? {
                0 => anyhow::bail!("the server closed the connection"),
                read => filled += read,
            }
            let received = self.buffer.get(..filled).context("more was read than there is room")?;
            if let Some((answer, cookie)) = parse(received)? {
                if let Some(cookie) = cookie.filter(|cookie| *cookie != self.cookie) {
                    cookie.clone_into(&mut self.cookie);
                    self.request.0 = "";
                }
                return Ok(answer);
            }
        }
    }

    fn prepare(&mut self, path: &'static str) {
        let cookie = if self.has_cookie() { format!("Cookie: {}\r\n", self.cookie) } else { String::new() };
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n");
        self.request = (path, request.into_bytes());
    }
}

/// The answer and the cookie it sets, once all of it is there.
fn parse(received: &[u8]) -> anyhow::Result<Option<(Answer, Option<&str>)>> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(received)? else { return Ok(None) };
    let mut length = 0;
    let mut cookie = None;
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = std::str::from_utf8(header.value)?.parse()?;
        } else if header.name.eq_ignore_ascii_case("set-cookie") {
            cookie = std::str::from_utf8(header.value)?.split(';').next();
        }
    }
    let status = response.code.context("an answer without a status")?;
    let Some(body) = received.get(head..head + length) else { return Ok(None) };
    let number = std::str::from_utf8(body).ok().and_then(|text| text.parse().ok());
    Ok(Some((Answer { status, number }, cookie)))
}

#[cfg(test)]
mod tests {
    use super::{Answer, parse};

    const WHOLE: &[u8] =
        b"HTTP/1.1 200 OK\r\nset-cookie: id=abc; HttpOnly; Path=/\r\nContent-Length: 2\r\n\r\n17";

    #[test]
    fn an_answer_is_read_when_all_of_it_is_there() -> anyhow::Result<()> {
        assert_eq!(parse(WHOLE)?, Some((Answer { status: 200, number: Some(17) }, Some("id=abc"))));
        for cut in 0..WHOLE.len() {
            assert_eq!(parse(&WHOLE[..cut])?, None, "after {cut} bytes");
        }
        Ok(())
    }

    #[test]
    fn a_failure_is_an_answer_too() -> anyhow::Result<()> {
        let failure = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 6\r\n\r\nlocked";
        assert_eq!(parse(failure)?, Some((Answer { status: 500, number: None }, None)));
        Ok(())
    }
}

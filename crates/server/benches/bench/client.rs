//! The client: one keep-alive connection, requests that are bytes already, and of each answer only
//! what a measurement needs.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Room for the head of an answer and most bodies.
const BUFFER: usize = 64 * 1024;

/// A connection to a server, used by one request at a time.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    /// Whether the server closes it after its last answer.
    is_closing: bool,
    buffer: Vec<u8>,
}

/// An answer, until the next request.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let (stream, buffer) = (connect(address).await?, vec![0; BUFFER]);
        Ok(Self { address, stream, is_closing: false, buffer })
    }

    /// Sends a request and waits for the whole of its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        if std::mem::take(&mut self.is_closing) {
            self.stream = connect(self.address).await?;
        }
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let head = loop {
            filled += self.fill(filled).await?;
            if let Some(head) = Head::read(&self.buffer[..filled])? {
                break head;
            }
        };
        let whole = head.size + head.body_size;
        if whole > self.buffer.len() {
            self.buffer.resize(whole, 0);
        }
        while filled < whole {
            filled += self.fill(filled).await?;
        }
        ensure!(filled == whole, "an answer is longer than it says");
        self.is_closing = head.is_last;
        let (head_bytes, body) = self.buffer[..whole].split_at(head.size);
        Ok(Answer { status: head.status, head: head_bytes, body })
    }

    async fn fill(&mut self, from: usize) -> anyhow::Result<usize> {
        let read = self.stream.read(&mut self.buffer[from..]).await?;
        ensure!(read > 0, "the server closed the connection, or its answer has no end");
        Ok(read)
    }
}

async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Answer<'_> {
    /// Fails, telling what was answered, unless the status is this one.
    pub(crate) fn expect(&self, status: u16) -> anyhow::Result<()> {
        if self.status == status {
            return Ok(());
        }
        bail!("{} instead of {status}: {}", self.status, String::from_utf8_lossy(self.body))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        lines(self.head).find_map(|line| value_of(line, name))
    }

    /// The code of an error's body.
    pub(crate) fn error_code(&self) -> Option<&str> {
        let body = std::str::from_utf8(self.body).ok()?;
        let (_, rest) = body.split_once(r#""code":""#)?;
        rest.split_once('"').map(|(code, _)| code)
    }

    /// The id in an answer about a reservation: of `{"id":"…"`, in whatever place.
    pub(crate) fn id(&self) -> anyhow::Result<&str> {
        let body = std::str::from_utf8(self.body)?;
        let (_, rest) = body.split_once(r#""id":""#).context("an answer has no id")?;
        rest.get(..36).context("an answer's id is too short")
    }
}

/// Where the head of an answer ends, and what it says of the rest.
struct Head {
    size: usize,
    status: u16,
    body_size: usize,
    /// Whether the server closes the connection after it.
    is_last: bool,
}

impl Head {
    /// `None` while the head is not complete.
    fn read(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let size = end + 4;
        let status = bytes.get(9..12).and_then(number).context("an answer has no status")?;
        let header = |name| lines(&bytes[..size]).find_map(|line| value_of(line, name));
        let length = header("content-length");
        let is_last = header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let body_size = match length {
            Some(length) => length.parse().context("Content-Length")?,
            None if matches!(status, 204 | 304) => 0,
            None => bail!("an answer has no Content-Length"),
        };
        Ok(Some(Self { size, status: u16::try_from(status)?, body_size, is_last }))
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
}

fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a str> {
    let (found, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    let value = found.eq_ignore_ascii_case(name.as_bytes()).then_some(value)?;
    std::str::from_utf8(value.trim_ascii()).ok()
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

//! One keep-alive connection that speaks as much HTTP/1.1 as this API needs, and costs little.
//!
//! A request is bytes already, an answer is borrowed from the connection's own buffer. Errors are
//! distinguished by the one thing that matters to a judge: whether the server may have seen the
//! request. The meaning of requests and answers is left to [`api`](crate::api).

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use httparse::Status;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Room for the head of an answer and most bodies; it grows when an answer needs more.
const BUFFER_BYTES: usize = 8 * 1024;
/// The longest answer that is read: a map of the largest session is a tenth of it.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// More headers than any server of this API sends.
const HEADERS_MAX: usize = 64;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The URL as it was given; a history and a report name the target by it.
    pub url: String,
    /// The `Host` header.
    pub host: String,
    /// The prefix of every path, without a slash at its end.
    pub base: String,
    /// Its address.
    pub address: SocketAddr,
}

impl Target {
    /// Takes `http://host[:port][/base]` apart and resolves the host.
    pub async fn find(url: &str) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("http://");
        let rest = rest.with_context(|| format!("{url}: a target begins with http://"))?;
        let (host, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        ensure!(!host.is_empty(), "{url}: a target names a host");
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let named = if has_port { host.to_owned() } else { format!("{host}:80") };
        let mut found = tokio::net::lookup_host(&named).await.with_context(|| url.to_owned())?;
        let address = found.next().with_context(|| format!("{url}: the host has no address"))?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { url: url.to_owned(), host: host.to_owned(), base, address })
    }
}

/// A connection to a target, used by one request at a time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    unchunked: Vec<u8>,
    open: bool,
}

/// An answer; it is borrowed until the next request.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body, whole.
    pub body: &'a [u8],
    /// Whether it has the header `Idempotency-Replayed: true`.
    pub replayed: bool,
}

/// Why a request has no answer.
#[derive(Debug)]
pub enum Lost {
    /// The server surely did not see it.
    Unsent(io::Error),
    /// The server may have seen it, and carried it out.
    Unknown(io::Error),
}

/// The head of an answer.
struct Head {
    status: u16,
    size: usize,
    body: BodySize,
    replayed: bool,
    closes: bool,
}

#[derive(Clone, Copy)]
enum BodySize {
    Known(usize),
    Chunked,
    UntilClosed,
}

impl Connection {
    /// Connects, within a limit of time.
    pub async fn open(target: &Target, limit: Duration) -> io::Result<Self> {
        let stream = timeout(limit, TcpStream::connect(target.address)).await??;
        stream.set_nodelay(true)?;
        let buffer = vec![0; BUFFER_BYTES];
        Ok(Self { stream, buffer, filled: 0, unchunked: Vec::new(), open: true })
    }

    /// Whether a request can be sent: no answer was lost, and the server has not hung up.
    pub fn is_usable(&self) -> bool {
        let nothing = self.stream.try_read(&mut [0]);
        self.open && nothing.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends a request and waits for the whole of its answer.
    pub async fn ask(&mut self, request: &[u8], limit: Duration) -> Result<Answer<'_>, Lost> {
        self.open = false;
        let answered = timeout(limit, self.exchange(request)).await;
        let (head, body) = answered.unwrap_or_else(|late| Err(Lost::Unknown(late.into())))?;
        self.open = !head.closes;
        let body = match head.body {
            BodySize::Chunked => &self.unchunked[..],
            BodySize::Known(_) | BodySize::UntilClosed => &self.buffer[body],
        };
        Ok(Answer { status: head.status, body, replayed: head.replayed })
    }

    /// Sends a request and hangs up before its answer.
    pub async fn send_only(mut self, request: &[u8]) -> Result<(), Lost> {
        self.send(request).await
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<(Head, Range<usize>), Lost> {
        self.send(request).await?;
        self.receive().await.map_err(Lost::Unknown)
    }

    async fn send(&mut self, request: &[u8]) -> Result<(), Lost> {
        let sent = self.stream.write(request).await.map_err(Lost::Unsent)?;
        self.stream.write_all(&request[sent..]).await.map_err(Lost::Unknown)
    }

    async fn receive(&mut self) -> io::Result<(Head, Range<usize>)> {
        self.filled = 0;
        let mut from = 0;
        let head = loop {
            match Head::read(&self.buffer[from..self.filled])? {
                // An interim answer is followed by the one that counts.
                Some(head) if (100..200).contains(&head.status) => from += head.size,
                Some(head) => break head,
                None if self.fill().await? == 0 => return Err(closed()),
                None => {}
            }
        };
        let start = from + head.size;
        match head.body {
            BodySize::Known(size) => self.fill_to(start + size).await?,
            BodySize::Chunked => self.unchunk(start).await?,
            BodySize::UntilClosed => while self.fill().await? > 0 {},
        }
        let end = match head.body {
            BodySize::Known(size) => start + size,
            BodySize::Chunked => start,
            BodySize::UntilClosed => self.filled,
        };
        Ok((head, start..end))
    }

    async fn unchunk(&mut self, mut at: usize) -> io::Result<()> {
        self.unchunked.clear();
        loop {
            match httparse::parse_chunk_size(&self.buffer[at..self.filled]) {
                Err(_) => return Err(invalid("a chunk has no size")),
                Ok(Status::Partial) => self.fill_to(self.filled + 1).await?,
                Ok(Status::Complete((line, size))) => {
                    at += line;
                    let size = usize::try_from(size).unwrap_or(usize::MAX);
                    let end = at.saturating_add(size).saturating_add(2);
                    self.fill_to(end).await?;
                    if size == 0 {
                        return Ok(());
                    }
                    self.unchunked.extend_from_slice(&self.buffer[at..end - 2]);
                    at = end;
                }
            }
        }
    }

    async fn fill_to(&mut self, wanted: usize) -> io::Result<()> {
        if wanted > ANSWER_BYTES_MAX {
            return Err(invalid("an answer is longer than any that this API gives"));
        }
        if wanted > self.buffer.len() {
            self.buffer.resize(wanted, 0);
        }
        while self.filled < wanted {
            if self.fill().await? == 0 {
                return Err(closed());
            }
        }
        Ok(())
    }

    /// Reads what has arrived; 0 when the server has closed.
    async fn fill(&mut self) -> io::Result<usize> {
        if self.filled == self.buffer.len() {
            if self.filled >= ANSWER_BYTES_MAX {
                return Err(invalid("an answer has no end"));
            }
            self.buffer.resize(self.filled * 2, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.filled..]).await?;
        self.filled += read;
        Ok(read)
    }
}

impl Head {
    /// `None` while it is not whole.
    fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut headers);
        let size = match parsed.parse(bytes) {
            Ok(Status::Complete(size)) => size,
            Ok(Status::Partial) => return Ok(None),
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        let status = parsed.code.unwrap_or_default();
        let mut head =
            Self { status, size, body: BodySize::UntilClosed, replayed: false, closes: false };
        for header in parsed.headers.iter() {
            head.note(header.name, header.value)?;
        }
        if matches!(status, 100..200 | 204 | 304) {
            head.body = BodySize::Known(0);
        }
        head.closes |= matches!(head.body, BodySize::UntilClosed);
        Ok(Some(head))
    }

    fn note(&mut self, name: &str, value: &[u8]) -> io::Result<()> {
        let says = |word: &[u8]| value.trim_ascii().eq_ignore_ascii_case(word);
        if name.eq_ignore_ascii_case("content-length") {
            let size = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
            self.body = BodySize::Known(size.ok_or_else(|| invalid("Content-Length"))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && says(b"chunked") {
            self.body = BodySize::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            self.closes = says(b"close");
        } else if name.eq_ignore_ascii_case("idempotency-replayed") {
            self.replayed = says(b"true");
        }
        Ok(())
    }
}

impl Lost {
    /// The error of the connection.
    pub fn into_error(self) -> io::Error {
        match self {
            Self::Unsent(error) | Self::Unknown(error) => error,
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up before its answer was whole")
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

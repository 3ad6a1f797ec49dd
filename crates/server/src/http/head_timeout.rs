//! Limits on how long a request's headers may take once they have begun, on how long a connection may
//! wait for its next request, and on how long a client may leave its answer unread.
//!
//! The HTTP library has one limit for both waiting for a request and reading its headers. A client
//! may well keep a connection idle for a minute; one that sends a header a second is holding a
//! connection hostage. So the bytes are watched here: from the first byte of a request (or from the
//! connection's start) until the request is handed to a service, a clock runs; and a slower one from
//! the end of an answer until the next request begins.
//!
//! For writing it has no limit at all: clients that ask for large answers and read none of them
//! would keep their connections for good, and everyone else out. So another clock runs while the
//! system takes no more bytes.
//!
//! A busy connection sets no timer: its one timer is looked at when it ends, and set anew if there is
//! time left.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For headers that have begun.
    pub(super) header: Duration,
    /// Without a request, or without reading any more of its answer.
    pub(super) idle: Duration,
}

impl Limits {
    pub(super) const fn of(config: &Config) -> Self {
        Self { header: config.header_timeout, idle: config.idle_timeout }
    }
}

/// Whether a request is being answered; shared between a connection's bytes and its service.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<State>);

#[derive(Debug)]
struct State {
    answering: AtomicBool,
    /// Whether `begun` is cancelled, which costs less to ask.
    has_begun: AtomicBool,
    begun: CancellationToken,
    opened: Instant,
    /// When the last answer was made, after `opened`.
    answered_millis: AtomicU64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            answering: AtomicBool::default(),
            has_begun: AtomicBool::default(),
            begun: CancellationToken::default(),
            opened: Instant::now(),
            answered_millis: AtomicU64::default(),
        }
    }
}

impl Phase {
    /// Notes that the headers are complete: the answer is being made.
    pub(super) fn begin(&self) {
        self.0.answering.store(true, Ordering::Relaxed);
        if !self.0.has_begun.load(Ordering::Relaxed) {
            self.0.has_begun.store(true, Ordering::Relaxed);
            self.0.begun.cancel();
        }
    }

    /// Notes that the answer is made: the next bytes are a new request.
    pub(super) fn end(&self) {
        let millis = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.answered_millis.store(millis, Ordering::Relaxed);
        self.0.answering.store(false, Ordering::Relaxed);
    }

    /// The time since the last answer, or since the connection was opened; `None` while an answer
    /// is being made.
    pub(super) fn rested(&self, now: Instant) -> Option<Duration> {
        let answered = Duration::from_millis(self.0.answered_millis.load(Ordering::Relaxed));
        let rested = now.saturating_duration_since(self.0.opened).saturating_sub(answered);
        (!self.answering()).then_some(rested)
    }

    /// Waits until the connection's first request has begun.
    pub(super) async fn begun(&self) {
        self.0.begun.cancelled().await;
    }

    fn answering(&self) -> bool {
        self.0.answering.load(Ordering::Relaxed)
    }
}

/// A stream that fails when headers are too slow, no request comes, or an answer is not read.
#[derive(Debug)]
pub(super) struct HeadTimeout<S> {
    stream: S,
    phase: Phase,
    limits: Limits,
    /// When the headers that have begun must be complete.
    deadline: Option<Instant>,
    /// Since when the stream waits for a request: the last write.
    idle_since: Instant,
    /// The timer of both; it may end before the deadline does.
    sleep: Pin<Box<Sleep>>,
    /// The end of the time that a waiting write has.
    unread: Option<Pin<Box<Sleep>>>,
}

impl<S> HeadTimeout<S> {
    pub(super) fn new(stream: S, phase: Phase, limits: Limits) -> Self {
        let idle_since = Instant::now();
        let deadline = idle_since + limits.header.min(limits.idle);
        let sleep = Box::pin(tokio::time::sleep_until(deadline));
        let (deadline, unread) = (Some(deadline), None);
        Self { stream, phase, limits, deadline, idle_since, sleep, unread }
    }

    /// Waits until the headers are too slow, or the stream was idle for too long.
    fn poll_too_late(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        let (deadline, why) = match self.deadline {
            Some(deadline) => (deadline, "the headers were too slow"),
            None => (self.idle_since + self.limits.idle, "no request came"),
        };
        if deadline < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
        ready!(self.sleep.as_mut().poll(cx));
        if self.sleep.deadline() < deadline {
            self.sleep.as_mut().reset(deadline);
            ready!(self.sleep.as_mut().poll(cx));
        }
        Poll::Ready(why)
    }

    /// Has the timer wake the connection when it has been idle for too long. The library need not read after
    /// it has written an answer.
    fn wake_when_idle(&mut self, cx: &mut Context<'_>) {
        self.idle_since = Instant::now();
        let idle_until = self.idle_since + self.limits.idle;
        if self.sleep.deadline() > idle_until || self.sleep.as_mut().poll(cx).is_ready() {
            self.sleep.as_mut().reset(idle_until);
            // It was just set, and is registered by this.
            let _ = self.sleep.as_mut().poll(cx);
        }
    }

    /// Passes on the result of a write; fails when the write waited for too long.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.unread = None;
            self.wake_when_idle(cx);
            return written;
        }
        let idle = self.limits.idle;
        let unread = self.unread.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        ready!(unread.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let answering = this.phase.answering();
        if answering {
            this.deadline = None;
        }
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            if !answering && this.deadline.is_none() && buf.filled().len() > before {
                this.deadline = Some(Instant::now() + this.limits.header);
            }
            return Poll::Ready(read);
        }
        if answering {
            return Poll::Pending;
        }
        let why = ready!(this.poll_too_late(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }
}

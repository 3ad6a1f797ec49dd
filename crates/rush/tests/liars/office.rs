//! A ticket server in this process, on a port of its own: as much HTTP as the crowd speaks, in
//! front of any [`Desk`].

use std::cell::RefCell;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

/// A request, as far as a box office cares.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) replayed: bool,
}

impl Reply {
    pub(crate) const fn new(status: u16, body: Value) -> Self {
        Self { status, body, replayed: false }
    }
}

/// Whoever answers. All requests come one after the other.
pub(crate) trait Desk: 'static {
    fn answer(&mut self, request: &Request) -> Reply;
}

/// A server that is there until it is dropped.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) url: String,
    close: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Office {
    /// Opens on a free port of the loopback.
    pub(crate) fn open<D: Desk>(desk: impl FnOnce() -> D + Send + 'static) -> Self {
        let (close, closed) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.set_nonblocking(true).expect("a socket that does not block");
            tell.send(listener.local_addr().expect("an address")).expect("somebody to tell");
            serve(listener, Rc::new(RefCell::new(desk())), closed);
        });
        let address = told.recv().expect("an address");
        Self { url: format!("http://{address}"), close: Some(close), thread: Some(thread) }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        drop(self.close.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve<D: Desk>(listener: TcpListener, desk: Rc<RefCell<D>>, closed: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    LocalSet::new().block_on(&runtime, async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let accepting = async {
            while let Ok((stream, _)) = listener.accept().await {
                spawn_local(converse(stream, Rc::clone(&desk)));
            }
        };
        tokio::select! {
            () = accepting => {}
            _ = closed => {}
        }
    });
}

/// Answers one connection until the other side hangs up.
async fn converse<D: Desk>(mut stream: TcpStream, desk: Rc<RefCell<D>>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = Vec::new();
    loop {
        let request = loop {
            if let Some((request, size)) = parse(&buffer) {
                buffer.drain(..size);
                break request;
            }
            (stream.read_buf(&mut buffer).await.ok()? > 0).then_some(())?;
        };
        let reply = desk.borrow_mut().answer(&request);
        stream.write_all(&written(&reply)).await.ok()?;
    }
}

/// A whole request, and how many bytes it is.
fn parse(bytes: &[u8]) -> Option<(Request, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(head)) = parsed.parse(bytes) else { return None };
    let header = |name: &str| {
        let found = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    let size = header("content-length").map_or(0, |size| size.parse().expect("a length"));
    let body = bytes.get(head..head + size)?.to_vec();
    let key = header("idempotency-key");
    let (method, path) = (parsed.method?.to_owned(), parsed.path?.to_owned());
    Some((Request { method, path, key, body }, head + size))
}

fn written(reply: &Reply) -> Vec<u8> {
    let body = if reply.status == 204 { String::new() } else { reply.body.to_string() };
    let replayed = if reply.replayed { "idempotency-replayed: true\r\n" } else { "" };
    let (status, size) = (reply.status, body.len());
    format!("HTTP/1.1 {status} -\r\ncontent-length: {size}\r\n{replayed}\r\n{body}").into_bytes()
}

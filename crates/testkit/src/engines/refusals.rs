//! A stand-in for a RabbitMQ that refuses messages: a proxy that turns its confirmations into refusals.
//!
//! One broker cannot be made to refuse: a cluster of three does when a queue loses its leader, and
//! a full queue after a million messages. The broker behind the proxy takes every message.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A frame begins with its type, its channel and the length of its payload, and ends with one byte.
const HEADER: usize = 7;
/// The type of frames that carry a method.
const METHOD: u8 = 1;
/// The class and the method of `basic.ack`.
const ACK: [u8; 4] = [0, 60, 0, 80];
/// The class and the method of `basic.nack`, which has the same layout.
const NACK: [u8; 4] = [0, 60, 0, 120];

/// A proxy before a RabbitMQ. It ends when this is dropped.
pub struct Refusals {
    url: String,
    counts: Arc<Counts>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    /// The number of connections so far.
    connections: AtomicU64,
    /// Connections up to this number are refused everything.
    refused: AtomicU64,
}

impl Refusals {
    /// A proxy that refuses nothing yet, before the broker of an `amqp:` URL.
    pub async fn before(url: &str) -> Self {
        let (start, rest) = url.split_once('@').expect("a URL with a user");
        let (broker, path) = rest.split_once('/').expect("a URL with a vhost");
        let broker: SocketAddr = broker.parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("{start}@{}/{path}", listener.local_addr().expect("an address"));
        let counts = Arc::new(Counts::default());
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, broker, Arc::clone(&counts)));
        Self { url, counts, _serving: serving }
    }

    /// Where clients connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Refuses everything on the connections that there are, for good, and nothing on new ones.
    pub fn refuse_open(&self) {
        let open = self.counts.connections.load(Ordering::SeqCst);
        self.counts.refused.store(open, Ordering::SeqCst);
    }

    /// Refuses everything.
    pub fn refuse_all(&self) {
        self.counts.refused.store(u64::MAX, Ordering::SeqCst);
    }

    /// Refuses nothing any more.
    pub fn confirm_all(&self) {
        self.counts.refused.store(0, Ordering::SeqCst);
    }

    /// The number of connections so far.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, broker: SocketAddr, counts: Arc<Counts>) {
    let mut open = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let number = counts.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let counts = Arc::clone(&counts);
        open.spawn(async move {
            let is_refused = || number <= counts.refused.load(Ordering::SeqCst);
            // The client learns of an error by the end of its connection.
            let _ = between(client, broker, is_refused).await;
        });
    }
}

/// Carries everything both ways, until either end closes.
async fn between(
    client: TcpStream,
    broker: SocketAddr,
    is_refused: impl Fn() -> bool,
) -> io::Result<()> {
    let (mut from_client, to_client) = client.into_split();
    let (from_broker, mut to_broker) = TcpStream::connect(broker).await?.into_split();
    tokio::select! {
        copied = tokio::io::copy(&mut from_client, &mut to_broker) => copied.map(drop),
        ended = answer(from_broker, to_client, is_refused) => ended,
    }
}

async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    is_refused: impl Fn() -> bool,
) -> io::Result<()> {
    loop {
        let mut frame = vec![0; HEADER];
        from.read_exact(&mut frame).await?;
        let size = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]);
        frame.resize(HEADER + usize::try_from(size).expect("a length") + 1, 0);
        from.read_exact(&mut frame[HEADER..]).await?;
        if frame[0] == METHOD && frame[HEADER..].starts_with(&ACK) && is_refused() {
            frame[HEADER..HEADER + NACK.len()].copy_from_slice(&NACK);
        }
        to.write_all(&frame).await?;
    }
}

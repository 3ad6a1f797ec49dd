//! The stream under a connection to RabbitMQ: the program's own, so that it trusts the same authorities
//! as every other.
//!
//! The client is built without TLS. Its own would read the system's certificates alone, fail on a machine
//! that has none, and bring a store of PKCS #12 keys that nothing here uses. Without it, the client's own
//! ways to connect would speak in the clear to an `amqps:` URL; `clippy.toml` forbids them.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::future::BoxFuture;
use futures_util::{Stream as Sequence, TryFutureExt as _};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{AsyncTcpStream, Connection, ConnectionProperties};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};
use tokio_util::either::Either;

use crate::tls::{Stream, Tls};

/// Opens a connection, encrypted if the scheme is `amqps`. Has no time limit; the caller sets one.
pub fn connect(
    uri: AMQPUri,
    tls: &Tls,
    properties: ConnectionProperties,
) -> BoxFuture<'_, lapin::Result<Connection>> {
    Box::pin(async move {
        let tls = tls.clone();
        let open = async move |uri: AMQPUri, _: Runtime<_>| {
            let (host, port) = (&uri.authority.host, uri.authority.port);
            let stream = tls.connect(host, port, uri.scheme == AMQPScheme::AMQPS).await?;
            Ok(AsyncTcpStream::Plain(stream.compat()))
        };
        let runtime = RuntimeParts::new(Tokio::current(), Streams(Tokio::current()));
        Connection::connector(uri, Runtime::new(runtime), open, properties).await
    })
}

/// Tokio, with streams that may be encrypted.
#[derive(Clone, Debug)]
struct Streams(Tokio);

impl Reactor for Streams {
    type TcpStream = Compat<Stream>;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.register(socket)
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, every: Duration) -> impl Sequence<Item = Instant> + Send + 'static {
        self.0.interval(every)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        TcpStream::connect(address).map_ok(|stream| Either::Left(stream).compat())
    }
}

//! A connection to Redis, over the program's own stream.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo as _,
    RedisResult,
};
use tokio_util::task::AbortOnDropHandle;

use crate::tls::Tls;

/// The address of Redis, the login, and the certificates to trust.
#[derive(Clone, Debug)]
pub struct Server {
    info: ConnectionInfo,
    tls: Tls,
}

/// A connection that many tasks share. It ends with its last clone.
#[derive(Clone)]
pub struct Connection {
    /// Sends commands.
    pub commands: MultiplexedConnection,
    _driver: Arc<AbortOnDropHandle<()>>,
}

impl Server {
    /// Reads `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss:` for TLS.
    pub fn parse(url: &str, tls: Tls) -> RedisResult<Self> {
        Ok(Self { info: url.into_connection_info()?, tls })
    }

    /// The address and the login.
    pub const fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Connects and logs in. Neither this nor the connection's commands have a time limit; the caller
    /// sets one.
    pub fn connect(&self) -> BoxFuture<'_, RedisResult<Connection>> {
        Box::pin(async move {
            let (host, port, encrypted) = match self.info.addr() {
                ConnectionAddr::Tcp(host, port) => (host, *port, false),
                ConnectionAddr::TcpTls { host, port, .. } => (host, *port, true),
                _ => return Err((ErrorKind::InvalidClientConfig, "not a host and a port").into()),
            };
            let stream = self.tls.connect(host, port, encrypted).await?;
            let unlimited = AsyncConnectionConfig::new()
                .set_connection_timeout(None)
                .set_response_timeout(None);
            let login = self.info.redis_settings();
            let (commands, driver) =
                MultiplexedConnection::new_with_config(login, stream, unlimited).await?;
            #[expect(
                clippy::disallowed_methods,
                reason = "it ends with the connection that it drives, and has nothing to finish"
            )]
            let driver = tokio::spawn(driver);
            Ok(Connection { commands, _driver: Arc::new(AbortOnDropHandle::new(driver)) })
        })
    }
}

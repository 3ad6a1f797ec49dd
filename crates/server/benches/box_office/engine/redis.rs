//! A private Redis, which keeps nothing when it ends.

use anyhow::ensure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Engine;
use crate::Bench;
use crate::server::free_port;

/// A running Redis.
pub(crate) struct Redis {
    _engine: Engine,
    port: u16,
}

impl Redis {
    pub(crate) async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut engine = Engine::start(bench, "redis", &[port.to_string()], "-KILL")?;
        engine.answers(async || empty(port).await.ok()).await?;
        Ok(Self { _engine: engine, port })
    }

    /// Forgets what earlier runs left in it; gives where it is.
    pub(crate) async fn emptied(&self) -> anyhow::Result<String> {
        empty(self.port).await?;
        Ok(format!("redis://127.0.0.1:{}", self.port))
    }
}

async fn empty(port: u16) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"FLUSHALL\r\n").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    ensure!(answer == *b"+OK\r\n", "FLUSHALL: {}", String::from_utf8_lossy(&answer));
    Ok(())
}

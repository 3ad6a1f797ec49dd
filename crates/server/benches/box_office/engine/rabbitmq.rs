//! A private RabbitMQ of one node.

use tokio::net::TcpStream;

use super::Engine;
use crate::Bench;
use crate::server::free_port;

/// A running RabbitMQ.
pub(crate) struct RabbitMq {
    _engine: Engine,
    port: u16,
}

impl RabbitMq {
    /// Starts it, which takes seconds: its AMQP port is the last to open.
    pub(crate) async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let [port, api_port, cluster_port] = [free_port()?, free_port()?, free_port()?];
        let ports = [port, api_port, cluster_port].map(|port| port.to_string());
        let mut engine = Engine::start(bench, "rabbitmq", &ports, "-KILL")?;
        engine.answers(async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await?;
        Ok(Self { _engine: engine, port })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}", self.port)
    }
}

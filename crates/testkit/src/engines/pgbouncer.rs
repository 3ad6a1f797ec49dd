//! A private PgBouncer between clients and a PostgreSQL.

use tokio_postgres::NoTls;

use super::port::Port;
use super::server::Server;

/// A PgBouncer that drops clients' startup parameters, as many are configured to.
pub struct PgBouncer {
    _server: Server,
    url: String,
}

impl PgBouncer {
    /// Starts one before the database at this URL, in this `pool_mode`.
    pub async fn before(database: &str, pool_mode: &str) -> Self {
        let port = Port::claim();
        let (front, back) = database.rsplit_once(':').expect("a URL with a port");
        let (server_port, name) = back.split_once('/').expect("a URL with a database");
        let url = format!("{front}:{}/{name}", port.number());
        let mut server = Server::new("pgbouncer");
        server.start(vec![port.number().to_string(), server_port.to_owned(), pool_mode.to_owned()]);
        server.answers(async |_| tokio_postgres::connect(&url, NoTls).await.is_ok()).await;
        Self { _server: server, url }
    }

    /// Where clients connect.
    pub fn url(&self) -> &str {
        &self.url
    }
}

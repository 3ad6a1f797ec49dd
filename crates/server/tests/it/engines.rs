//! Placeholder until the harness lands.

use uuid::Uuid;

pub(crate) struct Database {
    url: String,
}

impl Database {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

pub(crate) async fn database() -> Database {
    #[expect(clippy::disallowed_methods, reason = "the tests have no configuration but this")]
    let base = std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL");
    #[expect(clippy::disallowed_methods, reason = "a name")]
    let name = format!("story_{}", Uuid::now_v7().simple());
    let (client, connection) =
        tokio_postgres::connect(&base, tokio_postgres::NoTls).await.expect("server");
    tokio::spawn(connection);
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
    let (root, _) = base.rsplit_once('/').expect("a URL");
    Database { url: format!("{root}/{name}") }
}

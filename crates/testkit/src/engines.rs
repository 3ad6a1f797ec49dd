//! Real engines for tests: PostgreSQL, Redis and RabbitMQ, none of them mocked.
//!
//! A test that harms its engine starts one of its own: [`Postgres`], [`Redis`] or [`RabbitMq`], a
//! server process with throw-away data that can be killed, paused and started again. Every other
//! test asks for something of its own on a server that may be shared: [`database`], [`vhost`],
//! [`redis_url`]. The shared servers are those that the environment names, as `scripts/engines`
//! does for a whole run of the tests; where it names none, they are private ones of this process.
//! A missing engine fails its tests: nothing is skipped.
//!
//! `scripts/engine` knows where the programs are and how each is started.

mod owned;
mod port;
mod certificate;
mod server;
mod postgres;
mod pgbouncer;
mod redis;
mod rabbitmq;
mod refusals;

use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

pub use certificate::Certificate;
pub use pgbouncer::PgBouncer;
pub use port::Port;
pub use postgres::{Database, Postgres};
pub use rabbitmq::{RabbitMq, Vhost};
pub use redis::{Redis, RedisUrl};
pub use refusals::Refusals;

/// A fresh, empty database of its own, on the server that `TEST_DATABASE_URL` names.
///
/// The variable's URL names a database to connect to, such as `…/postgres`, as a user who may
/// create others. The new one is dropped with the returned value, even while connected to.
pub async fn database() -> Database {
    static PRIVATE: Shared<Postgres> = Shared::new();
    if let Some(url) = variable("TEST_DATABASE_URL") {
        return Database::create(&url, None).await;
    }
    let server = PRIVATE.get(Postgres::start).await;
    Database::create(&server.url(), Some(Arc::clone(&server))).await
}

/// A Redis for a test that does not harm it: the one that `TEST_REDIS_URL` names, else its own.
///
/// On a shared one, the ids in their keys keep tests apart.
pub async fn redis_url() -> RedisUrl {
    match variable("TEST_REDIS_URL") {
        Some(url) => RedisUrl::shared(url),
        None => RedisUrl::private(Redis::start().await),
    }
}

/// A fresh, empty vhost of its own, on the broker that `TEST_RABBITMQ_URL` (AMQP) and
/// `TEST_RABBITMQ_API` (the management API, such as `http://guest:guest@127.0.0.1:15672`) name.
///
/// It is deleted with the returned value.
pub async fn vhost() -> Vhost {
    static PRIVATE: Shared<RabbitMq> = Shared::new();
    match (variable("TEST_RABBITMQ_URL"), variable("TEST_RABBITMQ_API")) {
        (Some(url), Some(api)) => Vhost::create(&url, &api, None).await,
        (None, None) => {
            let server = PRIVATE.get(RabbitMq::start).await;
            Vhost::create(&server.url(), &server.api(), Some(Arc::clone(&server))).await
        }
        _ => panic!("TEST_RABBITMQ_URL and TEST_RABBITMQ_API belong together"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests have no configuration but this")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A private server that the tests of this process share while any of them needs it. The last user
/// drops it; a value in a `static` would never be dropped.
struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    const fn new() -> Self {
        Self(Mutex::const_new(Weak::new()))
    }

    async fn get(&self, start: impl AsyncFnOnce() -> T) -> Arc<T> {
        let mut shared = self.0.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(start().await);
        *shared = Arc::downgrade(&server);
        server
    }
}

#[cfg(test)]
mod stories;

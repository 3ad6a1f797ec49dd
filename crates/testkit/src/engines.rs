//! Real engines for stories: PostgreSQL, Redis and RabbitMQ, none of them mocked.
//!
//! A story that harms its engine starts one of its own: [`Postgres`], [`Redis`] or [`RabbitMq`], a
//! server process with throw-away data that can be killed, paused and started again. Every other
//! story asks for something of its own on a server that may be shared: [`database`], [`vhost`],
//! [`redis_url`]. The shared servers are those that the environment names, as `scripts/engines`
//! does for a whole run of the tests; where it names none, they are private ones of this process.
//! A missing engine fails its tests: nothing is skipped.
//!
//! How a server is started, and where its programs are, is `scripts/engine`'s to know.

mod certificate;
mod port;
mod postgres;
mod processes;
mod rabbitmq;
mod redis;
mod server;

use std::sync::{Arc, Weak};

use tokio::runtime;
use tokio::sync::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

pub use certificate::Certificate;
pub use postgres::{Database, Postgres};
pub use rabbitmq::{RabbitMq, Vhost};
pub use redis::{Redis, RedisUrl};

use crate::wait::PATIENCE;

/// A fresh, empty database of its own, on the server that `TEST_DATABASE_URL` names.
///
/// The variable's URL names a database to connect to, such as `…/postgres`, as a user who may
/// create others. The new one is dropped with what is returned, whoever is still connected.
pub async fn database() -> Database {
    static PRIVATE: Shared<Postgres> = Shared::new();
    if let Some(url) = variable("TEST_DATABASE_URL") {
        return Database::create(&url, None).await;
    }
    let server = PRIVATE.get(Postgres::start).await;
    Database::create(&server.url(), Some(Arc::clone(&server))).await
}

/// A Redis for a story that does not harm it: the one that `TEST_REDIS_URL` names, else its own.
///
/// A shared one has no compartments; stories keep apart by the ids in their keys.
pub async fn redis_url() -> RedisUrl {
    match variable("TEST_REDIS_URL") {
        Some(url) => RedisUrl::shared(url),
        None => RedisUrl::private(Redis::start().await),
    }
}

/// A fresh, empty vhost of its own, on the broker that `TEST_RABBITMQ_URL` (AMQP) and
/// `TEST_RABBITMQ_API` (the management API, such as `http://guest:guest@127.0.0.1:15672`) name.
///
/// It is deleted with what is returned.
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

/// A name that no other story gives to what it makes on a shared server.
#[expect(clippy::disallowed_methods, reason = "nothing that the program sees depends on it")]
fn fresh_name() -> String {
    format!("story_{}", Uuid::now_v7().simple())
}

/// A private server that the stories of this process share while any of them needs it. The last one
/// to go takes it along, for nothing that stays in a `static` is ever dropped.
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

/// Runs what a destructor has to do to its end, on a thread and a runtime of its own: destructors
/// cannot wait, and the runtime around them may be the one that is needed.
fn finally(work: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let work = async { timeout(PATIENCE, work).await.expect("an end") };
        runtime.expect("a runtime").block_on(work);
    });
    let ended = thread.join();
    // When the story has failed, its engine may be gone; what failed first is what counts.
    assert!(ended.is_ok() || std::thread::panicking(), "what a story used could not be removed");
}

#[cfg(test)]
mod stories;

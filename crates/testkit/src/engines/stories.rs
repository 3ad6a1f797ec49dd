//! Tests of the engines themselves: what other tests do to them works, and leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use poltrona_engine::bus::rabbitmq;
use poltrona_engine::tls::{Tls, install_crypto_provider};
use redis::AsyncTypedCommands;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::time::timeout;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::port::Port;
use super::postgres::ask;
use super::server::START;
use super::{Database, Postgres, RabbitMq, Redis, Vhost, database, redis_url, vhost};
use crate::process::{family, is_gone};
use crate::wait::{wait_for, wait_until};

/// How long a paused server must stay silent.
const MOMENT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_private_postgres_comes_back_with_its_data_after_a_kill() {
    let mut postgres = Postgres::start().await;
    let url = postgres.url();
    ask(&url, "CREATE TABLE kept AS SELECT 'A1' AS seat").await.expect("it is committed");
    postgres.kill();
    assert!(ask(&url, "SELECT 1").await.is_err(), "somebody still answers");
    postgres.start_again().await;
    assert_eq!(ask(&url, "SELECT seat FROM kept").await.expect("an answer"), ["A1"]);
    assert!(postgres.log().contains("was not properly shut down"), "{}", postgres.log());
    postgres.stop().await;
    postgres.start_again().await;
    assert!(postgres.log().contains("database system is shut down"), "{}", postgres.log());
    assert_eq!(ask(&url, "SELECT seat FROM kept").await.expect("an answer"), ["A1"]);
}

#[tokio::test]
async fn a_standby_has_what_its_primary_committed_and_takes_writes_once_it_is_promoted() {
    let mut primary = Postgres::start_with(&["synchronous_standby_names=*"]).await;
    let standby = Postgres::standby_of(&primary).await;
    primary.sql("CREATE TABLE kept (number int)").await;
    primary.sql("INSERT INTO kept VALUES (7)").await;
    let refused = ask(&standby.url(), "INSERT INTO kept VALUES (8)").await;
    assert!(refused.is_err());
    primary.kill();
    standby.promote().await;
    standby.sql("INSERT INTO kept VALUES (8)").await;
    assert_eq!(standby.sql("SELECT number::text FROM kept ORDER BY number").await, ["7", "8"]);
}

#[tokio::test]
async fn a_private_postgres_is_durable_unless_a_test_changes_that() {
    const SETTINGS: &str = "SELECT string_agg(current_setting(name), ' ' ORDER BY name)
        FROM unnest('{fsync,full_page_writes,synchronous_commit}'::text[]) AS name";
    let safe = Postgres::start().await;
    assert_eq!(ask(&safe.url(), SETTINGS).await.expect("an answer"), ["on on on"]);
    let unsafe_one = Postgres::start_with(&["fsync=off"]).await;
    assert_eq!(ask(&unsafe_one.url(), SETTINGS).await.expect("an answer"), ["off on on"]);
}

#[tokio::test]
async fn a_paused_postgres_answers_when_it_goes_on() {
    let postgres = Postgres::start().await;
    postgres.pause();
    let url = postgres.url();
    let mut asked = Box::pin(ask(&url, "SELECT 1"));
    assert!(timeout(MOMENT, &mut asked).await.is_err(), "it answers while it stands still");
    postgres.resume();
    assert_eq!(asked.await.expect("an answer"), ["1"]);
}

#[tokio::test]
async fn a_private_postgres_with_tls_refuses_connections_without_it() {
    let postgres = Postgres::start_with_tls().await;
    let plain = postgres.url().replace("require", "disable");
    let refused = ask(&plain, "SELECT 1").await.expect_err("it wants TLS");
    assert!(refused.as_db_error().is_some_and(|error| error.message().contains("no encryption")));
    let tls = MakeRustlsConnect::new(trusting(&postgres.authority()));
    let (client, connection) =
        tokio_postgres::connect(&postgres.url(), tls).await.expect("it is trusted");
    let asked = async move { client.query_one("SELECT ssl FROM pg_stat_ssl", &[]).await };
    let (answer, _) = tokio::join!(asked, connection);
    assert!(answer.expect("an answer").get::<_, bool>(0));
}

#[test]
fn an_engine_dies_with_the_process_that_started_it() {
    const WAITING_PARENT: &str = r#""$@" >/dev/null 2>&1 & echo $!; wait"#;
    let folder = tempfile::tempdir().expect("a folder");
    let port = Port::claim();
    let mut parent = Command::new("bash");
    parent.args(["-c", WAITING_PARENT, "bash", START, "postgres"]).arg(folder.path());
    parent.arg(port.number().to_string()).stdout(Stdio::piped());
    let mut parent = parent.spawn().expect("bash");
    let mut id = String::new();
    let output = parent.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut id).expect("the server's process id");
    let id = id.trim().parse().expect("a number");
    let serves = || TcpStream::connect(("127.0.0.1", port.number())).ok();
    wait_until("it listens", serves);
    let backends = || Some(family(id)).filter(|family| family.len() > 1);
    let family = wait_until("the postmaster has started others", backends);
    parent.kill().expect("it runs");
    parent.wait().expect("its end");
    wait_until("all of it is gone", || family.iter().all(|id| is_gone(*id)).then_some(()));
}

#[tokio::test]
async fn two_tests_have_databases_of_their_own() {
    let (one, other) = tokio::join!(database(), database());
    one.sql("CREATE TABLE seats ()").await;
    other.sql("CREATE TABLE seats ()").await;
    assert_ne!(one.url(), other.url());
}

#[tokio::test]
async fn a_database_is_dropped_with_its_test_even_while_connected_to() {
    let postgres = Arc::new(Postgres::start().await);
    let admin = postgres.url();
    let database = Database::create(&admin, Some(Arc::clone(&postgres))).await;
    let url = database.url().to_owned();
    let onlooker = ask(&url, "SELECT pg_sleep(3600)");
    let leaves = async {
        let waiting = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
        wait_for("somebody is connected", async || {
            let found = ask(&admin, waiting).await.expect("an answer");
            (!found.is_empty()).then_some(())
        })
        .await;
        drop(database);
    };
    let (sent_away, ()) = tokio::join!(onlooker, leaves);
    sent_away.expect_err("its database is gone");
    let left = "SELECT datname FROM pg_database WHERE datname LIKE 'story%'";
    assert_eq!(ask(&admin, left).await.expect("an answer"), [""; 0]);
}

#[tokio::test]
async fn a_private_redis_with_a_password_refuses_strangers() {
    for redis in [
        Redis::start_with_password("secret").await,
        Redis::start_with_user("usher", "secret").await,
    ] {
        let stranger = redis.url().replace("secret", "guess");
        let refused = connect(&stranger).await.expect_err("it wants the password");
        assert_eq!(refused.kind(), redis::ErrorKind::AuthenticationFailed);
        let url = redis.url();
        let (_, host) = url.split_once('@').expect("a login");
        // Whether it is refused at the greeting or at the first command is the client's to choose.
        let read = async || connect(&format!("redis://{host}")).await?.get("seat").await;
        let refused = read().await.expect_err("it wants a password");
        assert_eq!(refused.code(), Some("NOAUTH"));
        let mut known = connect(&redis.url()).await.expect("it is let in");
        known.set("seat", "held").await.expect("it may write");
    }
}

#[tokio::test]
async fn a_private_redis_comes_back_empty() {
    let mut redis = Redis::start().await;
    let url = redis.url();
    connect(&url).await.expect("it serves").set("seat", "held").await.expect("it is set");
    redis.kill();
    connect(&url).await.expect_err("nobody serves");
    redis.start_again().await;
    let mut again = connect(&url).await.expect("it serves");
    assert_eq!(again.get("seat").await.expect("an answer"), None);
    redis.pause();
    let mut asked = Box::pin(again.get("seat"));
    assert!(timeout(MOMENT, &mut asked).await.is_err(), "it answers while it stands still");
    redis.resume();
    asked.await.expect("an answer");
    redis.stop().await;
    assert!(redis.log().contains("bye bye"), "{}", redis.log());
}

#[tokio::test]
async fn a_private_redis_speaks_tls_to_clients_that_trust_its_authority() {
    let redis = Redis::start_with_tls().await;
    let authority = std::fs::read(redis.authority()).expect("a certificate");
    install_crypto_provider();
    let certificates = redis::TlsCertificates { client_tls: None, root_cert: Some(authority) };
    let client = redis::Client::build_with_tls(redis.url(), certificates).expect("a URL");
    let mut connection =
        client.get_multiplexed_async_connection().await.expect("its certificate is trusted");
    connection.set("seat", "held").await.expect("an answer");
    connect(&redis.url()).await.expect_err("nobody else vouches for it");
}

#[tokio::test]
async fn a_test_that_does_no_harm_gets_a_redis() {
    let redis = redis_url().await;
    let mut connection = connect(redis.url()).await.expect("it serves");
    connection.ping().await.expect("an answer");
}

#[tokio::test]
async fn a_private_rabbitmq_survives_a_kill() {
    let mut rabbitmq = RabbitMq::start().await;
    let vhost = rabbitmq.vhost().await;
    publish(&vhost, "payments", "classic").await;
    let counted = async || count(&vhost, "payments").await.filter(|count| *count == 1);
    wait_for("the message is counted", counted).await;
    rabbitmq.kill();
    open(vhost.url()).await.expect_err("nobody serves");
    rabbitmq.start_again().await;
    assert_eq!(take(vhost.url(), "payments").await.as_deref(), Some("sold"));
}

#[tokio::test]
async fn a_private_rabbitmq_stands_still_and_stops_in_good_order() {
    let mut rabbitmq = RabbitMq::start().await;
    rabbitmq.pause();
    let url = rabbitmq.url();
    let mut opened = Box::pin(open(&url));
    assert!(timeout(MOMENT, &mut opened).await.is_err(), "it answers while it stands still");
    rabbitmq.resume();
    opened.await.expect("a connection");
    rabbitmq.stop().await;
    assert!(rabbitmq.log().contains("SIGTERM received - shutting down"), "{}", rabbitmq.log());
}

#[tokio::test]
async fn two_tests_have_vhosts_of_their_own() {
    let (one, other) = tokio::join!(vhost(), vhost());
    publish(&one, "payments", "quorum").await;
    let queues = one.queues().await;
    assert_eq!(queues.len(), 1);
    assert_eq!(queues[0]["arguments"]["x-queue-type"], "quorum");
    assert_eq!(other.queues().await, [Value::Null; 0]);
    one.delete().await;
    open(one.url()).await.expect_err("it is gone");
    open(other.url()).await.expect("it is still there");
}

/// A TLS configuration that trusts this authority alone.
fn trusting(authority: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(authority).expect("a certificate in PEM");
    roots.add(authority).expect("an authority's certificate");
    install_crypto_provider();
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

async fn connect(url: &str) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
    redis::Client::open(url)?.get_multiplexed_async_connection().await
}

async fn open(url: &str) -> lapin::Result<Connection> {
    let uri = url.parse().expect("a URL");
    rabbitmq::connect(uri, &Tls::system(), ConnectionProperties::default()).await
}

/// Declares a durable queue of a kind and puts one message in; the broker has confirmed it.
async fn publish(vhost: &Vhost, queue: &str, kind: &str) {
    let connection = open(vhost.url()).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
    channel.queue_declare(queue.into(), durable, arguments).await.expect("a queue");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sent = channel.basic_publish("".into(), queue.into(), options, b"sold", persistent).await;
    let confirmed = sent.expect("it is sent").await.expect("an answer");
    assert!(confirmed.is_ack());
}

/// Takes one message out of a queue.
async fn take(url: &str, queue: &str) -> Option<String> {
    let connection = open(url).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let options = BasicGetOptions { no_ack: true };
    let taken = channel.basic_get(queue.into(), options).await.expect("an answer")?;
    Some(String::from_utf8(taken.delivery.data.clone()).expect("text"))
}

/// How many messages the management API counts in a queue.
async fn count(vhost: &Vhost, queue: &str) -> Option<u64> {
    let queues = vhost.queues().await;
    queues.iter().find(|found| found["name"] == queue)?["messages"].as_u64()
}

//! Engines, and a collector, that are spoken to over TLS: who vouches for them is asked, and so is their
//! name.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;

use poltrona_testkit::engines::{Certificate, Postgres, RabbitMq, Redis};
use poltrona_testkit::program::{BINARY, Program, clean, poltrona};
use poltrona_testkit::wait::wait_until;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An instance's engines, each vouched for by an authority of its own.
struct Engines {
    postgres: Postgres,
    redis: Redis,
    rabbit: RabbitMq,
    folder: TempDir,
}

impl Engines {
    async fn start() -> Self {
        let (postgres, redis, rabbit) = tokio::join!(
            Postgres::start_with_tls(),
            Redis::start_with_tls(),
            RabbitMq::start_with_tls()
        );
        Self { postgres, redis, rabbit, folder: tempfile::tempdir().unwrap() }
    }

    /// The program with their URLs, on a machine that trusts nobody.
    fn poltrona(&self) -> Command {
        let mut command = clean(&BINARY, self.folder.path());
        command
            .env("DATABASE_URL", self.postgres.url())
            .env("REDIS_URL", self.redis.url())
            .env("RABBITMQ_URL", self.rabbit.url())
            .env("SSL_CERT_FILE", self.trusting(&[]));
        command
    }

    /// A file with these certificates.
    fn trusting(&self, authorities: &[PathBuf]) -> PathBuf {
        let file = self.folder.path().join(format!("{}.pem", authorities.len()));
        let read = |file| fs::read_to_string(file).unwrap();
        fs::write(&file, authorities.iter().map(read).collect::<String>()).unwrap();
        file
    }
}

/// What the doctor says is wrong with an engine.
fn failure<'a>(report: &'a Value, engine: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|it| it["engine"] == engine && it["status"] == "failure");
    found.unwrap_or_else(|| panic!("{engine} is well in {report:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_sold_and_told_of_over_tls_alone() {
    let engines = Engines::start().await;
    // The system vouches for two of them, the URL names who does for the third.
    let system = engines.trusting(&[engines.redis.authority(), engines.rabbit.authority()]);
    let (url, authority) = (engines.postgres.url(), engines.postgres.authority());
    let database = format!("{url}&sslrootcert={}", authority.display());
    let mut command = engines.poltrona();
    command.env("SSL_CERT_FILE", &system).env("DATABASE_URL", &database);
    command.env("POLTRONA_PORT", "0").args(["serve", "--run-migrations", "--wait-for", "30s"]);
    let program = Program::start(command);
    let ready = || (program.get("/readyz").json()["status"] == "ready").then_some(());
    wait_until("all engines are reached", ready);
    let seats = program.open_session(16);
    let wish = json!({ "seatId": seats[0], "userId": "ana" });
    let held = program.post("/reservations", &wish).expect(201).json();
    let held = held["id"].as_str().unwrap();
    let paid = program.connect().ask("POST", &format!("/payments/confirm/{held}"), None);
    paid.expect(201);
    let consumed = "poltrona_consumed_total{queue=\"payments\",outcome=\"done\"} 1";
    let told = || String::from_utf8_lossy(&program.get("/metrics").body).contains(consumed);
    wait_until(consumed, || told().then_some(()));
    let mut doctor = engines.poltrona();
    doctor.env("SSL_CERT_FILE", &system).env("DATABASE_URL", &database);
    let output = doctor.arg("doctor").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_nobody_vouches_for_is_told_nothing() {
    let engines = Engines::start().await;
    let output = engines.poltrona().args(["doctor", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let report = serde_json::from_slice(&output.stdout).expect("one JSON object");
    for engine in ["postgresql", "redis", "rabbitmq"] {
        let found = failure(&report, engine);
        assert!(found["detail"].as_str().unwrap().contains("certificate"), "{found}");
        assert!(found["mend"].as_str().unwrap().starts_with("SSL_CERT_FILE="), "{found}");
    }
}

/// Serves TLS; tells the first line of the first request, and then hangs up.
fn first_line(certificate: &Certificate) -> (SocketAddr, mpsc::Receiver<String>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let chain = vec![CertificateDer::from_pem_file(certificate.certificate()).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificate.key()).unwrap();
    let config = versions.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(StreamOwned::new(connection, stream)).read_line(&mut line).unwrap();
        tell.send(line).unwrap();
    });
    (address, told)
}

#[test]
fn a_collector_of_traces_is_spoken_to_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::make(folder.path());
    let (address, told) = first_line(&certificate);
    let mut command = poltrona(folder.path());
    command.args(["serve", "--otlp-sample-percent", "100"]);
    command.env("SSL_CERT_FILE", certificate.authority());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("https://{address}"));
    let program = Program::start(command);
    program.get("/health").expect(200);
    let line = wait_until("the collector hears of it", || told.try_recv().ok());
    assert_eq!(line, "POST /v1/traces HTTP/1.1\r\n");
}

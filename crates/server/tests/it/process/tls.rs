//! Connections to engines and to a collector over TLS: the authority and the name of each
//! certificate are checked.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;

use poltrona_engine::tls::install_crypto_provider;
use poltrona_testkit::engines::{Certificate, Postgres, RabbitMq, Redis};
use poltrona_testkit::program::{BINARY, Program, clean, poltrona};
use poltrona_testkit::wait::wait_until;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An instance's engines, each with a certificate from an authority of its own.
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

    /// The program with their URLs, on a machine that trusts no authority.
    fn poltrona(&self) -> Command {
        let mut command = clean(&BINARY, self.folder.path());
        command
            .env("DATABASE_URL", self.postgres.url())
            .env("REDIS_URL", self.redis.url())
            .env("RABBITMQ_URL", self.rabbit.url())
            .env("SSL_CERT_FILE", self.trusting(&[]));
        command
    }

    /// The authority of each.
    fn authorities(&self) -> [PathBuf; 3] {
        [self.postgres.authority(), self.redis.authority(), self.rabbit.authority()]
    }

    /// A file with these certificates.
    fn trusting(&self, authorities: &[PathBuf]) -> PathBuf {
        let file = self.folder.path().join(format!("{}.pem", authorities.len()));
        let read = |file| fs::read_to_string(file).unwrap();
        fs::write(&file, authorities.iter().map(read).collect::<String>()).unwrap();
        file
    }
}

/// The doctor's failure of an engine.
fn failure<'a>(report: &'a Value, engine: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|it| it["engine"] == engine && it["status"] == "failure");
    found.unwrap_or_else(|| panic!("{engine} is well in {report:#}"))
}

/// Sells a seat, and waits until the sale has come back from the broker.
fn sell(program: &Program) {
    let ready = || (program.get("/readyz").json()["status"] == "ready").then_some(());
    wait_until("all engines are reached", ready);
    let seats = program.open_session(16);
    let wish = json!({ "seatId": seats[0], "userId": "ana" });
    let held = program.post("/reservations", &wish).expect(201).json();
    let held = held["id"].as_str().unwrap();
    let paid = program.connect().ask("POST", &format!("/payments/confirm/{held}"), None);
    paid.expect(201);
    let consumed = "poltrona_consumed_total{queue=\"payments\",outcome=\"done\"} 1";
    let is_consumed = || String::from_utf8_lossy(&program.get("/metrics").body).contains(consumed);
    wait_until(consumed, || is_consumed().then_some(()));
}

/// A server and the doctor, both with these variables, reach every engine.
fn sells_and_is_well(engines: &Engines, variables: &[(&str, &OsStr)]) {
    let mut command = engines.poltrona();
    command.envs(variables.iter().copied()).env("POLTRONA_PORT", "0");
    command.args(["serve", "--run-migrations", "--wait-for", "30s"]);
    let program = Program::start(command);
    sell(&program);
    let mut doctor = engines.poltrona();
    let output = doctor.envs(variables.iter().copied()).arg("doctor").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    program.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_sold_and_published_over_tls_alone() {
    let engines = Engines::start().await;
    let [postgres, redis, rabbit] = engines.authorities();
    // The system trusts the authorities of two, and the URL names the third's.
    let system = engines.trusting(&[redis.clone(), rabbit.clone()]);
    let database = format!("{}&sslrootcert={}", engines.postgres.url(), postgres.display());
    let variables = [("SSL_CERT_FILE", system.as_os_str()), ("DATABASE_URL", database.as_ref())];
    sells_and_is_well(&engines, &variables);
    // One file names all three.
    let file = engines.trusting(&[postgres, redis, rabbit]);
    sells_and_is_well(&engines, &[("POLTRONA_CA_FILE", file.as_os_str())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_of_the_url_take_the_place_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (postgres, stranger) = (Postgres::start_with_tls().await, Certificate::make(folder.path()));
    let migrate = |url: &str, file: &Path| {
        let mut command = clean(&BINARY, folder.path());
        command.env("DATABASE_URL", url).args(["migrate", "up", "--ca-file"]).arg(file);
        command.output().unwrap().status.code()
    };
    let url = postgres.url();
    let named = |file: &Path| format!("{url}&sslrootcert={}", file.display());
    let (ours, strangers) = (postgres.authority(), stranger.authority());
    assert_eq!(migrate(&named(&strangers), &ours), Some(3));
    assert_eq!(migrate(&url, &strangers), Some(3));
    assert_eq!(migrate(&named(&ours), &strangers), Some(0));
}

#[test]
fn a_file_without_authorities_stops_every_command_that_would_trust_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, "not a certificate").unwrap();
    for command in [&["serve"] as &[_], &["config", "check"], &["doctor"]] {
        let mut program = poltrona(folder.path());
        let output = program.args(command).arg("--ca-file").arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let expected = format!(
            "ca-file = {} (from flag --ca-file): it has no certificate in PEM form. Name a PEM file",
            file.display()
        );
        assert!(stderr.contains(&expected), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_with_an_unknown_certificate_gets_nothing() {
    let engines = Engines::start().await;
    let output = engines.poltrona().args(["doctor", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let report = serde_json::from_slice(&output.stdout).expect("one JSON object");
    for engine in ["postgresql", "redis", "rabbitmq"] {
        let found = failure(&report, engine);
        assert!(found["detail"].as_str().unwrap().contains("certificate"), "{found}");
        assert_eq!(found["mend"], "poltrona doctor --ca-file AUTHORITY.pem", "{found}");
    }
}

/// Serves TLS; sends the head of the first request to the receiver, and hangs up.
fn first_head(certificate: &Certificate) -> (SocketAddr, mpsc::Receiver<String>) {
    install_crypto_provider();
    let chain = vec![CertificateDer::from_pem_file(certificate.certificate()).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificate.key()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heads) = mpsc::channel();
    thread::spawn(move || {
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let mut head = String::new();
        let mut reader = BufReader::new(StreamOwned::new(connection, stream));
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).unwrap();
        }
        sender.send(head).unwrap();
    });
    (address, heads)
}

/// The head of the first message to a collector whose authority `variable` names.
fn head_of_a_message(variable: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::make(folder.path());
    let (address, heads) = first_head(&certificate);
    let mut command = poltrona(folder.path());
    command.args(["serve", "--otlp-sample-percent", "100"]);
    command.env(variable, certificate.authority());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("https://{address}"));
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=a%20key,user-agent=cinema");
    let program = Program::start(command);
    program.get("/health").expect(200);
    wait_until("the collector gets a message", || heads.try_recv().ok())
}

#[test]
fn a_collector_of_traces_is_spoken_to_over_tls_with_the_headers_that_it_wants() {
    for variable in ["SSL_CERT_FILE", "POLTRONA_CA_FILE"] {
        let head = head_of_a_message(variable);
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        for line in
            ["x-api-key: a key", "user-agent: cinema", "content-type: application/x-protobuf"]
        {
            assert_eq!(head.matches(&format!("\r\n{line}\r\n")).count(), 1, "{line} in {head}");
        }
    }
}

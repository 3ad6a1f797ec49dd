//! The balancer in front of real instances: `deploy/nginx.conf` itself, in a folder of its own.
//!
//! These need nginx and are left out unless asked for; `scripts/check-deploy` asks.

use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use poltrona_testkit::client::Connection;
use poltrona_testkit::engines::Port;
use poltrona_testkit::files::{read, repository};
use poltrona_testkit::program::Program;
use poltrona_testkit::wait::wait_until;
use serde_json::json;
use tempfile::TempDir;

/// A balancer that runs. It is killed when dropped.
struct Balancer {
    child: Child,
    address: SocketAddr,
    _port: Port,
    _folder: TempDir,
}

impl Balancer {
    /// Puts the balancer in front of `instances`, with the upstream of compose.yaml except its
    /// servers and its resolver.
    fn before(instances: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // nginx's workers are another user's when it is started by root.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let port = Port::claim();
        let address = port.address();
        let site = folder.path().join("site");
        fs::create_dir(&site).unwrap();
        fs::write(site.join("listen.conf"), format!("listen {address};\n")).unwrap();
        fs::write(site.join("upstream.conf"), upstream(instances)).unwrap();
        let file = folder.path().join("nginx.conf");
        fs::copy(repository("deploy/nginx.conf"), &file).unwrap();
        let child = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .args(["-e", "stderr", "-g", "daemon off; master_process off;"])
            .stdout(Stdio::null())
            .spawn()
            .expect("nginx");
        wait_until("the balancer listens", || TcpStream::connect(address).ok());
        Self { child, address, _port: port, _folder: folder }
    }

    fn connect(&self) -> Connection {
        Connection::open(self.address).unwrap()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn upstream(instances: &[SocketAddr]) -> String {
    let file = read("deploy/nginx/compose/upstream.conf");
    let servers = instances.iter().map(|it| format!("server {it} max_fails=3 fail_timeout=2s;"));
    let mut servers = Some(servers.collect::<Vec<_>>().join("\n"));
    let lines = file.lines().filter(|line| !line.starts_with("resolver "));
    let lines = lines.filter_map(|line| {
        if line.trim().starts_with("server ") { servers.take() } else { Some(line.to_owned()) }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A server that takes a whole request and breaks off without an answer; and how many it took.
fn one_that_breaks_off() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = BufReader::new(stream);
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                let header = line.to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            if stream.read_exact(&mut vec![0; length]).is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (address, taken)
}

#[test]
#[ignore = "needs nginx"]
fn nobody_notices_an_instance_that_is_killed() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = folders.each_ref().map(|folder| Program::serve(folder.path(), &[]));
    let balancer = Balancer::before(&[first.address(), second.address()]);
    let mut connection = balancer.connect();
    let session = json!({
        "movie": "Central do Brasil", "room": "Sala 1", "startsAt": "2030-03-01T20:00:00Z",
        "ticketPrice": 25.5, "totalSeats": 16,
    });
    for _ in 0..4 {
        connection.post("/sessions", &session).expect(201);
    }
    let opened = |program: &Program| program.get("/sessions").json().as_array().unwrap().len();
    assert!(opened(&first) > 0 && opened(&second) > 0, "one instance did all the work");
    let before = opened(&second);
    first.kill();
    // A POST to an instance that cannot be reached was not sent, and goes to another.
    for _ in 0..8 {
        connection.post("/sessions", &session).expect(201);
        connection.get("/sessions").expect(200);
    }
    assert_eq!(opened(&second), before + 8);
}

#[test]
#[ignore = "needs nginx"]
fn a_post_that_was_sent_is_never_sent_again() {
    let (broken, taken) = one_that_breaks_off();
    let (other, also_taken) = one_that_breaks_off();
    let balancer = Balancer::before(&[broken, other]);
    let answer = balancer.connect().post("/reservations", &json!({ "userId": "ana" }));
    let answer = answer.expect(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let error = answer.json();
    assert_eq!(error["code"], "outcome_unknown", "{error}");
    assert_eq!(error["statusCode"], 503);
    assert_eq!(error["path"], "/reservations");
    assert_eq!(taken.load(Ordering::SeqCst) + also_taken.load(Ordering::SeqCst), 1);
    // A request that changes nothing may be sent to both.
    balancer.connect().get("/sessions").expect(503);
    assert_eq!(taken.load(Ordering::SeqCst) + also_taken.load(Ordering::SeqCst), 3);
}

#[test]
#[ignore = "needs nginx"]
fn figures_are_not_for_the_public_in_any_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    let balancer = Balancer::before(&[program.address()]);
    program.get("/metrics").expect(200);
    for path in ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/x/../metrics", "/metrics?x"]
    {
        let error = balancer.connect().get(path).expect(404).json();
        assert_eq!(error["code"], "route_not_found", "{path}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn a_body_that_is_too_large_is_refused_by_the_program_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    let balancer = Balancer::before(&[program.address()]);
    for (length, who) in [(110 * 1024, "the program"), (200 * 1024, "the balancer")] {
        let body = json!({ "userId": "a".repeat(length) });
        let error = balancer.connect().post("/reservations", &body).expect(413).json();
        assert_eq!(error["code"], "body_too_large", "{who}: {error}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn the_balancer_refuses_in_the_programs_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    let balancer = Balancer::before(&[program.address()]);
    let long = "x".repeat(20 * 1024);
    for language in ["pt-BR", "en-GB,en;q=0.9"] {
        let headers = [("Accept-Language", language)];
        let message = |mut connection: Connection, path: &str, more: &[(&str, &str)]| {
            let headers = [&headers[..], more].concat();
            let answer = connection.request("GET", path, &headers, None).unwrap().unwrap();
            (answer.status, answer.json()["code"].clone(), answer.json()["message"].clone())
        };
        // Each is asked for something that it refuses itself.
        let unknown = message(balancer.connect(), "/metrics", &[]);
        assert_eq!(unknown, message(program.connect(), "/nothing", &[]), "{language}");
        let (status, code, _) = message(balancer.connect(), "/health", &[("x-long", &long)]);
        assert_eq!((status, code), (431, json!("headers_too_large")), "{language}");
        for path in ["/%zz", "/%00", "/../../etc", &format!("/{long}")] {
            let (status, code, _) = message(balancer.connect(), path, &[]);
            assert_eq!((status, code), (400, json!("validation_failed")), "{language}: {path:.20}");
        }
    }
    let mut garbled = balancer.connect();
    garbled.send("HALLO\r\n\r\n").unwrap();
    let answer = garbled.answer().unwrap().unwrap();
    assert_eq!((answer.status, answer.code()), (400, "validation_failed".to_owned()));
    let trace = balancer.connect().request("TRACE", "/sessions", &[], None).unwrap().unwrap();
    assert_eq!(trace.code(), "validation_failed");
}

#[test]
#[ignore = "needs nginx"]
fn a_request_keeps_its_id_and_gets_one_when_it_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    let balancer = Balancer::before(&[program.address()]);
    let mut connection = balancer.connect();
    let asked = connection.request("GET", "/sessions", &[("X-Request-Id", "of-the-client")], None);
    assert_eq!(asked.unwrap().unwrap().header("x-request-id"), Some("of-the-client"));
    let given = connection.get("/sessions").expect(200);
    let given = given.header("x-request-id").unwrap();
    assert!(given.len() == 32 && given.bytes().all(|b| b.is_ascii_hexdigit()), "{given}");
    program.wait_for_line(given);
}

//! The messages to systemd, over a socket as systemd names it, and the unit that relies on them.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use poltrona::config::Config;
use poltrona_testkit::program::{BINARY, Program, clean, poltrona};
use poltrona_testkit::wait::{PATIENCE, wait_until};

const STOPPING: &str = "STOPPING=1\nSTATUS=stopping: answering what was accepted\n";

/// A socket as systemd's, in `folder`.
fn socket(folder: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(folder.join("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// The next message.
#[track_caller]
fn next(socket: &UnixDatagram) -> String {
    let mut message = [0; 1024];
    let length = socket.recv(&mut message).unwrap();
    String::from_utf8(message[..length].to_vec()).unwrap()
}

#[track_caller]
fn assert_silent(socket: &UnixDatagram) {
    socket.set_nonblocking(true).unwrap();
    assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn systemd_learns_when_the_server_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let socket = socket(folder.path());
    let mut command = poltrona(folder.path());
    command.arg("serve").env("NOTIFY_SOCKET", folder.path().join("notify"));
    let program = Program::start(command);
    assert_eq!(next(&socket), format!("READY=1\nSTATUS=serving on {}\n", program.url()));
    program.get("/readyz").expect(200);
    program.stop();
    assert_eq!(next(&socket), STOPPING);
    assert_silent(&socket);
}

#[test]
fn a_server_that_stops_before_it_is_ready_never_says_that_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let socket = socket(folder.path());
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = clean(&BINARY, folder.path());
    command.args(["serve", "--port", "0", "--wait-for", "5m"]);
    command.env("DATABASE_URL", format!("postgres://ana@{nobody}/cinema"));
    command.env("NOTIFY_SOCKET", folder.path().join("notify"));
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut child = command.stderr(log).spawn().unwrap();
    wait_until("it waits for its database", || {
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        log.contains("waiting for PostgreSQL").then_some(())
    });
    let sent = clean("kill", folder.path()).args(["-TERM", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let ended = wait_until("it ends", || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
    assert_eq!(next(&socket), STOPPING);
    assert_silent(&socket);
}

#[test]
fn a_socket_that_nobody_reads_does_not_keep_the_server_from_serving() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = poltrona(folder.path());
    command.arg("serve").env("NOTIFY_SOCKET", folder.path().join("notify"));
    let program = Program::start(command);
    program.wait_for_line("systemd cannot be notified");
    program.get("/readyz").expect(200);
    program.stop();
}

/// The value of a setting of the unit.
#[track_caller]
fn of<'a>(unit: &'a str, name: &str) -> &'a str {
    let values = unit.lines().filter_map(|line| line.split_once('='));
    let mut values = values.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let value = values.next().unwrap_or_else(|| panic!("{name} is not in the unit"));
    assert_eq!(values.next(), None, "{name} is there twice");
    value
}

#[test]
fn the_unit_waits_for_the_messages_and_lets_them_through() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/poltrona.service");
    let unit = fs::read_to_string(unit).unwrap();
    assert_eq!(of(&unit, "Type"), "notify");
    assert!(of(&unit, "RestrictAddressFamilies").split(' ').any(|family| family == "AF_UNIX"));
    // The program bounds its start by `wait-for`, and its end by `shutdown-grace`.
    assert_eq!(of(&unit, "TimeoutStartSec"), "infinity");
    let patience = of(&unit, "TimeoutStopSec").strip_suffix('s').unwrap().parse().unwrap();
    assert!(Duration::from_secs(patience) > Config::default().shutdown_grace);
}

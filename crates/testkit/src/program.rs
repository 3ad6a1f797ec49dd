//! The program under test: started in a folder, watched through its log, ended in every way.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::client::{Answer, Connection};
use crate::wait::wait_until;

/// The program that cargo built beside this test or benchmark: `target/release/poltrona` beside
/// `target/release/deps/it-…`. Cargo builds it for those of the package `poltrona`.
pub static BINARY: LazyLock<String> = LazyLock::new(|| {
    let ours = std::env::current_exe().unwrap();
    let binary = ours.ancestors().nth(2).unwrap().join("poltrona");
    assert!(binary.is_file(), "{} is not there: cargo build -p poltrona", binary.display());
    binary.into_os_string().into_string().unwrap()
});

/// A command with nothing of this machine's environment but its `PATH`, started in `folder`.
pub fn clean(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    let path = std::env::vars_os().filter(|(name, _)| name == "PATH");
    command.current_dir(folder).env_clear().envs(path).stdin(Stdio::null());
    command
}

/// The program in `folder`, with a data folder within and a port that the system chooses.
pub fn poltrona(folder: &Path) -> Command {
    let mut command = clean(&BINARY, folder);
    settle(&mut command);
    command
}

/// Settings that let many programs run beside each other on one machine.
pub fn settle(command: &mut Command) {
    command.env("POLTRONA_PORT", "0").env("POLTRONA_DATA_DIR", "data");
}

/// Runs a command of the program to its end.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    poltrona(folder).args(arguments).output().unwrap()
}

/// What a command that went well printed.
#[track_caller]
pub fn printed(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// A server that runs. It is killed when dropped.
pub struct Program {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    address: SocketAddr,
}

impl Program {
    /// Serves in `folder` with these flags, and waits until it is ready.
    pub fn serve(folder: &Path, flags: &[&str]) -> Self {
        let mut command = poltrona(folder);
        command.arg("serve").args(flags);
        Self::start(command)
    }

    /// Starts a command that ends up serving, and waits until it is ready.
    pub fn start(mut command: Command) -> Self {
        let spawned = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let reader = keep(child.stderr.take().unwrap(), Arc::clone(&log));
        let address = wait_until("the program is ready", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {}", log.lock().unwrap());
            log.lock().unwrap().lines().find_map(ready)
        });
        Self { child, log, reader: Some(reader), address }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.address).unwrap()
    }

    /// Asks for a path on a connection of its own.
    pub fn get(&self, path: &str) -> Answer {
        self.connect().get(path)
    }

    /// Sends a body on a connection of its own.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.connect().post(path, body)
    }

    /// Opens a session; gives the ids of its seats.
    pub fn open_session(&self, seats: u32) -> Vec<String> {
        let session = json!({
            "movie": "Central do Brasil", "room": "Sala 1", "startsAt": "2030-03-01T20:00:00Z",
            "ticketPrice": 25.5, "totalSeats": seats,
        });
        let opened = self.post("/sessions", &session).expect(201).json();
        let seats = opened["seats"].as_array().unwrap();
        seats.iter().map(|seat| seat["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits for a line of the log that contains `text`.
    pub fn wait_for_line(&self, text: &str) {
        wait_until(text, || self.log.lock().unwrap().contains(text).then_some(()));
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Whether the program still runs.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it as a power cut would: nothing of its own code runs any more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to stop, as a service manager does.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        wait_until("the program ends", || self.child.try_wait().unwrap())
    }

    /// Tells it to stop and waits until it did, without a fault.
    #[track_caller]
    pub fn stop(mut self) {
        self.terminate();
        assert_eq!(self.ended().code(), Some(0));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.reader.take().map(JoinHandle::join);
        if thread::panicking() {
            let log = self.log.lock().unwrap();
            let last: Vec<_> = log.lines().rev().take(30).collect();
            eprintln!("the program's last lines:");
            last.iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}

/// Reads the log for as long as somebody writes it, so that the program never waits for a reader.
fn keep(stderr: ChildStderr, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    })
}

/// The address in the line that says that the program serves.
fn ready(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"] == "ready").then(|| {
        let url = line["url"].as_str().unwrap();
        url.strip_prefix("http://").unwrap().parse().unwrap()
    })
}

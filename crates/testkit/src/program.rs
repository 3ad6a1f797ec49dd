//! The built program in a process: started in a folder, watched through its log, ended in every way.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::client::{Answer, Connection};
use crate::process::Process;
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

/// The standard output of a command; fails when it reports a fault.
#[track_caller]
pub fn printed(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// A server that runs. It is killed when this is dropped, and the end of its log is shown when a test
/// fails.
pub struct Program {
    process: Process,
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
        let mut process = Process::spawn(command.stdout(Stdio::null()).stderr(Stdio::piped()));
        let log = Arc::new(Mutex::new(String::new()));
        let reader = keep(process.child().stderr.take().unwrap(), Arc::clone(&log));
        let address = wait_until("the program is ready", || {
            assert!(process.status().is_none(), "{command:?} ended: {}", log.lock().unwrap());
            log.lock().unwrap().lines().find_map(ready)
        });
        Self { process, log, reader: Some(reader), address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, with the scheme.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Opens a connection.
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

    /// Its log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> bool {
        self.process.status().is_none()
    }

    /// Ends it as a power cut would: none of its own code runs any more.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Asks it to stop, by the signal of a service manager.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        self.process.ended()
    }

    /// Stops it in good order; fails when it reports a fault.
    #[track_caller]
    pub fn stop(mut self) {
        self.terminate();
        assert_eq!(self.ended().code(), Some(0));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill();
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

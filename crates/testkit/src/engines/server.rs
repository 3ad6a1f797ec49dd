//! One private server process: started, watched through its log, and harmed in every way.

use std::fmt::{self, Display, Formatter};
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use crate::process::{family, is_gone, signal};
use crate::wait::{wait_for, wait_until};

/// The script that starts a server, by `exec`.
pub(super) const START: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/engine");
/// How many lines of its log a failure shows.
const LAST_LINES: usize = 30;

/// A server with a folder of its own. Dropping it kills it and removes the folder; when this process
/// is killed, the server dies too, but its folder stays.
pub(super) struct Server {
    engine: &'static str,
    arguments: Vec<String>,
    process: Option<Process>,
    folder: TempDir,
}

/// A started process, and the thread that waits for its end.
///
/// The system kills the server when the *thread* that started it ends, so that thread has to stay
/// for as long as the server does: a test's own may end before.
struct Process {
    id: u32,
    keeper: JoinHandle<ExitStatus>,
}

impl Server {
    /// A temporary folder for a server of this engine that is yet to be started.
    pub(super) fn new(engine: &'static str) -> Self {
        Self::below(&std::env::temp_dir(), engine)
    }

    /// A folder below `parent` for a server of this engine.
    pub(super) fn below(parent: &Path, engine: &'static str) -> Self {
        let name = format!("poltrona-{engine}-");
        let folder = tempfile::Builder::new().prefix(&name).tempdir_in(parent).expect("a folder");
        Self { engine, arguments: Vec::new(), process: None, folder }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it with these arguments of `scripts/engine`, after the folder.
    pub(super) fn start(&mut self, arguments: Vec<String>) {
        self.arguments = arguments;
        self.start_again();
    }

    /// Starts it as it was started before, on the same data.
    pub(super) fn start_again(&mut self) {
        assert!(self.process.is_none(), "{} still runs", self.engine);
        let log =
            OpenOptions::new().create(true).append(true).open(self.log_file()).expect("a log");
        let mut command = Command::new(START);
        command.arg(self.engine).arg(self.folder()).args(&self.arguments).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let (sender, started) = mpsc::channel();
        let keeper = thread::spawn(move || {
            let mut child = command.spawn().expect("scripts/engine can be run");
            sender.send(child.id()).expect("somebody waits for it");
            child.wait().expect("its end")
        });
        self.process = Some(Process { id: started.recv().expect("it starts"), keeper });
    }

    /// Runs a program of its engine against it.
    pub(super) fn run<'a>(&self, program: &str, arguments: impl Iterator<Item = &'a str>) {
        let output = Command::new(START).arg(program).arg(self.folder()).args(arguments).output();
        let output = output.expect("scripts/engine can be run");
        let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(output.status.success(), "{program}: {out}{err}");
    }

    /// Waits until `ask`, which is given its process id, gets an answer.
    pub(super) async fn answers(&self, mut ask: impl AsyncFnMut(u32) -> bool) {
        let process = self.process.as_ref().expect("it was started");
        let waiting = Report { server: self, what: "does not answer" };
        wait_for(&waiting, async || {
            assert!(!process.keeper.is_finished(), "{}", Report { what: "has ended", ..waiting });
            ask(process.id).await.then_some(())
        })
        .await;
    }

    /// Ends it, and every process that it started, as a power cut would.
    pub(super) fn kill(&mut self) {
        let Some(process) = self.process.take() else { return };
        // Stopped first, it cannot start others while its descendants are listed.
        let family = stop_all(process.id);
        signal("KILL", &family);
        wait_until("its processes are gone", || family.iter().all(|id| is_gone(*id)).then_some(()));
        process.keeper.join().expect("it was waited for");
    }

    /// Ends it at once by a signal at which it still tidies up; nothing when it does not run.
    pub(super) fn end(&mut self, by: &str) {
        if let Some(process) = &self.process {
            self.resume();
            signal(by, &[process.id]);
            wait_until("the server ends", || process.keeper.is_finished().then_some(()));
        }
        self.kill();
    }

    /// Ends it in good order, by the signal that its engine takes for that.
    pub(super) async fn stop(&mut self, by: &str) {
        let process = self.process.as_ref().expect("it runs");
        signal(by, &[process.id]);
        let waiting = Report { server: self, what: "does not stop" };
        wait_for(waiting, async || process.keeper.is_finished().then_some(())).await;
        self.kill();
    }

    /// Pauses all of it: connections stay open, but get no answer.
    pub(super) fn pause(&self) {
        stop_all(self.process.as_ref().expect("it runs").id);
    }

    /// Lets it go on after [`Self::pause`].
    pub(super) fn resume(&self) {
        signal("CONT", &family(self.process.as_ref().expect("it runs").id));
    }

    fn log_file(&self) -> PathBuf {
        self.folder().join("log.txt")
    }

    /// Its processes.
    pub(super) fn processes(&self) -> Vec<u32> {
        family(self.process.as_ref().expect("it runs").id)
    }

    /// All that it wrote so far.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).expect("its log")).into_owned()
    }
}

/// Stops a process and then its descendants, of which no new ones can come; gives all of them.
fn stop_all(id: u32) -> Vec<u32> {
    signal("STOP", &[id]);
    let family = family(id);
    signal("STOP", &family);
    family
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", Report { server: self, what: "served the test that fails" });
        }
        self.kill();
    }
}

/// A sentence about a server, with the end of its log.
#[derive(Clone, Copy)]
struct Report<'a> {
    server: &'a Server,
    what: &'a str,
}

impl Display for Report<'_> {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}; its last lines:", self.server.engine, self.what)?;
        let log = self.server.log();
        let lines: Vec<_> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        last.iter().try_for_each(|line| write!(to, "\n  {line}"))
    }
}

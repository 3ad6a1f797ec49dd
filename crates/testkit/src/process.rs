//! Processes: one that ends with its test, signals, and descendants as `/proc` shows them.

use std::fs;
use std::process::{Child, Command, ExitStatus};

use crate::wait::wait_until;

/// A process that is killed when this is dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command.
    pub fn spawn(command: &mut Command) -> Self {
        let spawned = command.spawn();
        Self { child: spawned.unwrap_or_else(|error| panic!("{command:?}: {error}")) }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for its pipes.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its exit status; `None` while it runs.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Asks it to stop, by the signal of a service manager.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        assert!(sent.unwrap().success(), "it has ended by itself");
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        wait_until("the program ends", || self.status())
    }

    /// Ends it as a power cut would: none of its own code runs any more.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The state and the parent's id, from `/proc/ID/stat`.
fn stat(id: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is a name in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether it has ended; it may still be a zombie that its parent has not reaped.
pub(crate) fn is_gone(id: u32) -> bool {
    stat(id).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

/// A living process and all its descendants, itself first.
pub(crate) fn family(id: u32) -> Vec<u32> {
    let names = fs::read_dir("/proc").expect("/proc").map(|entry| entry.expect("an entry"));
    let ids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> = ids.filter_map(|id| Some((id, stat(id)?.1))).collect();
    let mut family = vec![id];
    let mut at = 0;
    while let Some(&parent) = family.get(at) {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| id));
        at += 1;
    }
    family.retain(|id| !is_gone(*id));
    family
}

/// Sends a signal, such as `TERM`, to each of them. A process that ends meanwhile is no fault.
pub(crate) fn signal(name: &str, ids: &[u32]) {
    if !ids.is_empty() {
        let ids = ids.iter().map(u32::to_string);
        Command::new("kill").arg(format!("-{name}")).args(ids).output().expect("kill runs");
    }
}

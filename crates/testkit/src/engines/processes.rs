//! A process and those that it started, looked at through `/proc` and reached by signals.

use std::fs;
use std::process::Command;

/// What `/proc/ID/stat` says: the state, and the parent's id.
fn stat(id: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is a name in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether it runs no more; what is left of it may wait for a parent to ask how it ended.
pub(super) fn is_gone(id: u32) -> bool {
    stat(id).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

/// A living process and all its descendants, itself first.
pub(super) fn family(id: u32) -> Vec<u32> {
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

/// Sends a signal to each of them. One that ends meanwhile is no fault.
pub(super) fn signal(name: &str, ids: &[u32]) {
    if !ids.is_empty() {
        let ids = ids.iter().map(u32::to_string);
        Command::new("kill").arg(format!("-{name}")).args(ids).output().expect("kill runs");
    }
}

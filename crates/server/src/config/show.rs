//! The configuration as text, in the form of its file.

use std::fmt::Write as _;

use super::database::Database;
use super::resolve::{Resolved, Setting};

/// One `key = value` a line, secrets as `***`; with `origins`, each origin as a comment.
pub fn show(resolved: &Resolved, origins: bool) -> String {
    // Ephemeral data have no folder of their own, and a file that named one would be refused.
    let is_ephemeral = resolved.config.database() == Database::Ephemeral;
    let line = |setting: &Setting| {
        let value = setting.key.show(&resolved.config).unwrap_or_default();
        let mark = if setting.key.name == "data-dir" && is_ephemeral { "#" } else { "" };
        format!("{mark}{} = {}", setting.key.name, setting.key.in_toml(&value))
    };
    let lines: Vec<String> = resolved.settings.iter().map(line).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let mut shown = String::new();
    for (line, setting) in lines.iter().zip(&resolved.settings) {
        // Writing to a string cannot fail.
        let _ = if origins {
            writeln!(shown, "{line:width$}  # {}", setting.origin)
        } else {
            writeln!(shown, "{line}")
        };
    }
    shown
}

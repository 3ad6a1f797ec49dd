//! Faults of the configuration, and their text.

use std::fmt;

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting and where it came from, such as ``port, from POLTRONA_PORT``.
    pub what: String,
    /// Why it is wrong, as the rest of a sentence.
    pub why: String,
    /// The way to fix it, as a sentence.
    pub hint: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}", self.what, self.why, self.hint)
    }
}

/// All faults of a configuration, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// In the order in which the settings are listed.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.as_slice() {
            [only] => write!(f, "the configuration has a fault\n  {only}"),
            faults => {
                write!(f, "the configuration has {} faults", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

/// Why a text is not a value of its setting, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadValue {
    pub(super) why: String,
    pub(super) hint: String,
}

impl BadValue {
    pub(super) fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into() }
    }
}

/// The candidate that a person who wrote `typed` most likely meant, if any is near enough.
pub(super) fn nearest<'a>(
    typed: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // Below this likeness a guess confuses more than it helps.
    const NEAR_ENOUGH: f64 = 0.75;
    candidates
        .map(|candidate| (strsim::jaro_winkler(typed, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Makes a value safe to print on a line of its own: control characters are written as escapes.
pub(super) fn printable(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    // Quotes and backslashes are harmless on a line, and read better bare.
    shown.replace("\\\"", "\"").replace("\\'", "'")
}

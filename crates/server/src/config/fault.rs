//! Faults of the configuration, and their text.

use std::borrow::Cow;
use std::fmt;

use poltrona_engine::text;

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

/// A value as a line may show it: shortened, with control characters escaped, and without the
/// secrets of a URL.
pub(super) fn printable(value: &str) -> String {
    const LONGEST: usize = 80;
    let value = without_secrets(value);
    let mut shown = text::printable(&value.chars().take(LONGEST).collect::<String>()).into_owned();
    if value.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A URL without the parts that may be secret: its user and its query.
fn without_secrets(value: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = value.split_once("://") else {
        // It may be meant for a URL.
        let host = value.rsplit_once('@').map(|(_, host)| format!("***@{host}"));
        return host.map_or(value.into(), Cow::from);
    };
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?***"));
    let end = rest.find(['/', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{}{query}", &rest[end..]).into(),
        None => format!("{scheme}://{rest}{query}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_without_the_user_of_a_url() {
        assert_eq!(printable("http://u:canary@h:4318/x"), "http://***@h:4318/x");
        assert_eq!(printable("http://u:can@ary@h"), "http://***@h");
        assert_eq!(printable("http://h/a@b"), "http://h/a@b");
        assert_eq!(printable("http://u:canary@h/x?key=canary"), "http://***@h/x?***");
        assert_eq!(printable("u:canary@h:4318"), "***@h:4318");
        assert_eq!(printable("a\tb"), "a\\tb");
        assert_eq!(printable(&"x".repeat(81)).chars().count(), 81);
    }
}

//! A configuration while it is resolved.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::fault::{BadValue, Fault, printable};
use super::keys::{Key, Kind};
use super::settings::Config;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag, named without dashes.
    Flag(&'static str),
    /// A variable.
    Variable(String),
    /// A file that a variable names, for secrets.
    SecretFile {
        /// The variable, such as `REDIS_URL_FILE`.
        variable: String,
        /// The file that it names.
        path: PathBuf,
    },
    /// A line of the configuration file.
    File {
        /// The configuration file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Nothing set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Variable(name) => write!(f, "env {name}"),
            Self::SecretFile { variable, path } => write!(f, "env {variable} ({})", path.display()),
            Self::File { path, line } => write!(f, "file {}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The values so far, their origins, and the faults found so far.
pub(super) struct Draft {
    pub(super) config: Config,
    pub(super) faults: Vec<Fault>,
    pub(super) origins: BTreeMap<&'static str, Origin>,
    broken: Vec<&'static str>,
}

impl Draft {
    /// The defaults, and the faults that were found so far.
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self { config: Config::default(), faults, origins: BTreeMap::new(), broken: Vec::new() }
    }

    /// The origin of a setting that was given a valid value.
    pub(super) fn explicit(&self, name: &str) -> Option<&Origin> {
        self.origins.get(name).filter(|_| !self.is_broken(name))
    }

    /// Whether a setting was given an invalid value.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken.contains(&name)
    }

    /// Records the origin of a setting that takes its value from another one.
    pub(super) fn set_origin(&mut self, name: &'static str, origin: Origin) {
        self.origins.insert(name, origin);
    }

    /// Sets a setting to the value of `text`, or records why `text` is invalid.
    pub(super) fn put(&mut self, key: &'static Key, text: &str, origin: Origin) {
        if let Err(bad) = (key.put)(&mut self.config, text) {
            self.refuse(key, Some(text), &origin, bad);
        }
        self.origins.insert(key.name, origin);
    }

    /// Records that the text from `origin` is invalid for a setting.
    pub(super) fn refuse(
        &mut self,
        key: &'static Key,
        text: Option<&str>,
        origin: &Origin,
        bad: BadValue,
    ) {
        let shown = text.filter(|_| key.kind != Kind::Secret);
        let value = shown.map(|text| format!(" = {}", printable(text))).unwrap_or_default();
        let what = format!("{}{value} (from {origin})", key.name);
        self.faults.push(Fault { what, why: bad.why, hint: bad.hint });
        self.broken.push(key.name);
    }
}

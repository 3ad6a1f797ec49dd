//! Which of flag, variable, file and default each setting takes its value from.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::environment::{CONFIG_VARIABLE, Environment};
use super::fault::{BadValue, ConfigError, Fault, printable};
use super::file::{self, Entry};
use super::keys::{Alias, KEYS, Key, Kind};
use super::{Config, DEFAULT_FILE, rules};

/// The flags that were given, by the name of their key; `config` names the file.
pub type Flags = BTreeMap<&'static str, String>;

/// All that the configuration depends on.
pub struct Inputs<'a> {
    /// What the command line says.
    pub flags: Flags,
    /// What the environment says.
    pub environment: Environment,
    /// How a file is read, whether the configuration file or one that holds a secret.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

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

/// One decided setting: which, and where its value came from.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The setting.
    pub key: &'static Key,
    /// Where its value came from.
    pub origin: Origin,
}

/// A configuration without faults.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The values.
    pub config: Config,
    /// Every setting in the table's order, with its origin.
    pub settings: Vec<Setting>,
    /// The configuration file that was read, if any.
    pub file: Option<PathBuf>,
    /// Whether colours are welcome on a terminal (`NO_COLOR` is unset).
    pub colours: bool,
}

/// A configuration on its way: values so far, their origins, and what is wrong.
pub(super) struct Draft {
    pub(super) config: Config,
    pub(super) faults: Vec<Fault>,
    origins: BTreeMap<&'static str, Origin>,
    broken: Vec<&'static str>,
}

impl Draft {
    /// Where a setting that has a sound value other than by default came from.
    pub(super) fn explicit(&self, name: &str) -> Option<&Origin> {
        self.origins.get(name).filter(|_| !self.is_broken(name))
    }

    /// Whether a value was given for a setting and could not be read.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken.contains(&name)
    }

    /// Records that a setting got its value by way of another.
    pub(super) fn set_origin(&mut self, name: &'static str, origin: Origin) {
        self.origins.insert(name, origin);
    }

    fn put(&mut self, key: &'static Key, text: &str, origin: Origin) {
        if let Err(bad) = (key.put)(&mut self.config, text) {
            self.refuse(key, Some(text), &origin, bad);
        }
        self.origins.insert(key.name, origin);
    }

    fn refuse(&mut self, key: &'static Key, text: Option<&str>, origin: &Origin, bad: BadValue) {
        let shown = text.filter(|_| key.kind != Kind::Secret);
        let value = shown.map(|text| format!(" = {}", printable(text))).unwrap_or_default();
        let what = format!("{}{value} (from {origin})", key.name);
        self.faults.push(Fault { what, why: bad.why, hint: bad.hint });
        self.broken.push(key.name);
    }
}

/// Decides every setting, or tells everything that is wrong.
pub fn resolve(inputs: &Inputs<'_>) -> Result<Resolved, ConfigError> {
    let mut faults = inputs.environment.unknown();
    let (file, entries) = match read_file(inputs, &mut faults) {
        Some((path, entries)) => (Some(path), entries),
        None => (None, BTreeMap::new()),
    };
    let mut draft =
        Draft { config: Config::default(), faults, origins: BTreeMap::new(), broken: Vec::new() };
    for key in KEYS {
        if let Some(text) = inputs.flags.get(key.name) {
            draft.put(key, text, Origin::Flag(key.name));
        } else if from_environment(inputs, key, &mut draft) {
        } else if let (Some(path), Some(entry)) = (&file, entries.get(key.name))
            // The file writes "" for what is not set, as `config show` does.
            && !(key.default().is_none() && entry.text.is_empty())
        {
            draft.put(key, &entry.text, Origin::File { path: path.clone(), line: entry.line });
        }
    }
    rules::check(&mut draft);
    if !draft.faults.is_empty() {
        return Err(ConfigError { faults: draft.faults });
    }
    let settings = KEYS.iter().map(|key| Setting {
        key,
        origin: draft.origins.remove(key.name).unwrap_or(Origin::Default),
    });
    Ok(Resolved {
        settings: settings.collect(),
        config: draft.config,
        file,
        colours: inputs.environment.colours_welcome(),
    })
}

type ReadFile = (PathBuf, BTreeMap<&'static str, Entry>);

fn read_file(inputs: &Inputs<'_>, faults: &mut Vec<Fault>) -> Option<ReadFile> {
    let flag = inputs.flags.get("config").map(|path| (path.as_str(), "flag --config"));
    let variable = || inputs.environment.get(CONFIG_VARIABLE).map(|p| (p, "env POLTRONA_CONFIG"));
    let named = flag.or_else(variable);
    let path = PathBuf::from(named.map_or(DEFAULT_FILE, |(path, _)| path));
    match (inputs.read)(&path) {
        Ok(text) => {
            let entries = file::read(&path, &text, faults);
            Some((path, entries))
        }
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let origin = named.map_or("the working directory", |(_, origin)| origin);
            faults.push(Fault {
                what: format!("the file `{}` (from {origin})", printable(&path.to_string_lossy())),
                why: format!("it cannot be read ({error})"),
                hint: "Name a file that exists and that this user may read.".to_owned(),
            });
            None
        }
    }
}

/// Takes a setting from the environment; says whether the environment had anything to say.
fn from_environment(inputs: &Inputs<'_>, key: &'static Key, draft: &mut Draft) -> bool {
    let own = Alias { name: "", translate: |text| Ok(Some(text.to_owned())) };
    for (name, alias) in key.variables().into_iter().zip(std::iter::once(&own).chain(key.aliases)) {
        let Some((text, origin)) = variable(inputs, key, name, draft) else { continue };
        let Some(text) = text else { return true };
        match (alias.translate)(&text) {
            Ok(Some(text)) => draft.put(key, &text, origin),
            Ok(None) => continue,
            Err(bad) => draft.refuse(key, Some(&text), &origin, bad),
        }
        return true;
    }
    false
}

/// The text of a variable or of the file that its `_FILE` twin names. `Some((None, _))` is a
/// variable that is there and of no use; its fault is then recorded.
fn variable(
    inputs: &Inputs<'_>,
    key: &'static Key,
    name: String,
    draft: &mut Draft,
) -> Option<(Option<String>, Origin)> {
    let text = inputs.environment.get(&name);
    let twin = format!("{name}_FILE");
    let path = inputs.environment.get(&twin).filter(|_| key.kind == Kind::Secret);
    match (text, path) {
        (None, None) => None,
        (Some(text), None) => Some((Some(text.to_owned()), Origin::Variable(name))),
        (Some(_), Some(_)) => {
            let bad = BadValue::new(
                format!("{twin} is set as well, so that there are two values"),
                "Unset one of the two.",
            );
            let origin = Origin::Variable(name);
            draft.refuse(key, None, &origin, bad);
            Some((None, origin))
        }
        (None, Some(path)) => {
            let path = PathBuf::from(path);
            let read = (inputs.read)(&path);
            let origin = Origin::SecretFile { variable: twin, path };
            match read {
                // Editors and `echo` end a file with a line break that is no part of the secret.
                Ok(text) => Some((Some(text.trim_end_matches(['\r', '\n']).to_owned()), origin)),
                Err(error) => {
                    let bad = BadValue::new(
                        format!("the file cannot be read ({error})"),
                        "Name a file that exists and that this user may read.",
                    );
                    draft.refuse(key, None, &origin, bad);
                    Some((None, origin))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Decides each setting: by its flag, else its variables, else the file, else the default.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::draft::{Draft, Origin};
use super::environment::{CONFIG_VARIABLE, Environment};
use super::fault::{BadValue, ConfigError, Fault, printable};
use super::file::{self, DEFAULT_FILE, Entry};
use super::keys::{Alias, KEYS, Key, Kind};
use super::rules;
use super::settings::Config;

/// The flags that were given, by the name of their key; `config` names the file.
pub type Flags = BTreeMap<&'static str, String>;

/// Everything that the configuration depends on.
pub struct Inputs<'a> {
    /// The command line.
    pub flags: Flags,
    /// The environment.
    pub environment: Environment,
    /// Reads a file: the configuration file, or one that holds a secret.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// One decided setting.
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

/// Decides every setting, or reports every fault.
pub fn resolve(inputs: &Inputs<'_>) -> Result<Resolved, ConfigError> {
    let mut faults = inputs.environment.unknown();
    let (file, entries) = match read_file(inputs, &mut faults) {
        Some((path, entries)) => (Some(path), entries),
        None => (None, BTreeMap::new()),
    };
    let mut draft = Draft::new(faults);
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

/// Takes a setting from the environment; `false` when no variable sets it.
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

/// The text of a variable, or of the file that its `_FILE` twin names. `None` when neither is set;
/// `Some((None, _))` when there is no usable text, whose fault is then recorded.
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

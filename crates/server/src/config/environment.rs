//! The settings in the environment. Nothing else reads the environment.

use std::collections::BTreeMap;

use super::fault::{ConfigError, Fault, nearest, printable};
use super::keys::{KEYS, Kind};

const PREFIX: &str = "POLTRONA_";
const NO_COLOR: &str = "NO_COLOR";

/// The variable that names the configuration file.
pub(super) const CONFIG_VARIABLE: &str = "POLTRONA_CONFIG";

/// The variables that concern this program, by name.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the variables of the process that concern this program.
    pub fn read() -> Result<Self, ConfigError> {
        let mut taken = BTreeMap::new();
        let mut faults = Vec::new();
        let known = known_variables();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| {
                name.starts_with(PREFIX) || *name == NO_COLOR || known.iter().any(|k| k == name)
            }) else {
                continue;
            };
            match value.into_string() {
                Ok(value) => drop(taken.insert(name.to_owned(), value)),
                Err(_) => faults.push(Fault {
                    what: format!("the variable {name}"),
                    why: "its value is not UTF-8 text".to_owned(),
                    hint: "Set it again in a UTF-8 terminal.".to_owned(),
                }),
            }
        }
        if faults.is_empty() { Ok(Self(taken)) } else { Err(ConfigError { faults }) }
    }

    /// The value of a variable. Without our prefix, an empty one counts as unset, for that is how
    /// compose files and shells pass on an unset variable. With our prefix, an empty one is kept
    /// and refused by its key: `POLTRONA_DATA_DIR=$UNSET` must not quietly mean the default.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        (name.starts_with(PREFIX) || !value.is_empty()).then_some(value)
    }

    /// Whether colours are welcome on a terminal: <https://no-color.org>.
    pub(super) fn colours_welcome(&self) -> bool {
        self.get(NO_COLOR).is_none()
    }

    /// A fault for each variable that has our prefix and names no setting.
    pub(super) fn unknown(&self) -> Vec<Fault> {
        let known = known_variables();
        let strangers = self
            .0
            .keys()
            .filter(|name| name.starts_with(PREFIX) && !known.iter().any(|k| k == *name));
        let (links, others): (Vec<&String>, Vec<&String>) =
            strangers.partition(|name| is_service_link(name));
        let mut faults: Vec<Fault> =
            others.into_iter().map(|name| unknown_variable(name, &known)).collect();
        if let Some(first) = links.first() {
            faults.push(Fault {
                what: format!("the variable {first} and its like"),
                why: "Kubernetes puts them in every pod beside a service called poltrona"
                    .to_owned(),
                hint: "Set `enableServiceLinks: false` in the pod.".to_owned(),
            });
        }
        faults
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

fn unknown_variable(name: &str, known: &[String]) -> Fault {
    let ours = known.iter().map(String::as_str).filter(|k| k.starts_with(PREFIX));
    Fault {
        what: format!("the variable {}", printable(name)),
        why: "there is no such setting".to_owned(),
        hint: match nearest(name, ours) {
            Some(near) => format!("Did you mean {near}?"),
            None => "Unset it; `poltrona serve --help` lists them all.".to_owned(),
        },
    }
}

fn is_service_link(name: &str) -> bool {
    name.starts_with("POLTRONA_SERVICE_") || name.starts_with("POLTRONA_PORT_")
}

fn known_variables() -> Vec<String> {
    let mut known = vec![CONFIG_VARIABLE.to_owned()];
    for key in KEYS {
        for name in key.variables() {
            if key.kind == Kind::Secret {
                known.push(format!("{name}_FILE"));
            }
            known.push(name);
        }
    }
    known
}

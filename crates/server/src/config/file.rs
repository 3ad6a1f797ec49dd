//! The configuration file: flat TOML, one key a line, kebab-case as the flags are.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, nearest, printable};
use super::keys::{KEYS, Key, Kind, find};

/// The configuration file that is read from the working directory when no other is named.
pub const DEFAULT_FILE: &str = "poltrona.toml";

/// A value as the file has it, and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) line: usize,
}

/// Reads the text of a configuration file; faults name the file and the line, never the text of a
/// line, which may hold a secret.
pub(super) fn read(
    path: &Path,
    text: &str,
    faults: &mut Vec<Fault>,
) -> BTreeMap<&'static str, Entry> {
    let line_of = |offset: usize| 1 + text.bytes().take(offset).filter(|b| *b == b'\n').count();
    let at = |line: usize| format!("{}:{line}", path.display());
    let mut entries = BTreeMap::new();
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(span.start));
            faults.push(Fault {
                what: at(line),
                why: format!("it is not TOML ({})", error.message().replace('\n', ", ")),
                hint: "Write one `key = value` a line, and text in quotes.".to_owned(),
            });
            return entries;
        }
    };
    for (name, value) in table.get_ref() {
        let line = line_of(name.span().start);
        let Some(key) = find(name.get_ref()) else {
            faults.push(unknown(name.get_ref(), at(line)));
            continue;
        };
        match text_of(value.get_ref()) {
            Some(text) => drop(entries.insert(key.name, Entry { text, line })),
            None => faults.push(wrong_type(key, value.get_ref(), at(line))),
        }
    }
    entries
}

/// The text that the same value would have as a flag.
fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string())
        }
        DeValue::Array(items) => {
            let texts: Option<Vec<&str>> =
                items.iter().map(|item| item.get_ref().as_str()).collect();
            texts.map(|texts| texts.join(","))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn unknown(name: &str, what: String) -> Fault {
    let near = nearest(name, KEYS.iter().map(|key| key.name));
    Fault {
        what,
        why: format!("there is no setting `{}`", printable(name)),
        hint: match near {
            Some(near) => format!("Did you mean `{near}`?"),
            None => "Remove it; `poltrona config show` lists them all.".to_owned(),
        },
    }
}

fn wrong_type(key: &Key, value: &DeValue<'_>, what: String) -> Fault {
    // An example of a secret would be copied with its password in the file.
    let example = if key.kind == Kind::Secret { "…" } else { key.example };
    Fault {
        what,
        why: format!("{} cannot be a {}", key.name, value.type_str()),
        hint: format!("Write `{} = {}`.", key.name, key.in_toml(example)),
    }
}

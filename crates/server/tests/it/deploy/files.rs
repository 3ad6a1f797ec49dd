//! Reading the files of the repository, in the languages that they are written in.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Parser as _;
use poltrona::cli::Cli;
use serde_json::Value;

/// A YAML text, its anchors and merges resolved.
#[track_caller]
pub(super) fn yaml(text: &str) -> Value {
    let mut document: yaml_serde::Value = yaml_serde::from_str(text).expect("YAML");
    document.apply_merge().expect("merges of mappings");
    serde_json::to_value(document).expect("what JSON can say too")
}

/// The texts of a list; none when it is not there.
pub(super) fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.map(|text| text.as_str().expect("a text")).collect()
}

/// A length of time as YAML, nginx and the program write it: `30s`, `5m`, `500ms`.
#[track_caller]
pub(super) fn duration(text: &str) -> Duration {
    let digits = text.find(|c: char| !c.is_ascii_digit()).expect("a unit");
    let count: u64 = text[..digits].parse().expect("a number");
    match &text[digits..] {
        "ms" => Duration::from_millis(count),
        "s" => Duration::from_secs(count),
        "m" => Duration::from_mins(count),
        "h" => Duration::from_hours(count),
        unit => panic!("the unit {unit}"),
    }
}

/// Whether the program has this command, with these arguments.
pub(super) fn is_a_command(arguments: &[&str]) -> bool {
    let line = std::iter::once("poltrona").chain(arguments.iter().copied());
    Cli::try_parse_from(line).is_ok()
}

/// The values of a directive of nginx, wherever in the file it stands.
pub(super) fn directives<'a>(file: &'a str, name: &str) -> BTreeSet<&'a str> {
    let lines = file.lines().filter_map(|line| line.trim().strip_suffix(';'));
    let values = lines.filter_map(|line| line.split_once(char::is_whitespace));
    values.filter(|(directive, _)| *directive == name).map(|(_, value)| value.trim()).collect()
}

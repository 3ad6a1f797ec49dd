//! The shape of the code: who may name whom, and what the pure crate may lean on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use poltrona_testkit::module_order::assert_order;

/// What each module of the program may name of the others: a module, or single items of one. `app`
/// puts everything together, and what it made is what requests are given.
const PROGRAM_MAY_NAME: &[(&str, &[&str])] = &[
    ("main", &[]),
    ("lib", &[]),
    ("app", &["cli::Failure", "cli::banner", "config", "demo", "http", "telemetry::collector"]),
    ("cli", &["app", "config", "doctor", "telemetry"]),
    ("doctor", &["config"]),
    ("demo", &["app::App"]),
    ("telemetry", &["config"]),
    ("http", &["app::App", "app::SharedApp", "cli::Failure", "config"]),
    ("config", &[]),
];

/// The same of the engine. The layers are `consumers → ledger → store → domain`, with the same few
/// plain modules below all of them (`clock`, `ids`, `wire`). What points upwards is named item by item:
/// the ledger tells its listeners of what was committed, and the store keeps what the ledger answered.
const ENGINE_MAY_NAME: &[(&str, &[&str])] = &[
    ("lib", &[]),
    // Consumers of what was committed.
    ("relay", &["bus", "envelope", "expiry", "failpoint", "ledger", "observe", "store"]),
    (
        "bus",
        &[
            "clock",
            "envelope",
            "expiry::Expiry",
            "failpoint",
            "ledger",
            "observe",
            "read_models",
            "store",
            "wire",
        ],
    ),
    ("read_models", &["bus::Message", "envelope", "store::chore", "wire"]),
    ("expiry", &["clock", "ledger", "store"]),
    ("retention", &["clock", "ledger", "store::chore"]),
    ("observe", &["ledger"]),
    // The ledger and its listeners.
    (
        "ledger",
        &[
            "envelope",
            "expiry::Expiry",
            "failpoint",
            "ids",
            "observe",
            "relay::News",
            "seat_lock",
            "store",
        ],
    ),
    ("seat_lock", &["clock", "observe::metrics"]),
    // The store.
    (
        "store",
        &[
            "clock",
            "ledger::Answer",
            "ledger::KEY_TTL",
            "ledger::NewAnswer",
            "ledger::StoredAnswer",
            "observe",
            "wire",
        ],
    ),
    // What everything may use.
    ("envelope", &["wire"]),
    ("wire", &[]),
    ("clock", &[]),
    ("failpoint", &[]),
    ("ids", &[]),
];

#[test]
fn modules_use_one_another_in_one_direction() {
    let roots = ["../testkit/src/lib.rs", "benches/bench/main.rs", "tests/it/main.rs"];
    for root in roots {
        assert_order(&manifest(root));
    }
}

fn manifest(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every source file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                return sources(&path);
            }
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            if is_source { vec![path] } else { Vec::new() }
        })
        .collect()
}

/// Every path of a use tree, such as `a::{b, c::d}`, that `text` begins with.
fn expand(text: &str) -> Vec<String> {
    let end =
        text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    if !rest.starts_with('{') || !(head.is_empty() || head.ends_with("::")) {
        return vec![head.trim_end_matches(':').to_owned()];
    }
    let (mut depth, mut start, mut paths) = (0, 1, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            let branch = rest[start..at].trim();
            if !branch.is_empty() {
                paths.extend(expand(branch).into_iter().map(|path| format!("{head}{path}")));
            }
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    paths
}

/// What a source file names of its own crate; comments do not count.
fn names(source: &str) -> Vec<String> {
    let code: Vec<_> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    code.split("crate::").skip(1).flat_map(expand).collect()
}

#[test]
fn use_trees_are_read_to_their_leaves() {
    let source = "use crate::{a, b::C};\n// crate::no\nuse crate::d::{self, E, f::{G, H}};\nx(crate::i::j());";
    let expected = ["a", "b::C", "d::self", "d::E", "d::f::G", "d::f::H", "i::j"];
    assert_eq!(names(source), expected);
}

#[test]
fn imports_point_one_way() {
    assert_one_way(&manifest("src"), PROGRAM_MAY_NAME);
    assert_one_way(&manifest("../engine/src"), ENGINE_MAY_NAME);
}

fn assert_one_way(root: &Path, may_name: &[(&str, &[&str])]) {
    let allowed: BTreeMap<_, _> = may_name.iter().copied().collect();
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for file in sources(root) {
        let inside = file.strip_prefix(root).expect("below the root");
        let first = inside.iter().next().expect("a name").to_string_lossy();
        let module = first.trim_end_matches(".rs");
        let Some(may) = allowed.get(module) else {
            wrong.push(format!("{module} has no place in the table"));
            continue;
        };
        for name in names(&read(&file)) {
            if name.split("::").next() == Some(module) {
                continue;
            }
            let covers = |entry: &&&str| name == **entry || name.starts_with(&format!("{entry}::"));
            match may.iter().find(covers) {
                Some(entry) => drop(used.insert((module.to_owned(), (*entry).to_owned()))),
                None => wrong.push(format!("{} names {name}", inside.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // And the table says no more than is so.
    let entries =
        may_name.iter().flat_map(|(module, may)| may.iter().map(move |it| (*module, *it)));
    let unused: Vec<_> = entries
        .filter(|(module, entry)| !used.contains(&((*module).to_owned(), (*entry).to_owned())))
        .collect();
    assert!(unused.is_empty(), "allowed for nothing: {unused:?}");
}

#[test]
fn the_rules_depend_on_ids_and_errors_alone() {
    let manifest_text = read(&manifest("../domain/Cargo.toml"));
    let cargo: toml::Table = manifest_text.parse().expect("TOML");
    let keys = |table: &str| {
        let table = cargo.get(table).and_then(toml::Value::as_table);
        table.map(|table| table.keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(keys("dependencies").expect("dependencies"), ["thiserror", "uuid"]);
    assert_eq!(keys("build-dependencies"), None);
    assert_eq!(keys("target"), None);
    // Nor do they look at the time or at anything else outside.
    for file in sources(&manifest("../domain/src")) {
        let source = read(&file);
        for outside in
            ["std::fs", "std::net", "std::env", "std::thread", "SystemTime", "Instant::now"]
        {
            assert!(!source.contains(outside), "{} names {outside}", file.display());
        }
    }
}

#[test]
fn every_test_that_the_architecture_names_is_there() {
    let text = read(&manifest("../../ARCHITECTURE.md"));
    let rows = text.lines().filter(|line| line.starts_with("| I"));
    let mut found = 0;
    for row in rows {
        let shown_by = row.trim_end_matches([' ', '|']).rsplit('|').next().expect("a last column");
        for name in shown_by.split('`').skip(1).step_by(2) {
            let path = name.replace("::", "/");
            let places = [format!("tests/it/{path}.rs"), format!("../domain/tests/{path}/main.rs")];
            assert!(places.iter().any(|place| manifest(place).is_file()), "{name} in {row}");
            found += 1;
        }
    }
    assert!(found >= 10, "the table of invariants was found");
}

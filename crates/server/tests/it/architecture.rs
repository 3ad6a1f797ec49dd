//! The shape of the code: which modules may use which, and what the pure crate may depend on.

use std::fs;
use std::path::{Path, PathBuf};

use poltrona_testkit::module_order::assert_order;

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

#[test]
fn modules_use_one_another_in_one_direction() {
    for root in [
        "../domain/src/lib.rs",
        "../engine/src/lib.rs",
        "../server/src/lib.rs",
        "../testkit/src/lib.rs",
        "benches/bench/main.rs",
        "tests/it/main.rs",
    ] {
        assert_order(&manifest(root));
    }
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

#[test]
fn every_file_that_the_architecture_names_is_there() {
    let text = read(&manifest("../../ARCHITECTURE.md"));
    let names = text.split('`').skip(1).step_by(2).filter(|name| name.contains("src/"));
    let mut found = 0;
    for name in names {
        assert!(manifest("..").join(name).exists(), "{name}");
        found += 1;
    }
    assert!(found >= 20, "the names of files were found");
    assert!(text.lines().count() <= 150, "it can be read in ten minutes");
}

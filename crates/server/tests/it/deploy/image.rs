//! The image: the sources reach the builder, and the command that it runs exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use poltrona_testkit::files::{read, repository};

use super::files::is_a_command;

/// The arguments of an instruction in exec form, after the program.
fn arguments(dockerfile: &str, instruction: &str) -> Vec<String> {
    let (_, rest) = dockerfile.rsplit_once(instruction).expect(instruction);
    serde_json::from_str(rest.lines().next().expect("a line").trim()).expect("exec form")
}

#[test]
fn the_image_serves_and_asks_for_its_health_by_commands_of_the_program() {
    let dockerfile = read("Dockerfile");
    let entry = arguments(&dockerfile, "\nENTRYPOINT ");
    assert_eq!(entry, ["/usr/local/bin/poltrona"]);
    let command = arguments(&dockerfile, "\nCMD ");
    let health = arguments(&dockerfile, "    CMD ");
    assert_eq!(health[..1], entry);
    for arguments in [&command[..], &health[1..]] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        assert!(is_a_command(&arguments), "{arguments:?}");
    }
}

#[test]
fn the_image_is_built_with_the_compiler_that_the_project_asks_for() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let version = manifest["workspace"]["package"]["rust-version"].as_str().expect("a version");
    assert!(read("Dockerfile").contains(&format!("FROM rust:{version}-slim-")), "{version}");
}

#[test]
fn whatever_is_compiled_in_reaches_the_builder() {
    let ignored = read(".dockerignore");
    let mut lines = ignored.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"), "what is not named stays out");
    let let_in: BTreeSet<_> = lines.filter_map(|line| line.strip_prefix('!')).collect();
    let needed = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", "crates"];
    for path in needed {
        assert!(let_in.contains(path), "{path}");
    }
    let mut outside = BTreeSet::new();
    for name in ["domain", "rush", "server"] {
        compiled_in(&repository(&format!("crates/{name}/src")), &mut outside);
    }
    for path in &outside {
        assert!(let_in.contains(path.as_str()), "{path} is compiled in");
    }
    let files: BTreeSet<_> = let_in.into_iter().filter(|path| !needed.contains(path)).collect();
    assert_eq!(files, outside.iter().map(String::as_str).collect());
}

/// The files that the sources below `folder`, tests aside, compile in from outside the crates.
fn compiled_in(folder: &Path, outside: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            compiled_in(&path, outside);
        } else if !path.ends_with("tests.rs") {
            let source = fs::read_to_string(&path).unwrap_or_default();
            for part in source.split("include_str!(\"").skip(1) {
                let (name, _) = part.split_once('"').expect("a closing quote");
                let file = path.with_file_name(name).canonicalize().expect(name);
                let root = repository("").canonicalize().expect("the repository");
                let file = file.strip_prefix(root).expect("within the repository");
                if !file.starts_with("crates") {
                    outside.insert(file.to_string_lossy().into_owned());
                }
            }
        }
    }
}

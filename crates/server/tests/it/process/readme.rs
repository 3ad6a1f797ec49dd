//! The README's commands, run in their order as a reader would, in both languages.
//!
//! `sh` fences are the tour. The first starts the server; the others run in one shell, and what each
//! prints must be what the fence below it shows. `console` fences are for another day: what they
//! name must be there.

mod document;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use document::{Document, shows};
use poltrona_testkit::files::{read, repository};
use poltrona_testkit::program::{BINARY, Program, clean, poltrona, printed, run, settle};

/// The commands of others that a reader is asked to have.
const OF_OTHERS: [&str; 4] = ["cargo", "docker", "install", "just"];
/// What runs the program from its source; the tests have it built already.
const FROM_SOURCE: [&str; 2] = ["cargo run --release -- ", "cargo run --release --quiet -- "];
/// Printed between two fences' outputs.
const NEXT: char = '\u{1e}';

#[test]
fn the_tour_works_as_written() {
    walk(&Document::parse(&read("README.md")));
}

#[test]
fn the_tour_in_portuguese_works_as_written() {
    walk(&Document::parse(&read("README.pt-BR.md")));
}

/// Starts the server by the first fence and runs the others against it.
fn walk(document: &Document) {
    let folder = tempfile::tempdir().unwrap();
    let (first, tour) = document.tour.split_first().expect("a tour");
    let arguments = from_source(first.commands.trim()).expect("the first fence starts the server");
    let mut command = poltrona(folder.path());
    command.args(arguments.split(' '));
    let program = Program::start(command);

    let mut script = String::new();
    for fence in tour {
        let local = fence.commands.replace("localhost:3000", &program.address().to_string());
        let lines = local.lines().filter(|line| *line != "scripts/test");
        for line in lines {
            let ours = from_source(line).map(|arguments| format!("'{}' {arguments}", *BINARY));
            writeln!(script, "{}", ours.as_deref().unwrap_or(line)).unwrap();
        }
        writeln!(script, "printf '{NEXT}'").unwrap();
    }
    assert!(!script.contains("cargo "), "the tour would build something: {script}");
    let walk = || {
        let mut shell = clean("bash", folder.path());
        settle(&mut shell);
        printed(shell.args(["-euo", "pipefail", "-c", &script]).output().unwrap())
    };
    let output = walk();
    let outputs: Vec<_> = output.split(NEXT).collect();
    assert_eq!(outputs.len(), tour.len() + 1, "{output}");
    for (fence, output) in tour.iter().zip(outputs) {
        match &fence.shown {
            Some(shown) => assert!(shows(shown, output), "{shown}\nwas shown, and it is\n{output}"),
            None => assert!(!output.trim().is_empty(), "nothing came of {}", fence.commands),
        }
    }
    assert!(program.get("/sessions").json().as_array().is_some_and(|all| all.len() == 6));
    // A second walk finds other seats and gets the same answers.
    let statuses = |output: &str| -> Vec<String> {
        let lines = output.split(['\n', NEXT]);
        lines.filter(|line| line.len() == 3).map(str::to_owned).collect()
    };
    assert!(statuses(&output).len() > 3, "{output}");
    assert_eq!(statuses(&walk()), statuses(&output));
}

/// The program's arguments, when a command runs it from its source.
fn from_source(command: &str) -> Option<&str> {
    FROM_SOURCE.iter().find_map(|prefix| command.strip_prefix(prefix))
}

#[test]
fn commands_for_another_day_are_there() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["README.md", "README.pt-BR.md", "CONTRIBUTING.md"] {
        let document = Document::parse(&read(name));
        assert!(!document.named.is_empty(), "{name} names no command");
        for command in &document.named {
            assert!(is_there(folder.path(), command), "{name} names {command:?}");
        }
    }
}

fn is_there(folder: &Path, command: &str) -> bool {
    let words: Vec<_> = command.split(' ').collect();
    match words[0] {
        "poltrona" => {
            // Flags and what follows them come after the name of the command.
            let name = words[1..].iter().take_while(|word| !word.starts_with('-'));
            let asked: Vec<_> = name.copied().chain(["--help"]).collect();
            run(folder, &asked).status.success()
        }
        script if script.starts_with("scripts/") || script.starts_with(".ci/") => {
            let found = fs::metadata(repository(script));
            found.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        }
        other => OF_OTHERS.contains(&other),
    }
}

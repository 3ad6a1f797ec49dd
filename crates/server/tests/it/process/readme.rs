//! The README's tour, walked as a reader would, in both languages.
//!
//! The first fence starts the server; the others run in one shell.

use poltrona_testkit::files::{read, repository};
use poltrona_testkit::program::{BINARY, Program, clean, poltrona, settle};

use super::fences::{self, Document};

/// The command that runs the program from its source; the tests have it built already.
const FROM_SOURCE: [&str; 2] = ["cargo run --release -- ", "cargo run --release --quiet -- "];

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
    assert_eq!(document.unchecked, 0, "outputs without their commands");
    let folder = tempfile::tempdir().unwrap();
    let (first, tour) = document.tour.split_first().expect("a tour");
    let arguments = from_source(first.commands.trim()).expect("the first fence starts the server");
    let mut command = poltrona(folder.path());
    command.args(arguments.split(' '));
    let program = Program::start(command);

    let script = fences::script(tour, |line| {
        let line = line.replace("localhost:3000", &program.address().to_string());
        from_source(&line).map(|arguments| format!("'{}' {arguments}", *BINARY)).unwrap_or(line)
    });
    assert!(!script.contains("cargo "), "the tour would build something: {script}");
    let walk = || {
        let mut shell = clean("bash", folder.path());
        settle(&mut shell);
        fences::run(shell, &script)
    };
    let outputs = walk();
    fences::check(tour, &outputs);
    for (fence, output) in tour.iter().zip(&outputs) {
        assert!(!output.trim().is_empty(), "nothing came of {}", fence.commands);
    }
    assert!(program.get("/sessions").json().as_array().is_some_and(|all| all.len() == 6));
    // A second walk finds other seats and gets the same answers.
    let statuses = |outputs: &[String]| -> Vec<String> {
        let lines = outputs.iter().flat_map(|output| output.lines());
        lines.filter(|line| line.len() == 3).map(str::to_owned).collect()
    };
    assert!(statuses(&outputs).len() > 3, "{outputs:?}");
    assert_eq!(statuses(&walk()), statuses(&outputs));
}

/// The program's arguments, when a command runs it from its source.
fn from_source(command: &str) -> Option<&str> {
    FROM_SOURCE.iter().find_map(|prefix| command.strip_prefix(prefix))
}

#[test]
fn its_figures_are_those_of_the_last_measurement() {
    let measured = read("docs/performance.md");
    for (name, thousands, decimals) in [("README.md", ',', '.'), ("README.pt-BR.md", '.', ',')] {
        let text = read(name);
        let rows = text.lines().filter_map(|line| line.strip_prefix("| **")?.split_once("**"));
        let figures: Vec<_> = rows.map(|(figure, _)| figure.trim_end_matches(" ms")).collect();
        assert_eq!(figures.len(), 3, "{name}");
        for figure in figures {
            // Each language has the other's point and comma.
            let english = figure.chars().map(|c| match c {
                c if c == thousands => ',',
                c if c == decimals => '.',
                other => other,
            });
            let english: String = english.collect();
            assert!(measured.contains(&format!(" {english} (")), "{name}: {figure}");
        }
    }
}

#[test]
fn its_picture_loads_nothing_and_has_a_title() {
    let picture = read("docs/images/tour.svg");
    assert!(picture.contains("<title") && picture.contains("<desc"), "for those who cannot see it");
    for loads in ["@import", "@font-face", "href", "<script", "url(h"] {
        assert!(!picture.contains(loads), "{loads}");
    }
    assert!(repository("scripts/record").is_file(), "what makes it");
}

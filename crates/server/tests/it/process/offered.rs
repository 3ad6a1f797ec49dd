//! Commands, options and log filters that the documents and the program's own messages offer.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use poltrona::config::KEYS;
use poltrona_testkit::files::{code, pages, read, repository};
use poltrona_testkit::program::{printed, run};

use super::fences::{Document, code_spans, section};

/// Where the documents for people are.
const FOLDERS: [&str; 3] = [".", "docs", "docs/runbooks"];
/// Commands of others that a reader is asked to run.
const OF_OTHERS: &[&str] = &[
    "apt-get",
    "cargo",
    "cp",
    "createdb",
    "curl",
    "docker",
    "export",
    "install",
    "jq",
    "psql",
    "rabbitmqctl",
    "redis-cli",
    "systemctl",
];
/// Where one command on a line ends and another word of the shell's begins.
const ENDS: [&str; 6] = ["|", ">", "&", "&&", ";", "#"];

#[test]
fn commands_that_the_documents_name_are_there() {
    let (folder, mut found) = (tempfile::tempdir().unwrap(), 0);
    for page in FOLDERS.into_iter().flat_map(pages) {
        let document = Document::parse(&fs::read_to_string(&page).unwrap());
        for command in &document.named {
            assert!(is_there(folder.path(), command), "{} names {command:?}", page.display());
            found += 1;
        }
    }
    assert!(found > 100, "{found} commands");
}

#[test]
fn commands_that_the_program_names_are_there() {
    let (folder, mut found) = (tempfile::tempdir().unwrap(), 0);
    let texts = [read("poltrona.toml"), read("deploy/poltrona.service"), code()];
    for line in texts.iter().flat_map(|text| text.lines()) {
        // Between backticks within a text, or a text of its own, as the doctor's are.
        let offered = code_spans(line).chain(line.split('"').skip(1).step_by(2));
        for command in offered.filter(|code| code.starts_with("poltrona ")) {
            assert!(is_there(folder.path(), command), "{line}");
            found += 1;
        }
    }
    assert!(found > 10, "{found} commands");
}

/// Whether a command of ours exists with its subcommand and options, and one of others may be named.
fn is_there(folder: &Path, command: &str) -> bool {
    // A command in a container of the stack is the program's all the same.
    let command = command.split_once("exec poltrona-1 ").map_or(command, |(_, inside)| inside);
    let words: Vec<_> =
        command.split_whitespace().take_while(|word| !ENDS.contains(word)).collect();
    match words[0] {
        "poltrona" => {
            // Brackets enclose what may be left out; a variable's value is the caller's.
            let asked = words[1..].iter().map(|word| word.trim_matches(['[', ']', '\'', '"']));
            let asked = asked.map(|word| if word.starts_with('$') { "1" } else { word });
            let asked: Vec<_> = asked.chain(["--help"]).collect();
            run(folder, &asked).status.success()
        }
        "just" => words.get(1).is_none_or(|recipe| has_recipe(recipe)),
        script if script.starts_with("scripts/") || script.starts_with(".ci/") => {
            let found = fs::metadata(repository(script));
            found.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        }
        other => OF_OTHERS.contains(&other),
    }
}

/// Whether the justfile has this recipe.
fn has_recipe(recipe: &str) -> bool {
    let justfile = read("justfile");
    let mut heads = justfile.lines().filter_map(|line| line.split_once(':'));
    heads.any(|(head, _)| head.split(' ').next() == Some(recipe))
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["poltrona serv", "poltrona doctor --jsn", "scripts/tets", "just tset", "cago"] {
        assert!(!is_there(folder.path(), command), "{command}");
    }
    for command in ["poltrona doctor [--json]", "poltrona man > a.1", "just", "just bench reserve"]
    {
        assert!(is_there(folder.path(), command), "{command}");
    }
}

#[test]
fn the_page_about_settings_has_every_one_with_its_default() {
    let page = read("docs/configuration.md");
    let rows = section(&page, "## Every setting").lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<_> = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>()).collect();
    let shown: Vec<_> = rows.iter().map(|row| (row[1].to_owned(), row[2].to_owned())).collect();
    let settings = KEYS.iter().map(|key| {
        let default = key.default().filter(|default| !default.is_empty());
        (format!("`{}`", key.name), default.map_or("none".to_owned(), |it| format!("`{it}`")))
    });
    assert_eq!(shown, settings.collect::<Vec<_>>());
}

#[test]
fn the_page_about_rush_has_every_option() {
    let folder = tempfile::tempdir().unwrap();
    let help = printed(run(folder.path(), &["rush", "--help"]));
    let page = read("docs/rush.md");
    let options = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let names: Vec<_> = options.map(|rest| rest.split(' ').next().unwrap()).collect();
    assert!(names.contains(&"scenario"), "{help}");
    for name in names {
        assert!(page.contains(&format!("\n| `--{name}")), "--{name}");
    }
}

/// The log filters in a text: in backticks or quotes, `part=level` with commas between.
fn filters(text: &str) -> Vec<&str> {
    let words = text.split(['`', '"', '\n', ' ']).map(|word| word.trim_end_matches('.'));
    let is_level = |level: &str| ["error", "warn", "info", "debug"].contains(&level);
    words.filter(|word| word.rsplit_once('=').is_some_and(|(_, level)| is_level(level))).collect()
}

#[test]
fn log_filters_that_are_offered_choose_lines_that_are_logged() {
    let (folder, code) = (tempfile::tempdir().unwrap(), code());
    let (page, shipped) = (read("docs/configuration.md"), read("poltrona.toml"));
    let refused = run(folder.path(), &["config", "check", "--log-level", "loud"]);
    let hint = String::from_utf8(refused.stderr).unwrap();
    let texts = [section(&page, "## Log filters"), &shipped, &hint];
    for filter in texts.into_iter().flat_map(|text| {
        let found = filters(text);
        assert!(!found.is_empty(), "no filter in {text}");
        found
    }) {
        printed(run(folder.path(), &["config", "check", "--log-level", filter]));
        for (part, level) in filter.split(',').filter_map(|choice| choice.split_once('=')) {
            let line = match level {
                "debug" => format!("debug!(target: \"{part}\""),
                _ => format!("target: \"{part}\""),
            };
            assert!(
                code.contains(&line) || code.contains(&format!("line!(\"{part}\")")),
                "{filter}"
            );
        }
    }
}

#[test]
fn every_part_that_logs_can_be_chosen() {
    let (folder, code) = (tempfile::tempdir().unwrap(), code());
    let parts: BTreeSet<_> = ["target: \"", "line!(\""]
        .into_iter()
        .flat_map(|before| code.split(before).skip(1))
        .filter_map(|rest| rest.split_once('"').map(|(part, _)| part))
        // A target of rush's is a URL.
        .filter(|part| !part.contains('/'))
        .collect();
    assert!(parts.contains("http") && parts.contains("seat"), "{parts:?}");
    let filter: Vec<_> = parts.iter().map(|part| format!("{part}=debug")).collect();
    printed(run(folder.path(), &["config", "check", "--log-level", &filter.join(",")]));
}

#[test]
fn a_log_filter_adds_the_lines_of_one_part() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("poltrona.toml"), "batch-max = 64\n").unwrap();
    let logged = |filter: &str| {
        let output = run(folder.path(), &["migrate", "status", "--log-level", filter]);
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(logged("info,config=debug").contains("settings were read"));
    assert!(!logged("info,server=debug").contains("settings were read"));
}

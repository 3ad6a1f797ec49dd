//! The commands beside `serve`, run as people and scripts run them.

use std::fs;
use std::process::Command;

use poltrona_testkit::engines::Port;
use poltrona_testkit::files::read;
use poltrona_testkit::program::{BINARY, Program, clean, poltrona, printed, run};
use serde_json::Value;

#[test]
fn config_show_tells_every_setting_and_where_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("poltrona.toml"), "\nbatch-max = 64\nlocale = \"en\"\n").unwrap();
    let shown = printed(
        poltrona(folder.path())
            .args(["config", "show", "--origin", "--hold-ttl", "2m"])
            .env("POLTRONA_LOCALE", "pt-BR")
            .env("DATABASE_URL", "sqlite:data")
            .output()
            .unwrap(),
    );
    let line = |name: &str| {
        let found = shown.lines().find(|line| line.starts_with(&format!("{name} =")));
        let line = found.unwrap_or_else(|| panic!("{name} is not in {shown}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("hold-ttl"), "hold-ttl = \"2m\" # flag --hold-ttl");
    assert_eq!(line("locale"), "locale = \"pt-BR\" # env POLTRONA_LOCALE", "it beats the file");
    assert_eq!(line("batch-max"), "batch-max = 64 # file poltrona.toml:2");
    assert_eq!(line("queue-depth"), "queue-depth = 4096 # default");
    assert_eq!(line("database-url"), "database-url = \"***\" # env DATABASE_URL");
}

#[test]
fn what_config_show_prints_is_a_configuration_file_that_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let program = |arguments: &[&str]| {
        printed(clean(&BINARY, folder.path()).args(arguments).output().unwrap())
    };
    let shown = program(&["config", "show", "--hold-ttl", "3m", "--port", "8080"]);
    fs::write(folder.path().join("poltrona.toml"), &shown).unwrap();
    assert_eq!(program(&["config", "show"]), shown);
}

#[test]
fn the_file_that_comes_with_the_program_shows_its_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let defaults =
        printed(clean(&BINARY, folder.path()).args(["config", "show"]).output().unwrap());
    let shipped = read("poltrona.toml");
    let shipped: Vec<_> = shipped
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .collect();
    assert_eq!(shipped, defaults.lines().collect::<Vec<_>>());
}

#[test]
fn openapi_prints_a_document_in_either_form() {
    let folder = tempfile::tempdir().unwrap();
    let json: Value = serde_json::from_str(&printed(run(folder.path(), &["openapi"]))).unwrap();
    assert!(json["openapi"].as_str().unwrap().starts_with("3."));
    assert!(json["paths"]["/reservations"]["post"].is_object());
    let yaml = printed(run(folder.path(), &["openapi", "--format", "yaml"]));
    assert!(yaml.starts_with("openapi: "), "{}", &yaml[..40]);
    assert!(yaml.contains("\n  /reservations:\n"));
}

#[test]
fn completions_are_scripts_that_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(run(folder.path(), &["completions", shell]));
        for command in ["serve", "seed", "migrate", "config", "healthcheck", "hold-ttl"] {
            assert!(script.contains(command), "{shell} does not complete {command}");
        }
        fs::write(folder.path().join(shell), script).unwrap();
    }
    let parsed = Command::new("bash").arg("-n").arg(folder.path().join("bash")).status().unwrap();
    assert!(parsed.success());
}

#[test]
fn man_prints_a_page_or_writes_one_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let page = printed(run(folder.path(), &["man"]));
    assert!(page.contains(".TH poltrona 1"), "{page}");
    printed(run(folder.path(), &["man", "--out", "pages/man1"]));
    for name in ["poltrona.1", "poltrona-serve.1", "poltrona-migrate-up.1"] {
        let page = fs::read_to_string(folder.path().join("pages/man1").join(name)).unwrap();
        assert!(page.contains(".SH NAME"), "{name}");
    }
}

#[test]
fn migrations_are_listed_and_applied_once() {
    let folder = tempfile::tempdir().unwrap();
    let status = || printed(run(folder.path(), &["migrate", "status"]));
    let (database, steps) =
        status().split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(database.ends_with("poltrona.db, which is not there yet"), "{database}");
    assert!(steps.lines().all(|line| line.ends_with("to come")), "{steps}");
    assert!(!folder.path().join("data").exists(), "to ask changes nothing");
    let applied = printed(run(folder.path(), &["migrate", "up"]));
    assert_eq!(applied.lines().next(), Some("applied 0001 box_office"));
    assert!(status().lines().skip(1).all(|line| line.ends_with("applied")), "{}", status());
    let again = printed(run(folder.path(), &["migrate", "up"]));
    assert!(again.starts_with("nothing to do"), "{again}");
    Program::serve(folder.path(), &[]).stop();
}

#[test]
fn healthcheck_tells_a_ready_server_from_one_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let check = |port: u16| {
        let mut command = poltrona(folder.path());
        let output = command.arg("healthcheck").env("POLTRONA_PORT", port.to_string()).output();
        let output = output.unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let program = Program::serve(folder.path(), &[]);
    assert_eq!(check(program.address().port()), (0, String::new()));
    let by_url = run(folder.path(), &["healthcheck", "--url", &program.url()]);
    assert_eq!(by_url.status.code(), Some(0));
    program.stop();

    let free = Port::claim();
    let (code, message) = check(free.number());
    assert_eq!(code, 3, "{message}");
    assert!(message.contains(&format!("http://{}/readyz", free.address())), "{message}");
}

#[test]
fn seeded_sessions_are_on_sale_when_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["seed", "--sessions", "3", "--seats", "20"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("sessions: 3 of 3"));
    assert_eq!(printed(output), "", "stdout is for data");
    let program = Program::serve(folder.path(), &[]);
    assert_shows(&program, 3, 20);
}

#[test]
fn seed_on_a_folder_in_use_is_refused_with_advice_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    let output = run(folder.path(), &["seed", "--sessions", "3", "--seats", "20"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("a server running") && message.contains("--target URL"), "{message}");

    let arguments = ["seed", "--sessions", "2", "--seats", "16", "--target", &program.url()];
    printed(run(folder.path(), &arguments));
    assert_shows(&program, 2, 16);
}

#[track_caller]
fn assert_shows(program: &Program, sessions: usize, seats: usize) {
    let shown = program.get("/sessions").expect(200).json();
    let shown = shown.as_array().unwrap();
    assert_eq!(shown.len(), sessions);
    for session in shown {
        let id = session["id"].as_str().unwrap();
        let map = program.get(&format!("/seats/{id}")).expect(200).json();
        assert_eq!(map.as_array().unwrap().len(), seats, "{session}");
    }
}

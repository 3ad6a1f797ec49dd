//! The doctor as people and scripts call it: what it prints, and its exit code.

use std::path::Path;
use std::process::{Command, Output};

use poltrona_testkit::engines::{Postgres, database};
use poltrona_testkit::program::{BINARY, Program, clean, printed, run};
use serde_json::Value;

/// The doctor of an instance over this database server.
fn over(url: &str, arguments: &[&str]) -> Output {
    let mut command = clean(&BINARY, Path::new("/"));
    command.arg("doctor").args(arguments).env("DATABASE_URL", url).output().unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn a_server_that_runs_is_well_and_is_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    let text = printed(run(folder.path(), &["doctor"]));
    assert!(text.ends_with(" ok, 0 warnings, 0 failures\n"), "{text}");
    assert!(text.contains("\nSQLite\n  ok       folder"), "{text}");
    assert!(text.contains(&format!("one uses the folder by process {}", program.id())), "{text}");
    program.get("/readyz").expect(200);
}

#[test]
fn wrong_settings_are_findings_too() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["doctor", "--json", "--hold-ttl", "soon"]);
    assert_eq!(output.status.code(), Some(2));
    let report = json(&output);
    assert_eq!(report["findings"][0]["engine"], "configuration");
    assert_eq!(report["findings"][0]["status"], "failure");
    assert!(report["findings"][0]["mend"].is_string());
    assert_eq!(report["summary"]["failures"], 1);
}

#[tokio::test]
async fn tables_that_are_missing_are_made_by_the_command_that_is_named() {
    let database = database().await;
    let output = over(database.url(), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let findings = report["findings"].as_array().unwrap();
    let schema = findings.iter().find(|it| it["check"] == "schema").unwrap();
    let command = schema["mend"].as_str().unwrap().strip_prefix("poltrona ").unwrap();
    let mut mending = clean(&BINARY, Path::new("/"));
    mending.args(command.split(' ')).env("DATABASE_URL", database.url());
    printed(mending.output().unwrap());
    let output = over(database.url(), &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(json(&output)["summary"]["failures"], 0);
}

#[tokio::test]
async fn an_engine_that_is_away_has_an_exit_code_of_its_own() {
    let mut postgres = Postgres::start().await;
    let url = postgres.url().replace("postgres@", "postgres:canary@");
    postgres.kill();
    let output = over(&url, &[]);
    assert_eq!(output.status.code(), Some(3));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("Connection refused") && text.contains("systemctl start"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

/// A reader that closes the pipe after the first line is no failure.
#[test]
fn its_report_can_be_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-o", "pipefail", "-c", &format!("'{}' doctor | head -1", *BINARY)]);
    let output = shell.current_dir(folder.path()).output().unwrap();
    assert_eq!(printed(output), "Configuration\n");
}

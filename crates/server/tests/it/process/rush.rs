//! The crowd of `poltrona rush` against the program that it came with, and against none.
//!
//! Every scenario runs at once, with holds short enough to lapse meanwhile; the verdicts on lying
//! servers are tested in the judge's crate.

use poltrona_testkit::program::{Program, poltrona, printed, run};
use serde_json::Value;

const EVERYONE: &str = "browse,spread,on-sale,duel,families,abandon,retry";

#[test]
fn no_scenario_finds_a_promise_broken() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &["--hold-ttl", "300ms"]);
    let url = program.url();
    let come =
        ["rush", "--scenario", EVERYONE, "--clients", "56", "--seconds", "2", "--target", &url];
    let text = printed(run(folder.path(), &come));
    let line = text.lines().last().unwrap_or_default();
    assert!(line.ends_with("; 0 violations"), "{text}");
    // With retries in the mix, every check of the judge is tried.
    assert!(!text.contains("untried"), "{text}");
    program.stop();
}

#[test]
fn a_kept_history_is_judged_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &["--hold-ttl", "300ms"]);
    let url = program.url();
    let mix = "spread=2,retry=1,families=1";
    printed(run(
        folder.path(),
        &[
            "rush",
            "--target",
            &url,
            "--scenario",
            mix,
            "--seconds",
            "1",
            "--history",
            "rush.jsonl",
            "--report",
            "rush.json",
            "--html",
            "rush.html",
            "--quiet",
        ],
    ));
    program.stop();
    let again = printed(run(folder.path(), &["rush", "judge", "--json", "rush.jsonl"]));
    let verdict: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(verdict["violations"], Value::Array(Vec::new()));
    let report = std::fs::read_to_string(folder.path().join("rush.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["run"]["scenario"], mix);
    let page = std::fs::read_to_string(folder.path().join("rush.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>"));
}

#[test]
fn a_target_that_is_away_has_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    // Port 9 discards; nothing listens there.
    let ended = poltrona(folder.path())
        .args(["rush", "--target", "http://127.0.0.1:9", "--seconds", "1"])
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(3));
    let text = String::from_utf8_lossy(&ended.stderr);
    assert!(text.contains("no target can be reached"), "{text}");
}

//! The doctor finds what is wrong, and what it says to do about it works.
//!
//! Commands are run as they are told, by a shell, where an administrator would run them.

mod postgres;
mod rabbitmq;
mod redis;
mod sqlite;

use std::path::Path;
use std::process::Command;

use poltrona::config::{Config, Secret};
use poltrona::doctor::{Finding, Report, Status, examine};

/// What was found of this check.
#[track_caller]
fn of<'a>(report: &'a Report, check: &str) -> &'a Finding {
    let found = report.findings.iter().find(|it| it.check == check);
    found.unwrap_or_else(|| panic!("{check} is not in\n{report}"))
}

/// What failed.
fn failures(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|it| it.status == Status::Failure).collect()
}

/// Nothing failed and there is nothing to warn of.
#[track_caller]
fn assert_all_ok(report: &Report) {
    assert!(report.findings.iter().all(|it| it.status == Status::Ok), "{report}");
}

/// Does what a finding says, as an administrator of the server on this port of PostgreSQL.
#[track_caller]
fn fix(finding: &Finding, port: &str) {
    run(finding.fix.as_deref().unwrap_or_else(|| panic!("{finding:?}")), port);
}

#[track_caller]
fn run(command: &str, port: &str) {
    let mut shell = Command::new("bash");
    shell.args(["-c", command]).current_dir(Path::new("/"));
    shell.envs([("PGHOST", "127.0.0.1"), ("PGPORT", port), ("PGUSER", "postgres")]);
    let output = shell.output().expect("bash");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {said}");
}

/// The settings of an instance over this database server.
fn over(url: &str) -> Config {
    Config { database_url: Some(Secret::new(url)), ..Config::default() }
}

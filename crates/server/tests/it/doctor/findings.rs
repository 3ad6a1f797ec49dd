//! Looking for a finding, and running its fix.

use std::path::Path;
use std::process::Command;

use poltrona::config::{Config, Secret};
use poltrona::doctor::{Finding, Report, Status};

/// The finding of this check.
#[track_caller]
pub(super) fn of<'a>(report: &'a Report, check: &str) -> &'a Finding {
    let found = report.findings.iter().find(|it| it.check == check);
    found.unwrap_or_else(|| panic!("{check} is not in\n{report}"))
}

/// The findings that are failures.
pub(super) fn failures(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|it| it.status == Status::Failure).collect()
}

/// Fails unless every finding is ok.
#[track_caller]
pub(super) fn assert_all_ok(report: &Report) {
    assert!(report.findings.iter().all(|it| it.status == Status::Ok), "{report}");
}

/// Runs a finding's fix, as an administrator of the PostgreSQL on this port.
#[track_caller]
pub(super) fn fix(finding: &Finding, port: &str) {
    run(finding.fix.as_deref().unwrap_or_else(|| panic!("{finding:?}")), port);
}

#[track_caller]
pub(super) fn run(command: &str, port: &str) {
    let mut shell = Command::new("bash");
    shell.args(["-c", command]).current_dir(Path::new("/"));
    shell.envs([("PGHOST", "127.0.0.1"), ("PGPORT", port), ("PGUSER", "postgres")]);
    let output = shell.output().expect("bash");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {stderr}");
}

/// The settings of an instance over this database server.
pub(super) fn over(url: &str) -> Config {
    Config { database_url: Some(Secret::new(url)), ..Config::default() }
}

//! A data folder, with and without a server that uses it.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;

use poltrona::config::Config;
use poltrona::doctor::{Status, Verdict, examine};
use poltrona_testkit::app::TestApp;
use poltrona_testkit::place::Place;
use rusqlite::Connection;

use super::findings::{assert_all_ok, failures, fix, of};

/// A folder that nobody else can look into, as the program makes it.
fn private() -> Place {
    let place = Place::folder();
    set_permissions(place.config().data_dir, Permissions::from_mode(0o700)).expect("it is ours");
    place
}

#[tokio::test]
async fn a_folder_is_as_it_should_be_whether_or_not_a_server_uses_it() {
    let app = TestApp::at(private(), |_| {}).await;
    let report = examine(app.config()).await;
    assert_all_ok(&report);
    let by = format!("one uses the folder by process {}", std::process::id());
    assert_eq!(of(&report, "server").detail, by);
    let stopped = app.stop().await;
    let report = examine(stopped.config()).await;
    assert_all_ok(&report);
    assert_eq!(of(&report, "server").detail, "none uses the folder");
    // The doctor left no lock behind.
    stopped.open_after(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_yet_is_nothing_to_worry_about() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::default_for_tests(&folder.path().join("data"));
    let report = examine(&config).await;
    assert_all_ok(&report);
    assert!(!config.data_dir.exists(), "the doctor makes nothing");
}

#[tokio::test]
async fn a_dropped_guard_and_a_folder_open_to_others_are_found() {
    let stopped = TestApp::at(private(), |_| {}).await.stop().await;
    stopped.tamper("DROP INDEX one_sale_per_seat");
    let folder = &stopped.config().data_dir;
    set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    let report = examine(stopped.config()).await;
    assert_eq!(report.verdict(), Verdict::Unwell);
    assert_eq!(of(&report, "folder").status, Status::Warning, "{report}");
    fix(of(&report, "folder"), "");
    let guards = of(&report, "guards");
    assert_eq!(failures(&report), [guards]);
    // The SQL that the command gives to sqlite3.
    let sql = guards.fix.as_deref().unwrap().split('\'').nth(3).unwrap();
    stopped.tamper(sql);
    assert_all_ok(&examine(stopped.config()).await);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::default_for_tests(folder.path());
    std::fs::write(folder.path().join("poltrona.db"), "no database at all, but long".repeat(50))
        .unwrap();
    let report = examine(&config).await;
    assert_eq!(of(&report, "database").status, Status::Failure, "{report}");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_found() {
    let stopped = TestApp::at(private(), |_| {}).await.stop().await;
    let file = poltrona_engine::store::sqlite::folder::database_in(&stopped.config().data_dir);
    let newer = "INSERT INTO schema_migrations VALUES (99, 'newer', x'00', 0, 99)";
    Connection::open(file).unwrap().execute_batch(newer).unwrap();
    let report = examine(stopped.config()).await;
    let schema = of(&report, "schema");
    assert_eq!(schema.status, Status::Failure);
    assert!(schema.detail.contains("newer poltrona"), "{schema:?}");
}

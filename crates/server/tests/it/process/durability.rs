//! The disk has what is acknowledged, as seen from outside: a commit that is answered before its sync would be lost
//! in a power cut, which no `kill -9` shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use poltrona_testkit::files::repository;
use poltrona_testkit::program::{Program, poltrona};
use serde_json::json;

/// The library that counts, compiled as SQLite is.
fn counter(folder: &Path) -> PathBuf {
    let library = folder.join("syncs.so");
    let source = repository("crates/server/tests/it/process/syncs.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .status()
        .expect("a C compiler");
    assert!(compiled.success());
    library
}

#[test]
fn each_acknowledged_change_has_been_synced() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("syncs");
    let mut command = poltrona(folder.path());
    command.arg("serve").env("LD_PRELOAD", counter(folder.path())).env("SYNCS", &log);
    let program = Program::start(command);
    let seats = program.open_session(16);
    let syncs = || fs::metadata(&log).map_or(0, |log| log.len());
    // One after the other, so that no two share a commit.
    for seat in seats {
        let before = syncs();
        let wish = json!({ "seatId": seat, "userId": "ana" });
        let held = program.post("/reservations", &wish).expect(201).json();
        let after_hold = syncs();
        assert!(after_hold > before, "a hold");
        let path = format!("/payments/confirm/{}", held["id"].as_str().unwrap());
        program.post(&path, &json!({})).expect(201);
        assert!(syncs() > after_hold, "a sale");
    }
}

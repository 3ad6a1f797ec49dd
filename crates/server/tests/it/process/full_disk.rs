//! A disk that fills up while seats are sold, and is emptied again.
//!
//! The disk is a memory file system of two megabytes that only the program sees: it is mounted in a
//! name space of the program's own. Where the system permits no such thing the test says so,
//! loudly, and is skipped.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use poltrona_testkit::client::{Answer, Connection};
use poltrona_testkit::program::{BINARY, Program, clean, settle};
use serde_json::json;

/// Mounts the disk, then becomes the program that is named.
const MOUNT: &str = "mount -t tmpfs -o size=2m tmpfs data && exec \"$@\"";

/// A command in `folder` for which `folder/data` is a small disk.
fn with_small_disk(folder: &Path, words: &[&str]) -> Command {
    let mut command = clean("unshare", folder);
    settle(&mut command);
    command.args(["--map-root-user", "--mount", "bash", "-c", MOUNT, "bash"]).args(words);
    command
}

fn is_permitted(folder: &Path) -> Result<(), String> {
    match with_small_disk(folder, &["true"]).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Writes a file until nothing more fits on its disk.
fn fill(file: &Path) {
    let mut file = File::create(file).unwrap();
    for size in [64 * 1024, 1024, 1] {
        let block = vec![b'x'; size];
        let error = loop {
            if let Err(error) = file.write_all(&block) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    }
}

fn reserve(connection: &mut Connection, seat: &str) -> Answer {
    connection.post("/reservations", &json!({ "seatId": seat, "userId": "ana" }))
}

#[test]
fn a_full_disk_refuses_sales_and_an_emptied_one_takes_them_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    if let Err(why) = is_permitted(folder.path()) {
        // Past the test runner's capture.
        let _ = writeln!(io::stderr(), "\nSKIPPED: no small disk can be mounted here: {why}");
        return;
    }
    let mut program = Program::start(with_small_disk(folder.path(), &[&BINARY, "serve"]));
    let seats = program.open_session(1_000);
    let mut connection = program.connect();
    let held = reserve(&mut connection, &seats[0]).expect(201).json();

    // The path to the disk from outside the program's name space.
    let root = PathBuf::from(format!("/proc/{}/root", program.id()));
    let disk = root.join(folder.path().strip_prefix("/").unwrap()).join("data");
    assert!(disk.join("poltrona.db").exists());
    let ballast = disk.join("ballast");
    fill(&ballast);

    // Space that the database has already is still used.
    let mut answers = seats[1..].iter().map(|seat| (seat, reserve(&mut connection, seat)));
    let (refused, answer) = answers.find(|(_, answer)| answer.status != 201).expect("a full disk");
    let answer = answer.expect(503);
    assert_eq!(answer.code(), "store_full");
    assert!(answer.header("retry-after").is_some());
    drop(answers);
    let paid = format!("/payments/confirm/{}", held["id"].as_str().unwrap());
    for _ in 0..3 {
        assert_eq!(connection.ask("POST", &paid, None).expect(503).code(), "store_full");
    }
    assert!(program.lives());
    connection.get("/readyz").expect(200);
    assert_eq!(status(&mut connection, &seats[0]), "RESERVED", "reading goes on");
    assert_eq!(status(&mut connection, refused), "AVAILABLE", "a refusal has no effect");

    fs::remove_file(ballast).unwrap();
    reserve(&mut connection, refused).expect(201);
    connection.ask("POST", &paid, None).expect(201);
    assert_eq!(status(&mut connection, &seats[0]), "SOLD");
    program.stop();
}

fn status(connection: &mut Connection, seat: &str) -> String {
    let session = format!("{}0000", &seat[..seat.len() - 4]);
    let map = connection.get(&format!("/seats/{session}")).expect(200).json();
    let seats = map.as_array().unwrap();
    let found = seats.iter().find(|shown| shown["id"] == seat).unwrap();
    found["status"].as_str().unwrap().to_owned()
}

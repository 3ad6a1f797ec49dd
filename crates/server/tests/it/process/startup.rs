//! Faults that keep the program from starting, each with exit code 2 and a fix.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use poltrona_testkit::engines::{Port, Redis};
use poltrona_testkit::process::Process;
use poltrona_testkit::program::{BINARY, Program, clean, poltrona, run};
use rusqlite::Connection;

/// The exit code and the message of a server that does not start.
#[track_caller]
fn refused(command: &mut Command) -> (i32, String) {
    let output = command.arg("serve").output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(output.stdout.is_empty(), "stdout is for data");
    (output.status.code().unwrap(), message)
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[test]
fn a_taken_port_is_named_with_what_to_try() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, message) = refused(poltrona(folder.path()).env("POLTRONA_PORT", &port));
    assert_eq!(code, 2, "{message}");
    assert_says(
        &message,
        &[&format!("127.0.0.1:{port}"), "another program listens there", "--port"],
    );
    assert!(!folder.path().join("data").exists(), "nothing is touched before the port is had");
}

#[test]
fn a_taken_data_folder_is_named_with_the_process_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = Program::serve(folder.path(), &[]);
    let (code, message) = refused(&mut poltrona(folder.path()));
    assert_eq!(code, 2, "{message}");
    assert_says(&message, &["data", &format!("process {}", first.id()), "stop it", "--data-dir"]);
    assert_eq!(first.get("/sessions").status, 200, "the first is not disturbed");
}

#[test]
fn a_folder_is_free_again_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    Program::serve(folder.path(), &[]).kill();
    Program::serve(folder.path(), &[]).stop();
}

#[test]
fn a_bad_value_is_reported_with_its_setting_and_origin() {
    let folder = tempfile::tempdir().unwrap();
    let (code, message) = refused(poltrona(folder.path()).env("POLTRONA_HOLD_TTL", "soon"));
    assert_eq!(code, 2, "{message}");
    assert_says(&message, &["hold-ttl", "soon", "env POLTRONA_HOLD_TTL", "`500ms`"]);

    let output = run(folder.path(), &["serve", "--batch-max", "0"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert_says(&message, &["batch-max", "flag --batch-max", "1 to 1024"]);
}

#[test]
fn an_unknown_key_of_the_file_is_reported_with_its_line_and_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("poltrona.toml"), "locale = \"en\"\nhold-tll = \"2m\"\n").unwrap();
    let (code, message) = refused(&mut poltrona(folder.path()));
    assert_eq!(code, 2, "{message}");
    assert_says(&message, &["poltrona.toml:2", "hold-tll", "Did you mean `hold-ttl`?"]);
}

#[test]
fn the_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Program::serve(folder.path(), &[]).stop();
    let file = folder.path().join("data/poltrona.db");
    migrated_by_a_newer_version(&file);
    let before = fs::read(&file).unwrap();

    let (code, message) = refused(&mut poltrona(folder.path()));
    assert_eq!(code, 1, "{message}");
    assert_says(&message, &["poltrona.db", "schema 9999", "newer poltrona"]);
    let output = run(folder.path(), &["migrate", "up"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(fs::read(&file).unwrap() == before, "a database that was refused was changed");
}

fn migrated_by_a_newer_version(file: &Path) {
    let database = Connection::open(file).unwrap();
    let step = "INSERT INTO schema_migrations (version, name, checksum, applied_at, oldest)
                SELECT 9999, 'from_the_future', checksum, applied_at, 9999 FROM schema_migrations
                WHERE version = 1";
    assert_eq!(database.execute(step, ()).unwrap(), 1);
    // Closing the last connection writes everything into the one file.
    database.close().unwrap();
}

#[tokio::test]
async fn a_redis_that_refuses_logins_is_logged_once_and_used_when_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start().await;
    let mut command = poltrona(folder.path());
    command.arg("serve").env("REDIS_URL", redis.url_for("box:canary@", ""));
    let program = Program::start(command);
    program.wait_for_line("away: the database alone refuses until it is back");
    program.wait_for_line("authentication failed");
    assert_eq!(program.get("/readyz").expect(200).json()["status"], "degraded");
    let seats = program.open_session(16);
    let wish = serde_json::json!({ "seatId": seats[0], "userId": "ana" });
    program.post("/reservations", &wish).expect(201);
    program.post("/reservations", &wish).expect(409);

    redis.ask::<()>(&["ACL", "SETUSER", "box", "on", ">canary", "~seat:*", "+@all"]);
    program.wait_for_line("reached: taken seats are refused early");
    assert_eq!(program.get("/readyz").expect(200).json()["status"], "ready");
    let log = program.log();
    assert_eq!(log.matches("away: the database alone").count(), 1, "{log}");
    assert!(!log.contains("canary"), "{log}");
    program.stop();
}

#[test]
fn a_start_that_waits_for_its_database_ends_at_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Port::claim();
    let mut command = clean(&BINARY, folder.path());
    command.args(["serve", "--port", "0", "--wait-for", "5m"]);
    command.env("DATABASE_URL", format!("postgres://ana@{}/cinema", nobody.address()));
    let mut process = Process::spawn(command.stderr(Stdio::piped()));
    let mut log = BufReader::new(process.child().stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("waiting for PostgreSQL")), "it waits");
    process.terminate();
    assert_eq!(process.ended().code(), Some(0));
}

#[test]
fn a_malformed_redis_url_is_reported_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = "redis://:canary@cache/films";
    let (code, message) = refused(poltrona(folder.path()).env("REDIS_URL", url));
    assert_eq!(code, 2, "{message}");
    assert_says(
        &message,
        &["redis-url", "env REDIS_URL", "database", "redis://[USER:PASSWORD@]HOST"],
    );
    assert!(!message.contains("canary"), "{message}");
}

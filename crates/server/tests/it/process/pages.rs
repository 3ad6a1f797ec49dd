//! The pages about running it, followed by somebody who has installed the program: `poltrona` is on the
//! path, and the data folder is `./poltrona-data`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use poltrona_testkit::engines::database;
use poltrona_testkit::files::read;
use poltrona_testkit::program::{BINARY, Program, clean};
use serde_json::json;

use super::fences::{self, Document, section};

const SESSION: &str = "01900000-0000-7000-8000-000000100000";

/// A server with the demo's sessions and its data in `./poltrona-data`, or where `settings` say.
fn serve(folder: &Path, settings: &[(&str, &str)]) -> Program {
    let mut command = clean(&BINARY, folder);
    command.args(["serve", "--demo"]).env("POLTRONA_PORT", "0").envs(settings.iter().copied());
    Program::start(command)
}

/// Follows a page, or a section of one, with the program on the path.
fn follow(page: &str, shell: Command) {
    let fences = Document::parse(page).tour;
    assert!(!fences.is_empty(), "it has commands: {page}");
    let ours = Path::new(&*BINARY).parent().unwrap().display();
    let script = format!("PATH='{ours}':$PATH\n{}", fences::script(&fences, str::to_owned));
    fences::check(&fences, &fences::run(shell, &script));
}

#[test]
fn pages_about_a_running_server_work_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let program = serve(folder.path(), &[]);
    let address = program.address();
    for page in ["docs/running.md", "docs/configuration.md"] {
        let mut shell = clean("bash", folder.path());
        shell.env("POLTRONA_PORT", address.port().to_string());
        follow(&read(page).replace("localhost:3000", &address.to_string()), shell);
    }
    let sessions = program.get("/sessions").json();
    assert_eq!(sessions.as_array().map(Vec::len), Some(8), "the demo's six, and two by the page");
}

/// Sells the seat with this number of the demo's first session.
fn sell(program: &Program, number: u16) {
    let seat = format!("{}{number:04x}", &SESSION[..32]);
    let held = program.post("/reservations", &json!({ "seatId": seat, "userId": "ana" }));
    let id = held.expect(201).json()["id"].as_str().unwrap().to_owned();
    program.post(&format!("/payments/confirm/{id}"), &json!({})).expect(201);
}

/// The status of the session's first two seats.
fn first_two(program: &Program) -> [String; 2] {
    let seats = program.get(&format!("/seats/{SESSION}")).expect(200).json();
    [0, 1].map(|at| seats[at]["status"].as_str().unwrap().to_owned())
}

/// Whether only its owner can read a file.
fn is_private(file: &Path) -> bool {
    fs::metadata(file).unwrap().permissions().mode() & 0o777 == 0o600
}

#[test]
fn a_copy_of_sqlite_is_restored_as_written() {
    let (folder, page) = (tempfile::tempdir().unwrap(), read("docs/upgrading.md"));
    let program = serve(folder.path(), &[]);
    sell(&program, 1);
    follow(section(&page, "### SQLite, while the server runs"), clean("bash", folder.path()));
    assert!(is_private(&folder.path().join("poltrona-backup.db")), "it holds who bought what");
    sell(&program, 2);
    program.stop();

    follow(section(section(&page, "## Restore"), "### SQLite"), clean("bash", folder.path()));
    let program = serve(folder.path(), &[]);
    assert_eq!(first_two(&program), ["SOLD", "AVAILABLE"], "a restore loses what came after");
    sell(&program, 2);
    program.stop();
}

#[tokio::test]
async fn a_dump_of_postgres_is_restored_as_written() {
    let (folder, page) = (tempfile::tempdir().unwrap(), read("docs/upgrading.md"));
    let (database, restored) = (database().await, database().await);
    let over = || {
        let mut shell = clean("bash", folder.path());
        shell.env("DATABASE_URL", database.url()).env("RESTORED_URL", restored.url());
        shell
    };
    follow(section(section(&page, "## Upgrade"), "### PostgreSQL"), over());
    let program = serve(folder.path(), &[("DATABASE_URL", database.url())]);
    sell(&program, 1);
    follow(section(section(&page, "## Back up"), "### PostgreSQL"), over());
    assert!(is_private(&folder.path().join("poltrona.dump")), "it holds who bought what");
    sell(&program, 2);
    program.stop();

    follow(section(section(&page, "## Restore"), "### PostgreSQL"), over());
    let program = serve(folder.path(), &[("DATABASE_URL", restored.url())]);
    assert_eq!(first_two(&program), ["SOLD", "AVAILABLE"], "a restore loses what came after");
    program.stop();
}

//! Checks the data folder and the SQLite database in it. A server may be using both.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::report::{Engine, Findings};
use poltrona_engine::store::migrations::Error as MigrationError;
use poltrona_engine::store::sqlite::{connect_read_only, folder, migrate};

/// How long the database's pages are checked.
const LOOK: Duration = Duration::from_secs(3);
/// How many steps of SQLite's virtual machine pass between two looks at the clock.
const STEPS: i32 = 10_000;
/// How far the log may grow, in bytes, before a commit truncates it; with less room, sales may stop.
const LOG: u64 = 64 << 20;

/// The unique keys that stop a second sale: table, columns, whether partial, and the SQL that creates it.
const GUARDS: [(&str, &str, bool, &str); 2] = [
    (
        "sale_seats",
        "session_id,seat_no",
        true,
        "CREATE UNIQUE INDEX one_sale_per_seat ON sale_seats (session_id, seat_no) \
         WHERE voided_at IS NULL",
    ),
    (
        "sales",
        "reservation_id",
        false,
        "CREATE UNIQUE INDEX one_sale_per_reservation ON sales (reservation_id)",
    ),
];

/// Checks a data folder, which need not exist yet.
pub(super) fn examine(path: &Path) -> Findings {
    let mut found = Findings::of(Engine::Sqlite);
    if !folder_is_usable(path, &mut found) {
        return found;
    }
    in_use(path, &mut found);
    let file = folder::database_in(path);
    room(path, &file, &mut found);
    if !file.exists() {
        found.ok("database", "none yet: the first start creates it");
        return found;
    }
    let looked = connect_read_only(&file)
        .map_err(MigrationError::from)
        .and_then(|mut database| look_into(&mut database, &file, &mut found));
    if let Err(error) = looked {
        let file = file.display();
        let fix = format!("sqlite3 '{file}' .recover | sqlite3 '{file}.recovered'");
        found.failure("database", error.to_string(), fix);
    }
    found
}

fn folder_is_usable(path: &Path, found: &mut Findings) -> bool {
    let shown = path.display();
    // A folder that does not exist is created in the nearest one that does.
    let Some(there) = path.ancestors().map(or_here).find(|folder| folder.exists()) else {
        found.failure(
            "folder",
            format!("{shown} has no parent folder that exists"),
            format!("mkdir -p '{shown}'"),
        );
        return false;
    };
    let trial = there.join(format!(".poltrona-doctor-{}", std::process::id()));
    if let Err(error) = File::create_new(&trial).and_then(|_| fs::remove_file(&trial)) {
        let fix = format!("chown -R \"$(id -un)\" '{}'", there.display());
        found.failure("folder", format!("{shown} cannot be written: {error}"), fix);
        return false;
    }
    if there != or_here(path) {
        found.ok("folder", format!("{shown} does not exist yet: the first start creates it"));
        return true;
    }
    match fs::metadata(path).map(|about| about.permissions().mode()) {
        Ok(mode) if mode & 0o077 != 0 => {
            let detail = format!("other users can read {shown}, which holds who bought what");
            found.warning("folder", detail, format!("chmod 700 '{shown}'"));
        }
        _ => found.ok("folder", format!("{shown} can be written")),
    }
    true
}

/// The working directory instead of the empty path, which is the last ancestor of a relative one.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn in_use(path: &Path, found: &mut Findings) {
    match folder::user_of(path) {
        Ok(None) => found.ok("server", "none uses the folder"),
        Ok(Some(by)) => found.ok("server", format!("one uses the folder{by}")),
        Err(error) => {
            let fix = format!("chown -R \"$(id -un)\" '{}'", path.display());
            found.failure("server", format!("the folder cannot be locked: {error}"), fix);
        }
    }
}

fn room(path: &Path, file: &Path, found: &mut Findings) {
    let size = fs::metadata(file).map_or(0, |about| about.len());
    let there = path.ancestors().map(or_here).find(|folder| folder.exists());
    let Some(Ok(disk)) = there.map(rustix::fs::statvfs) else { return };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let detail = format!("{} MiB free, the database has {} MiB", free >> 20, size >> 20);
    let fix = format!("du -xh '{}' | sort -h | tail", there.unwrap_or(path).display());
    if free < LOG {
        found.failure("room", format!("{detail}: sales stop when the disk is full"), fix);
    } else if free < size.saturating_add(LOG) {
        found.warning("room", format!("{detail}: no room for a copy of it"), fix);
    } else {
        found.ok("room", detail);
    }
}

fn look_into(
    database: &mut Connection,
    file: &Path,
    found: &mut Findings,
) -> Result<(), MigrationError> {
    let migrated = schema(database, found)?;
    integrity(database, file, found)?;
    let mode: String = database.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
    if mode == "wal" {
        found.ok("journal", "WAL");
    } else {
        let fix = format!("sqlite3 '{}' 'PRAGMA journal_mode = WAL'", file.display());
        found.warning(
            "journal",
            format!("{mode}: reads and sales wait for each other; the next start sets WAL"),
            fix,
        );
    }
    if migrated {
        guards(database, file, found)?;
    }
    Ok(())
}

/// Whether there are tables.
fn schema(database: &Connection, found: &mut Findings) -> Result<bool, MigrationError> {
    match migrate::status(database) {
        Ok(steps) => {
            let missing = steps.iter().filter(|step| !step.applied).count();
            let has = steps.len() - missing;
            if missing == 0 {
                found.ok("schema", format!("{has}, the schema of this version"));
            } else {
                found.ok("schema", format!("{has}; the next start applies {missing} migrations"));
            }
            Ok(has > 0)
        }
        Err(error @ (MigrationError::Newer { .. } | MigrationError::Checksum { .. })) => {
            found.failure("schema", error.to_string(), "poltrona migrate status");
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// Checks every page, for at most [`LOOK`].
fn integrity(
    database: &mut Connection,
    file: &Path,
    found: &mut Findings,
) -> Result<(), rusqlite::Error> {
    let began = Instant::now();
    database.progress_handler(STEPS, Some(move || began.elapsed() > LOOK))?;
    let answer = database.query_row("PRAGMA quick_check(1)", (), |row| row.get::<_, String>(0));
    database.progress_handler(0, None::<fn() -> bool>)?;
    match answer {
        Ok(text) if text == "ok" => found.ok("integrity", "no fault in any page"),
        Ok(text) => {
            let file = file.display();
            let fix = format!("sqlite3 '{file}' .recover | sqlite3 '{file}.recovered'");
            found.failure("integrity", text, fix);
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            found.ok("integrity", format!("no fault found in {} s", LOOK.as_secs()));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn guards(database: &Connection, file: &Path, found: &mut Findings) -> Result<(), rusqlite::Error> {
    let mut whole = true;
    for (table, columns, partial, sql) in GUARDS {
        let there: bool = database.query_row(
            r#"SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1) AS i
                WHERE i."unique" AND i.partial = ?3 AND ?2 =
                    (SELECT group_concat(name) FROM
                        (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)))"#,
            (table, columns, partial),
            |row| row.get(0),
        )?;
        if !there {
            whole = false;
            let detail = format!("nothing keeps ({columns}) unique in {table}");
            found.failure("guards", detail, format!("sqlite3 '{}' '{sql}'", file.display()));
        }
    }
    if whole {
        found.ok("guards", "unique keys allow one sale a seat, and one a reservation");
    }
    Ok(())
}

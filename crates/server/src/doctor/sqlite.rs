//! The data folder and the database in it. A server may be using both.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::report::{Engine, Findings};
use poltrona_engine::store::migrations::Error as MigrationError;
use poltrona_engine::store::sqlite::{connect_read_only, folder, migrate};

/// How long the database's pages are looked at.
const LOOK: Duration = Duration::from_secs(3);
/// How many of SQLite's own steps lie between two looks at the time.
const STEPS: i32 = 10_000;
/// The most that the log may grow to before a commit makes it short again: with less room than this,
/// sales may stop.
const LOG: u64 = 64 << 20;

/// The unique keys that no bug may write past: table, columns, condition, and what makes it anew.
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

/// Looks at a data folder, which need not exist yet.
pub(super) fn examine(path: &Path) -> Findings {
    let mut found = Findings::of(Engine::Sqlite);
    if !folder_is_usable(path, &mut found) {
        return found;
    }
    in_use(path, &mut found);
    let file = folder::database_in(path);
    room(path, &file, &mut found);
    if !file.exists() {
        found.ok("database", "none yet: the first start makes it");
        return found;
    }
    let looked = connect_read_only(&file)
        .map_err(MigrationError::from)
        .and_then(|mut database| look_into(&mut database, &file, &mut found));
    if let Err(error) = looked {
        let file = file.display();
        let mend = format!("sqlite3 '{file}' .recover | sqlite3 '{file}.recovered'");
        found.failure("database", error.to_string(), mend);
    }
    found
}

fn folder_is_usable(path: &Path, found: &mut Findings) -> bool {
    let shown = path.display();
    // What does not exist yet is made in what does.
    let Some(there) = path.ancestors().map(or_here).find(|folder| folder.exists()) else {
        found.failure("folder", format!("{shown} leads nowhere"), format!("mkdir -p '{shown}'"));
        return false;
    };
    let trial = there.join(format!(".poltrona-doctor-{}", std::process::id()));
    if let Err(error) = File::create_new(&trial).and_then(|_| fs::remove_file(&trial)) {
        let mend = format!("chown -R \"$(id -un)\" '{}'", there.display());
        found.failure("folder", format!("{shown} cannot be written: {error}"), mend);
        return false;
    }
    if there != or_here(path) {
        found.ok("folder", format!("{shown} does not exist yet: the first start makes it"));
        return true;
    }
    match fs::metadata(path).map(|about| about.permissions().mode()) {
        Ok(mode) if mode & 0o077 != 0 => {
            let detail = format!("{shown} holds who bought what, and others can look into it");
            found.warning("folder", detail, format!("chmod 700 '{shown}'"));
        }
        _ => found.ok("folder", format!("{shown} can be written")),
    }
    true
}

/// The last ancestor of a relative path is the empty one, and means the working directory.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn in_use(path: &Path, found: &mut Findings) {
    match folder::user_of(path) {
        Ok(None) => found.ok("server", "none uses the folder"),
        Ok(Some(by)) => found.ok("server", format!("one uses the folder{by}")),
        Err(error) => {
            let mend = format!("chown -R \"$(id -un)\" '{}'", path.display());
            found.failure("server", format!("the folder cannot be locked: {error}"), mend);
        }
    }
}

fn room(path: &Path, file: &Path, found: &mut Findings) {
    let size = fs::metadata(file).map_or(0, |about| about.len());
    let there = path.ancestors().map(or_here).find(|folder| folder.exists());
    let Some(Ok(disk)) = there.map(rustix::fs::statvfs) else { return };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let detail = format!("{} MiB free, the database has {} MiB", free >> 20, size >> 20);
    let mend = format!("du -xh '{}' | sort -h | tail", there.unwrap_or(path).display());
    if free < LOG {
        found.failure("room", format!("{detail}: sales stop when the disk is full"), mend);
    } else if free < size.saturating_add(LOG) {
        found.warning("room", format!("{detail}: no room for a copy of it"), mend);
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
        let mend = format!("sqlite3 '{}' 'PRAGMA journal_mode = WAL'", file.display());
        found.warning("journal", format!("{mode}: whoever looks holds up whoever sells"), mend);
    }
    if migrated {
        guards(database, file, found)?;
    }
    Ok(())
}

/// Whether the tables are there.
fn schema(database: &Connection, found: &mut Findings) -> Result<bool, MigrationError> {
    match migrate::status(database) {
        Ok(steps) => {
            let missing = steps.iter().filter(|step| !step.applied).count();
            let has = steps.len() - missing;
            if missing == 0 {
                found.ok("schema", format!("{has}, as this version has it"));
            } else {
                found.ok("schema", format!("{has}; a start takes the {missing} steps that lack"));
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

/// Looks at every page, for as long as there is time.
fn integrity(
    database: &mut Connection,
    file: &Path,
    found: &mut Findings,
) -> Result<(), rusqlite::Error> {
    let began = Instant::now();
    database.progress_handler(STEPS, Some(move || began.elapsed() > LOOK))?;
    let said = database.query_row("PRAGMA quick_check(1)", (), |row| row.get::<_, String>(0));
    database.progress_handler(0, None::<fn() -> bool>)?;
    match said {
        Ok(said) if said == "ok" => found.ok("integrity", "every page is sound"),
        Ok(said) => {
            let file = file.display();
            let mend = format!("sqlite3 '{file}' .recover | sqlite3 '{file}.recovered'");
            found.failure("integrity", said, mend);
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            found.ok("integrity", format!("nothing wrong found in {} s", LOOK.as_secs()));
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
        found.ok("guards", "a seat has one sale, and so has a reservation");
    }
    Ok(())
}

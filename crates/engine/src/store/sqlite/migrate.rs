//! Forward-only migrations, each applied once, in its own transaction, and never edited after.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::env::clock::Clock;
use crate::store::migrations::{
    self, Applied, Error, MIGRATIONS, Migration, Status, checksum, statuses,
};

/// Applies what is missing; says which migrations those were.
pub fn up(connection: &mut Connection, clock: &Clock) -> Result<Vec<&'static Migration>, Error> {
    apply(connection, MIGRATIONS, clock)
}

/// Which migrations the database has. Changes nothing.
pub fn status(connection: &Connection) -> Result<Vec<Status>, Error> {
    Ok(statuses(check(connection, MIGRATIONS)?))
}

fn apply<'a>(
    connection: &mut Connection,
    steps: &'a [Migration],
    clock: &Clock,
) -> Result<Vec<&'a Migration>, Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
            version    INTEGER PRIMARY KEY,
            name       TEXT NOT NULL,
            checksum   BLOB NOT NULL,
            applied_at INTEGER NOT NULL,
            oldest     INTEGER NOT NULL DEFAULT 1
        ) STRICT",
    )?;
    let applied = check(&tx, steps)?;
    add_oldest(&tx)?;
    let missing: Vec<_> = steps.iter().filter(|step| step.version > applied).collect();
    for step in &missing {
        tx.execute_batch(step.sqlite)?;
        tx.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at, oldest)
             VALUES (?, ?, ?, ?, ?)",
            (step.version, step.name, checksum(step.sqlite), clock.now().as_millis(), step.oldest),
        )?;
    }
    tx.commit()?;
    Ok(missing)
}

/// The first release did not record which programs can work with a migration.
fn add_oldest(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    if has_oldest(tx)? {
        return Ok(());
    }
    tx.execute_batch("ALTER TABLE schema_migrations ADD COLUMN oldest INTEGER NOT NULL DEFAULT 1")
}

fn has_oldest(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_table_info('schema_migrations') WHERE name = 'oldest')",
        (),
        |row| row.get(0),
    )
}

/// The newest migration that the database has, 0 for none; fails unless all of them are ours.
fn check(connection: &Connection, steps: &[Migration]) -> Result<i64, Error> {
    let exists: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations')",
        (),
        |row| row.get(0),
    )?;
    if !exists {
        return Ok(0);
    }
    let oldest = if has_oldest(connection)? { "oldest" } else { "1" };
    let sql = format!("SELECT version, checksum, {oldest} FROM schema_migrations ORDER BY version");
    let mut statement = connection.prepare(&sql)?;
    let applied = statement.query_map((), |row| {
        Ok(Applied { version: row.get(0)?, checksum: row.get(1)?, oldest: row.get(2)? })
    })?;
    let applied = applied.collect::<Result<Vec<_>, _>>()?;
    migrations::check(&applied, steps, |step| step.sqlite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to<'a>(db: &mut Connection, steps: &'a [Migration]) -> Result<Vec<&'a Migration>, Error> {
        apply(db, steps, &Clock::System)
    }

    const FIRST: Migration = Migration {
        version: 1,
        name: "first",
        oldest: 1,
        sqlite: "CREATE TABLE a (x)",
        postgres: "",
    };
    const SECOND: Migration = Migration {
        version: 2,
        name: "second",
        oldest: 1,
        sqlite: "CREATE TABLE b (x)",
        postgres: "",
    };

    #[test]
    fn each_migration_runs_once_and_in_order() {
        let mut db = Connection::open_in_memory().unwrap();
        assert_eq!(up_to(&mut db, &[FIRST]).unwrap().len(), 1);
        assert_eq!(up_to(&mut db, &[FIRST, SECOND]).unwrap().len(), 1);
        assert_eq!(up_to(&mut db, &[FIRST, SECOND]).unwrap().len(), 0);
        db.execute_batch("SELECT x FROM a; SELECT x FROM b").unwrap();
    }

    #[test]
    fn a_newer_schema_is_used_while_it_only_grows() {
        let mut db = Connection::open_in_memory().unwrap();
        up_to(&mut db, &[FIRST, SECOND]).unwrap();
        assert_eq!(up_to(&mut db, &[FIRST]).unwrap().len(), 0);
    }

    #[test]
    fn a_newer_schema_that_took_something_away_is_refused() {
        let mut db = Connection::open_in_memory().unwrap();
        let contracting = Migration { oldest: 2, ..SECOND };
        up_to(&mut db, &[FIRST, contracting]).unwrap();
        let error = up_to(&mut db, &[FIRST]).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 2, known: 1 }), "{error}");
    }

    #[test]
    fn a_database_of_the_first_release_is_taken_on() {
        let mut db = Connection::open_in_memory().unwrap();
        up_to(&mut db, &[FIRST]).unwrap();
        db.execute_batch("ALTER TABLE schema_migrations DROP COLUMN oldest").unwrap();
        assert_eq!(up_to(&mut db, &[FIRST, SECOND]).unwrap().len(), 1);
    }

    #[test]
    fn an_edited_migration_is_refused() {
        let mut db = Connection::open_in_memory().unwrap();
        up_to(&mut db, &[FIRST]).unwrap();
        let edited = Migration { sqlite: "CREATE TABLE a (x, y)", ..FIRST };
        let error = up_to(&mut db, &[edited]).unwrap_err();
        assert!(matches!(error, Error::Checksum { version: 1, .. }), "{error}");
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing_behind() {
        let mut db = Connection::open_in_memory().unwrap();
        let broken = Migration { sqlite: "CREATE TABLE b (x); CREATE TABLE a (x)", ..SECOND };
        up_to(&mut db, &[FIRST]).unwrap();
        assert!(up_to(&mut db, &[FIRST, broken]).is_err());
        assert_eq!(up_to(&mut db, &[FIRST, SECOND]).unwrap().len(), 1);
    }

    #[test]
    fn recorded_answers_are_kept_when_their_table_is_made_anew() {
        const ANSWERS: &str = "SELECT caller || key || fingerprint || status || ifnull(location, '-') || answer \
                               || created_at FROM idempotency ORDER BY caller, key";
        let answers = |db: &Connection| -> Vec<String> {
            let mut statement = db.prepare(ANSWERS).unwrap();
            statement.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let (older, all) = (&MIGRATIONS[..6], &MIGRATIONS[..7]);
        let insert = |db: &Connection, how: &str, row: &str| {
            db.execute(&format!("{how} INTO idempotency VALUES {row}"), ())
        };
        let mut db = Connection::open_in_memory().unwrap();
        up_to(&mut db, older).unwrap();
        insert(&db, "INSERT", "('ana', 'k2', x'61', 201, '/r', x'62', 9)").unwrap();
        insert(&db, "INSERT", "('ana', 'k1', x'63', 200, NULL, x'64', 8)").unwrap();
        let before = answers(&db);
        assert_eq!(up_to(&mut db, all).unwrap().len(), 1);
        assert_eq!(answers(&db), before);
        assert_eq!(before, ["anak1c200-d8", "anak2a201/rb9"]);
        insert(&db, "INSERT", "('ana', 'k1', x'65', 200, NULL, x'66', 10)").unwrap_err();
        insert(&db, "INSERT OR REPLACE", "('ana', 'k1', x'65', 200, NULL, x'66', 10)").unwrap();
        assert_eq!(answers(&db), ["anak1e200-f10", "anak2a201/rb9"]);
        assert_eq!(up_to(&mut db, older).unwrap().len(), 0, "an older program can be put back");
    }
}

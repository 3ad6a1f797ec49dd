//! Checks the guards that would stop a bug from selling a seat twice: unique keys, checks, and the
//! functions that count rows. Somebody may have dropped them by hand.

use std::collections::HashMap;

use tokio_postgres::Error;

use super::connection::{Connection, TABLES};
use crate::doctor::report::Findings;
use poltrona_engine::store::migrations::MIGRATIONS;

/// The functions that fail a batch unless it changed the expected rows.
pub(super) const FUNCTIONS: [&str; 2] = ["expect_rows", "expect_first"];

/// A unique key: its table, columns and condition, and the SQL that creates it.
type Key = (&'static str, &'static str, &'static str, &'static str);

const KEYS: [Key; 14] = [
    (
        "sale_seats",
        "session_id, seat_no",
        "(voided_at IS NULL)",
        "CREATE UNIQUE INDEX one_sale_per_seat ON sale_seats (session_id, seat_no) \
         WHERE voided_at IS NULL",
    ),
    ("sales", "reservation_id", "", "ALTER TABLE sales ADD UNIQUE (reservation_id)"),
    ("sessions", "id", "", "ALTER TABLE sessions ADD PRIMARY KEY (id)"),
    (
        "session_versions",
        "session_id, version",
        "",
        "ALTER TABLE session_versions ADD PRIMARY KEY (session_id, version)",
    ),
    ("session_names", "name", "", "ALTER TABLE session_names ADD PRIMARY KEY (name)"),
    ("seats", "session_id, seat_no", "", "ALTER TABLE seats ADD PRIMARY KEY (session_id, seat_no)"),
    ("reservations", "id", "", "ALTER TABLE reservations ADD PRIMARY KEY (id)"),
    ("sales", "id", "", "ALTER TABLE sales ADD PRIMARY KEY (id)"),
    (
        "sale_seats",
        "session_id, seat_no, sale_id",
        "",
        "ALTER TABLE sale_seats ADD PRIMARY KEY (session_id, seat_no, sale_id)",
    ),
    ("outbox", "id", "", "ALTER TABLE outbox ADD PRIMARY KEY (id)"),
    ("idempotency", "caller, key", "", "ALTER TABLE idempotency ADD PRIMARY KEY (caller, key)"),
    ("inbox", "consumer, event_id", "", "ALTER TABLE inbox ADD PRIMARY KEY (consumer, event_id)"),
    ("session_stats", "session_id", "", "ALTER TABLE session_stats ADD PRIMARY KEY (session_id)"),
    ("sales_by_hour", "hour", "", "ALTER TABLE sales_by_hour ADD PRIMARY KEY (hour)"),
];

/// A check: its table, the name that the server gave it, and its condition.
const CHECKS: [(&str, &str, &str); 10] = [
    ("sessions", "sessions_price_cents_check", "price_cents >= 0"),
    ("seats", "seats_seat_no_check", "seat_no >= 1"),
    ("seats", "seats_status_check", "status IN ('AVAILABLE', 'RESERVED', 'SOLD')"),
    ("seats", "seats_version_check", "version >= 0"),
    ("seats", "seats_check", "(status = 'AVAILABLE') = (reservation_id IS NULL)"),
    ("seats", "seats_check1", "(status = 'RESERVED') = (hold_until IS NOT NULL)"),
    ("reservations", "reservations_total_cents_check", "total_cents >= 0"),
    (
        "reservations",
        "reservations_status_check",
        "status IN ('PENDING', 'CONFIRMED', 'EXPIRED', 'CANCELLED')",
    ),
    ("sales", "sales_total_cents_check", "total_cents >= 0"),
    ("sale_seats", "sale_seats_price_cents_check", "price_cents >= 0"),
];

pub(super) async fn examine(connection: &Connection, found: &mut Findings) -> Result<(), Error> {
    let failures =
        [keys(connection).await?, checks(connection).await?, functions(connection).await?];
    let failures = failures.concat();
    if failures.is_empty() {
        let (keys, checks, functions) = (KEYS.len(), CHECKS.len(), FUNCTIONS.len());
        let detail = format!("{keys} unique keys, {checks} checks and {functions} functions");
        found.ok("guards", format!("all are there: {detail}"));
    }
    for (detail, fix) in failures {
        found.failure("guards", detail, fix);
    }
    Ok(())
}

/// A fault, and the command that fixes it.
type Faults = Vec<(String, String)>;

async fn keys(connection: &Connection) -> Result<Faults, Error> {
    let sql = "SELECT t.name, i.indexrelid::regclass::text, i.indisvalid AND i.indisready,
                      coalesce(pg_get_expr(i.indpred, i.indrelid), ''),
                      (SELECT string_agg(a.attname, ', ' ORDER BY k.place)
                       FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
                       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number)
               FROM unnest($1::text[]) AS t(name)
               JOIN pg_index i ON i.indrelid = to_regclass(t.name) AND i.indisunique";
    let mut there: HashMap<(String, String, String), (String, bool)> = HashMap::new();
    for row in connection.client.query(sql, &[&TABLES.as_slice()]).await? {
        let columns: Option<String> = row.try_get(4)?;
        let key = (row.try_get(0)?, columns.unwrap_or_default(), row.try_get(3)?);
        let (index, valid) = (row.try_get(1)?, row.try_get(2)?);
        // Of two equal keys, one valid one is enough.
        let known = there.entry(key).or_insert((index, valid));
        known.1 |= valid;
    }
    let fault = |(table, columns, condition, sql): &Key| {
        let key = ((*table).to_owned(), (*columns).to_owned(), (*condition).to_owned());
        match there.get(&key) {
            Some((_, true)) => None,
            Some((index, false)) => {
                let fix = connection.psql(&[&format!("REINDEX INDEX {index}")]);
                Some((format!("{index} is not valid, and enforces nothing"), fix))
            }
            None => {
                let detail = format!("nothing keeps ({columns}) unique in {table}");
                Some((detail, connection.psql(&[sql])))
            }
        }
    };
    Ok(KEYS.iter().filter_map(fault).collect())
}

async fn checks(connection: &Connection) -> Result<Faults, Error> {
    let sql = "SELECT t.name, c.conname::text, c.convalidated
               FROM unnest($1::text[]) AS t(name)
               JOIN pg_constraint c ON c.conrelid = to_regclass(t.name) AND c.contype = 'c'";
    let mut there: HashMap<(String, String), bool> = HashMap::new();
    for row in connection.client.query(sql, &[&TABLES.as_slice()]).await? {
        there.insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
    }
    let fault = |(table, name, rule): &(&str, &str, &str)| {
        let fix = |sql: String| connection.psql(&[&sql]);
        match there.get(&((*table).to_owned(), (*name).to_owned())) {
            Some(true) => None,
            Some(false) => Some((
                format!("{name} was not checked on the rows that were there before it"),
                fix(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}")),
            )),
            None => Some((
                format!("{name} is missing: {rule}"),
                fix(format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})")),
            )),
        }
    };
    Ok(CHECKS.iter().filter_map(fault).collect())
}

/// The functions, whose bodies must be those of the migrations.
async fn functions(connection: &Connection) -> Result<Faults, Error> {
    let sql = "SELECT proname::text, prosrc FROM pg_proc
               WHERE proname = ANY($1) AND pronamespace = current_schema()::regnamespace";
    let mut there: HashMap<String, String> = HashMap::new();
    for row in connection.client.query(sql, &[&FUNCTIONS.as_slice()]).await? {
        there.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let fault = |name: &&str| {
        let text = definition(name)?;
        if there.get(*name).is_some_and(|body| text.contains(body.as_str())) {
            return None;
        }
        let text = text.replacen("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1);
        let detail = format!("{name} is missing or changed: wrong writes would go unnoticed");
        Some((detail, connection.psql(&[&text])))
    };
    Ok(FUNCTIONS.iter().filter_map(fault).collect())
}

/// The statement of the migrations that creates a function.
fn definition(name: &str) -> Option<&'static str> {
    const END: &str = "END $$;";
    let head = format!("CREATE FUNCTION {name}(");
    MIGRATIONS.iter().rev().find_map(|step| {
        let (_, from) = step.postgres.split_at_checked(step.postgres.find(&head)?)?;
        from.get(..from.find(END)? + END.len())
    })
}

//! Filling a database with a [`House`] by SQL: through the API it would take minutes.
//!
//! One text serves both stores; only ids and lists are written differently.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use poltrona_domain::{Layout, SeatNo};
use poltrona_engine::env::clock::Clock;
use poltrona_engine::store::postgres::Target;
use rusqlite::Connection;

use crate::house::{GROUP, House};

/// The price of a seat, in cents.
const PRICE: i64 = 2_550;
/// How long the holds of the house last, in milliseconds: longer than any measurement.
const HOLD_MILLIS: i64 = 3_600_000;

/// A store's way to write what differs.
#[derive(Clone, Copy)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The id with these hexadecimal digits, then a number in so many, then the rest.
    fn id(self, begin: &str, number: &str, digits: u8, end: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("unhex('{begin}' || printf('%0{digits}x', {number}) || '{end}')")
            }
            Self::Postgres => {
                format!("('{begin}' || lpad(to_hex({number}), {digits}, '0') || '{end}')::uuid")
            }
        }
    }

    fn numbers(self, with_commas: &str) -> String {
        match self {
            Self::Sqlite => with_commas.to_owned(),
            Self::Postgres => format!("('{{' || {with_commas} || '}}')::smallint[]"),
        }
    }
}

/// Fills a SQLite file that has the program's tables.
pub(crate) fn fill_file(file: &Path, house: &House) -> anyhow::Result<()> {
    write_file(file, &(common(house, Dialect::Sqlite) + &rows(house, Dialect::Sqlite)))
}

/// Makes a SQLite file with the ceiling's tables, and fills it.
pub(crate) fn fill_ceiling_file(file: &Path, schema: &str, house: &House) -> anyhow::Result<()> {
    write_file(file, &(schema.to_owned() + &common(house, Dialect::Sqlite) + CEILING_ROWS))
}

fn write_file(file: &Path, sql: &str) -> anyhow::Result<()> {
    let database = Connection::open(file)?;
    // Nothing is acknowledged before all is on the disk.
    database.pragma_update(None, "synchronous", "OFF")?;
    database.pragma_update(None, "journal_mode", "OFF")?;
    database.execute_batch(&format!("BEGIN; {sql} COMMIT;"))?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    // Closing the last connection folds the log in: the file alone is the database.
    database.close().map_err(|(_, error)| error)?;
    Ok(File::open(file)?.sync_all()?)
}

/// Fills a PostgreSQL database that has the program's tables.
pub(crate) async fn fill_database(url: &str, house: &House) -> anyhow::Result<()> {
    write_database(url, &(common(house, Dialect::Postgres) + &rows(house, Dialect::Postgres))).await
}

/// Makes the ceiling's tables in a PostgreSQL database, and fills them.
pub(crate) async fn fill_ceiling_database(
    url: &str,
    schema: &str,
    house: &House,
) -> anyhow::Result<()> {
    write_database(url, &(schema.to_owned() + &common(house, Dialect::Postgres) + CEILING_ROWS))
        .await
}

async fn write_database(url: &str, sql: &str) -> anyhow::Result<()> {
    let client = Target::parse(url)?.connect().await?;
    client.batch_execute(&format!("BEGIN; {sql} COMMIT;")).await?;
    // Otherwise every run would do this at its beginning, for all rows are new.
    client.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
    Ok(())
}

/// Temporary tables: the sessions, and the seats and the groups that each of them has.
fn common(house: &House, dialect: Dialect) -> String {
    let numbers: Vec<_> = (1..=house.seats).filter_map(SeatNo::new).collect();
    let mut labels = String::new();
    for no in &numbers {
        // Writing to a string cannot fail.
        let _ =
            write!(labels, "({}, {}, '{}'),", no.get(), (no.get() - 1) / GROUP, Layout::label(*no));
    }
    let mut groups = String::new();
    for (number, group) in numbers.chunks(GROUP.into()).enumerate() {
        let nos: Vec<_> = group.iter().map(|no| no.get().to_string()).collect();
        let _ = write!(groups, "({number}, '{}', {}),", nos.join(","), group.len());
    }
    let (labels, groups) = (labels.trim_end_matches(','), groups.trim_end_matches(','));
    let (open, sessions) = (house.open, house.sessions());
    let taken = open + house.held;
    let id = dialect.id("01800000000070008000", "n", 8, "0000");
    format!(
        "CREATE TEMPORARY TABLE labels (no int, g int, label text);
         INSERT INTO labels VALUES {labels};
         CREATE TEMPORARY TABLE groups (g int, nos text, seats int);
         INSERT INTO groups VALUES {groups};
         CREATE TEMPORARY TABLE opened AS
         WITH RECURSIVE numbers(n) AS
             (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {sessions})
         SELECT n, {id} AS id,
             CASE WHEN n < {open} THEN 'AVAILABLE' WHEN n < {taken} THEN 'RESERVED' ELSE 'SOLD' END
                 AS status
         FROM numbers;"
    )
}

/// The ceiling's rows.
const CEILING_ROWS: &str = "
    INSERT INTO seats SELECT id, no, 'A1', 'AVAILABLE', NULL, NULL, 0
        FROM opened CROSS JOIN labels ORDER BY id, no;";

/// The program's rows: sessions, seats, the reservations and sales that hold them, and the projections.
fn rows(house: &House, dialect: Dialect) -> String {
    let seats = house.seats;
    let groups = seats.div_ceil(GROUP);
    let group = format!("(n * {groups} + g)");
    let reservation = dialect.id("01810000000070008000", &group, 12, "");
    let sale = dialect.id("01820000000070008000", &group, 12, "");
    let nos = dialect.numbers("nos");
    let now = Clock::System.now().as_millis();
    // Not all in one instant, as in life.
    let until = format!("({now} + {HOLD_MILLIS} + {group} % 60000)");
    let hour = now / 3_600_000 * 3_600_000;
    format!(
        "INSERT INTO sessions (id, movie, room, starts_at, price_cents, layout, created_at,
                               movie_folded, room_folded)
         SELECT id, 'Cidade de Deus', 'Sala ' || (n % 12), {now}, {PRICE}, '8/{seats}', {now},
             'cidade de deus', 'sala ' || (n % 12) FROM opened;
         INSERT INTO session_stats (session_id, seats, held, sold, revenue_cents)
         SELECT id, {seats}, CASE status WHEN 'RESERVED' THEN {seats} ELSE 0 END,
             CASE status WHEN 'SOLD' THEN {seats} ELSE 0 END,
             CASE status WHEN 'SOLD' THEN {seats} * {PRICE} ELSE 0 END FROM opened;
         INSERT INTO seats (session_id, seat_no, label, status, reservation_id, hold_until, version)
         SELECT id, no, label, status,
             CASE WHEN status <> 'AVAILABLE' THEN {reservation} END,
             CASE WHEN status = 'RESERVED' THEN {until} END,
             CASE status WHEN 'AVAILABLE' THEN 0 WHEN 'RESERVED' THEN 1 ELSE 2 END
         FROM opened CROSS JOIN labels ORDER BY id, no;
         INSERT INTO reservations (id, session_id, seat_nos, user_id, total_cents, status,
                                   created_at, expires_at, session_version)
         SELECT {reservation}, id, {nos}, 'visitor-' || {group}, seats * {PRICE},
             CASE status WHEN 'SOLD' THEN 'CONFIRMED' ELSE 'PENDING' END, {now}, {until}, 1
         FROM opened CROSS JOIN groups WHERE status <> 'AVAILABLE' ORDER BY n, g;
         INSERT INTO sales (id, reservation_id, session_id, user_id, total_cents, movie, room,
                            starts_at, paid_at)
         SELECT {sale}, {reservation}, id, 'visitor-' || {group}, seats * {PRICE},
             'Cidade de Deus', 'Sala ' || (n % 12), {now}, {now}
         FROM opened CROSS JOIN groups WHERE status = 'SOLD' ORDER BY n, g;
         INSERT INTO sale_seats (session_id, seat_no, sale_id, price_cents)
         SELECT id, no, {sale}, {PRICE}
         FROM opened CROSS JOIN labels WHERE status = 'SOLD' ORDER BY id, no;
         INSERT INTO sales_by_hour (hour, sales, seats, revenue_cents)
         SELECT {hour}, count(*), count(*) * {seats} / {groups}, sum(total_cents) FROM sales
         HAVING count(*) > 0;"
    )
}

//! Queries: what people and programs look at. Each runs in one snapshot.

use poltrona_domain::{
    Reservation, ReservationId, Sale, Seat, Session, SessionId, Timestamp, UserId,
};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Result, Row, params_from_iter};
use uuid::Uuid;

use super::row;
use crate::store::held_as;
use crate::store::query::{Backlog, OutboxRow, Page, SessionFilter};
use crate::text;

/// Adds the function that gives the folded form of a text to rows that lack it.
pub(super) fn add_functions(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("folded", 1, flags, |call| {
        Ok(text::folded(call.get_raw(0).as_str()?))
    })
}

/// Open sessions, newest first; `None` when `page.after` names no session.
pub(super) fn sessions(
    db: &Connection,
    filter: &SessionFilter,
    page: Page,
) -> Result<Option<Vec<Session>>> {
    let mut list = List::new(format!("SELECT {} FROM sessions", row::SESSION));
    list.only("closed_at IS NULL", None);
    let folded = |part: &Option<String>| part.as_deref().map(|part| text::folded(part).into());
    let contains = |column| format!("instr(coalesce({column}_folded, folded({column})), ?) > 0");
    list.only_if(&contains("movie"), folded(&filter.movie));
    list.only_if(&contains("room"), folded(&filter.room));
    list.only_if("starts_at >= ?", filter.from.map(|time| time.as_millis().into()));
    list.only_if("starts_at <= ?", filter.to.map(|time| time.as_millis().into()));
    list.page(db, "sessions", "created_at", "id", page, row::session)
}

/// A session, whether or not it is closed.
pub(super) fn session(db: &Connection, id: SessionId) -> Result<Option<Session>> {
    db.prepare_cached(&format!("SELECT {} FROM sessions WHERE id = ?", row::SESSION))?
        .query_row([&id.as_uuid().as_bytes()[..]], row::session)
        .optional()
}

/// The seats of a session in their order, whether or not the session is open.
pub(super) fn seats(db: &Connection, id: SessionId) -> Result<Vec<Seat>> {
    db.prepare_cached(&format!(
        "SELECT {} FROM seats WHERE session_id = ? ORDER BY seat_no",
        row::SEAT
    ))?
    .query_map([&id.as_uuid().as_bytes()[..]], row::seat)?
    .collect()
}

/// A reservation.
pub(super) fn reservation(db: &Connection, id: ReservationId) -> Result<Option<Reservation>> {
    let sql =
        format!("SELECT {} FROM {} WHERE r.id = ?", held_as::RESERVATION, held_as::RESERVATIONS);
    db.prepare_cached(&sql)?.query_row([&id.as_uuid().as_bytes()[..]], row::reservation).optional()
}

/// A user's reservations, newest first; `None` when `page.after` names none.
pub(super) fn reservations_of(
    db: &Connection,
    user: &UserId,
    page: Page,
) -> Result<Option<Vec<Reservation>>> {
    let mut list =
        List::new(format!("SELECT {} FROM {}", held_as::RESERVATION, held_as::RESERVATIONS));
    list.only("r.user_id = ?", Some(user.as_str().to_owned().into()));
    list.page(db, "reservations", "r.created_at", "r.id", page, row::reservation)
}

/// A user's sales, newest first; `None` when `page.after` names none.
pub(super) fn sales_of(db: &Connection, user: &UserId, page: Page) -> Result<Option<Vec<Sale>>> {
    let mut list = List::new(
        "SELECT s.id, s.reservation_id, s.session_id, s.user_id, s.total_cents, s.movie, s.room,
                s.starts_at, s.paid_at, r.seat_nos
         FROM sales s JOIN reservations r ON r.id = s.reservation_id"
            .to_owned(),
    );
    list.only("s.user_id = ?", Some(user.as_str().to_owned().into()));
    list.page(db, "sales", "s.paid_at", "s.id", page, row::sale)
}

/// Pending reservations and when they lapse, soonest first, beginning after `after`.
pub(super) fn pending(
    db: &Connection,
    after: (Timestamp, ReservationId),
    limit: usize,
) -> Result<Vec<(Timestamp, ReservationId)>> {
    db.prepare_cached(
        "SELECT expires_at, id FROM reservations
         WHERE status = 'PENDING' AND (expires_at, id) > (?, ?) ORDER BY expires_at, id LIMIT ?",
    )?
    .query_map(
        (after.0.as_millis(), &after.1.as_uuid().as_bytes()[..], limit.cast_signed()),
        |row| Ok((row::time(row, 0)?, ReservationId::from_uuid(row::uuid(row, 1)?))),
    )?
    .collect()
}

/// The oldest rows of the outbox, of those written at `before` or earlier.
pub(super) fn outbox(db: &Connection, limit: usize, before: Timestamp) -> Result<Vec<OutboxRow>> {
    let sql = "SELECT id, created_at, events FROM outbox WHERE created_at <= ? ORDER BY id LIMIT ?";
    db.prepare_cached(sql)?
        .query_map((before.as_millis(), limit.cast_signed()), |row| {
            Ok(OutboxRow {
                id: row::uuid(row, 0)?,
                created_at: row::time(row, 1)?,
                events: row.get(2)?,
            })
        })?
        .collect()
}

/// The oldest ids of the outbox.
pub(super) fn outbox_ids(db: &Connection, limit: usize) -> Result<Vec<Uuid>> {
    db.prepare_cached("SELECT id FROM outbox ORDER BY id LIMIT ?")?
        .query_map([limit.cast_signed()], |row| row::uuid(row, 0))?
        .collect()
}

/// The backlog of the outbox.
pub(super) fn backlog(db: &Connection) -> Result<Backlog> {
    db.prepare_cached("SELECT count(*), min(created_at) FROM outbox")?.query_row((), |row| {
        let oldest = row.get::<_, Option<i64>>(1)?.map(Timestamp::from_millis);
        Ok(Backlog { rows: row.get::<_, i64>(0)?.unsigned_abs(), oldest })
    })
}

/// Whether the database answers at all.
pub(super) fn ping(db: &Connection) -> Result<()> {
    db.query_row("SELECT 1 FROM schema_migrations LIMIT 1", (), |_| Ok(()))
}

/// A query whose conditions depend on what was asked.
struct List {
    sql: String,
    values: Vec<Value>,
    word: &'static str,
}

impl List {
    fn new(sql: String) -> Self {
        Self { sql, values: Vec::new(), word: " WHERE " }
    }

    fn only(&mut self, condition: &str, value: Option<Value>) {
        self.sql.push_str(self.word);
        self.sql.push_str(condition);
        self.values.extend(value);
        self.word = " AND ";
    }

    fn only_if(&mut self, condition: &str, value: Option<Value>) {
        if value.is_some() {
            self.only(condition, value);
        }
    }

    /// Newest first, ties by id, so that a page never repeats or misses an entry.
    fn page<T>(
        mut self,
        db: &Connection,
        table: &str,
        age: &str,
        id: &str,
        page: Page,
        read: fn(&Row<'_>) -> Result<T>,
    ) -> Result<Option<Vec<T>>> {
        if let Some(after) = page.after {
            let column = age.rsplit('.').next().unwrap_or(age);
            let find = format!("SELECT {column} FROM {table} WHERE id = ?");
            let found = db
                .prepare_cached(&find)?
                .query_row([&after.as_bytes()[..]], |row| row.get::<_, i64>(0))
                .optional()?;
            let Some(time) = found else { return Ok(None) };
            self.only(&format!("({age}, {id}) < (?, ?)"), Some(time.into()));
            self.values.push(after.as_bytes().to_vec().into());
        }
        let Self { sql, values, .. } = self;
        let sql = format!("{sql} ORDER BY {age} DESC, {id} DESC LIMIT {}", page.limit);
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(values), read)?;
        rows.collect::<Result<Vec<_>>>().map(Some)
    }
}

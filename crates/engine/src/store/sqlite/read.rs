//! Queries of people and programs. Each runs in one snapshot.

use poltrona_domain::{
    Reservation, ReservationId, Sale, Seat, Session, SessionId, Timestamp, UserId,
};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Result, Row, params_from_iter};

use super::row;
use crate::store::held_as;
use crate::store::query::{Backlog, OutboxRow, Page};
use crate::text;

/// A user's reservations, newest first.
const RESERVATIONS: Order = Order { table: "reservations", age: "r.created_at", id: "r.id" };
/// A user's sales, newest first.
const SALES: Order = Order { table: "sales", age: "s.paid_at", id: "s.id" };

/// Adds the function that gives the folded form of a text to rows that lack it.
pub(super) fn add_functions(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("folded", 1, flags, |call| {
        Ok(text::folded(call.get_raw(0).as_str()?))
    })
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
    let sql = format!("SELECT {} FROM {} WHERE r.id = ?", held_as::RESERVATION, held_as::IN_SQLITE);
    db.prepare_cached(&sql)?.query_row([&id.as_uuid().as_bytes()[..]], row::reservation).optional()
}

/// A user's reservations, newest first; `None` when `page.after` names none.
pub(super) fn reservations_of(
    db: &Connection,
    user: &UserId,
    page: Page,
) -> Result<Option<Vec<Reservation>>> {
    let list = reservations(user).page(db, RESERVATIONS, page)?;
    list.map(|list| list.read(db, row::reservation)).transpose()
}

fn reservations(user: &UserId) -> List {
    let mut list =
        List::new(format!("SELECT {} FROM {}", held_as::RESERVATION, held_as::IN_SQLITE));
    list.only("r.user_id = ?", Some(user.as_str().to_owned().into()));
    list
}

/// A user's sales, newest first; `None` when `page.after` names none.
pub(super) fn sales_of(db: &Connection, user: &UserId, page: Page) -> Result<Option<Vec<Sale>>> {
    let list = sales(user).page(db, SALES, page)?;
    list.map(|list| list.read(db, row::sale)).transpose()
}

fn sales(user: &UserId) -> List {
    let mut list = List::new(
        "SELECT s.id, s.reservation_id, s.session_id, s.user_id, s.total_cents, s.movie, s.room,
                s.starts_at, s.paid_at, r.seat_nos
         FROM sales s JOIN reservations r ON r.id = s.reservation_id"
            .to_owned(),
    );
    list.only("s.user_id = ?", Some(user.as_str().to_owned().into()));
    list
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

/// Newest first, ties by id, so that a page never repeats or misses an entry.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) table: &'static str,
    /// The columns, as the list calls them.
    pub(super) age: &'static str,
    pub(super) id: &'static str,
}

/// A query whose conditions depend on what was asked.
pub(super) struct List {
    sql: String,
    values: Vec<Value>,
    word: &'static str,
}

impl List {
    pub(super) fn new(sql: String) -> Self {
        Self { sql, values: Vec::new(), word: " WHERE " }
    }

    pub(super) fn only(&mut self, condition: &str, value: Option<Value>) {
        self.sql.push_str(self.word);
        self.sql.push_str(condition);
        self.values.extend(value);
        self.word = " AND ";
    }

    pub(super) fn only_if(&mut self, condition: &str, value: Option<Value>) {
        if value.is_some() {
            self.only(condition, value);
        }
    }

    /// The query becomes a part of another, whose conditions come next.
    pub(super) fn within(&mut self, before: &str, after: &str) {
        self.sql = format!("{before}{}{after}", self.sql);
        self.word = " WHERE ";
    }

    /// A page of the list; `None` when `page.after` names no entry.
    pub(super) fn page(
        mut self,
        db: &Connection,
        order: Order,
        page: Page,
    ) -> Result<Option<Self>> {
        let Order { table, age, id } = order;
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
        self.first(order, page.limit);
        Ok(Some(self))
    }

    /// Orders the list, and limits its length.
    pub(super) fn first(&mut self, order: Order, limit: usize) {
        let Order { age, id, .. } = order;
        let sql = &self.sql;
        self.sql = format!("{sql} ORDER BY {age} DESC, {id} DESC");
        self.at_most(limit);
    }

    pub(super) fn at_most(&mut self, limit: usize) {
        self.sql.push_str(" LIMIT ?");
        self.values.push(limit.cast_signed().into());
    }

    pub(super) fn read<T>(
        self,
        db: &Connection,
        read: fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = db.prepare_cached(&self.sql)?;
        statement.query_map(params_from_iter(self.values), read)?.collect()
    }

    /// The steps of its plan.
    #[cfg(test)]
    pub(super) fn plan(mut self, db: &Connection) -> Vec<String> {
        self.within("EXPLAIN QUERY PLAN ", "");
        self.read(db, |row| row.get("detail")).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::env::clock::Clock;
    use crate::store::sqlite::migrate;

    #[test]
    fn a_users_pages_are_read_in_order_wherever_they_begin() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate::up(&mut db, &Clock::System).unwrap();
        let id = Uuid::from_u128(1);
        db.execute_batch(
            "INSERT INTO reservations (id, session_id, seat_nos, user_id, total_cents, status,
                                       created_at, expires_at)
             VALUES (x'00000000000000000000000000000001', x'', '', 'ana', 0, 'CONFIRMED', 0, 0);
             INSERT INTO sales SELECT id, id, x'', 'ana', 0, '', '', 0, 0 FROM reservations",
        )
        .unwrap();
        let ana = UserId::new("ana");
        let reservations = (
            reservations as fn(&UserId) -> List,
            RESERVATIONS,
            "r USING INDEX reservations_by_user",
        );
        let sales = (sales as fn(&UserId) -> List, SALES, "s USING INDEX sales_by_user");
        for (list, order, index) in [reservations, sales] {
            for (after, and) in [(None, String::new()), (Some(id), after(order))] {
                let page = Page { limit: 10, after };
                let plan = list(&ana).page(&db, order, page).unwrap().unwrap().plan(&db);
                assert_eq!(plan[0], format!("SEARCH {index} (user_id=?{and})"));
                let others = plan[1..].iter().all(|step| step.contains("USING PRIMARY KEY"));
                assert!(others, "{plan:?}");
            }
        }
    }

    fn after(Order { age, .. }: Order) -> String {
        let column = age.rsplit('.').next().unwrap();
        format!(" AND ({column},id)<(?,?)")
    }
}

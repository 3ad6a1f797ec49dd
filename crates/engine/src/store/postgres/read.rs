//! The text of queries, and lists whose conditions depend on what was asked.

use deadpool_postgres::GenericClient;
use poltrona_domain::{Seat, SessionId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::row;
use super::timeline::{self, LOG_FILE};
use crate::store::error::Error;
use crate::store::query::{Page, Revision};

/// The time that a statement came in, which is before its snapshot.
pub(super) const STATEMENT_TIME: &str =
    "floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint";

pub(super) const SALES: &str = "
    SELECT s.id, s.reservation_id, s.session_id, s.user_id, s.total_cents, s.movie, s.room,
           s.starts_at, s.paid_at, r.seat_nos
    FROM sales s JOIN reservations r ON r.id = s.reservation_id";

/// An open session in one row, the revision of its seats, and its seats as arrays: their numbers,
/// statuses, reservations, ends of holds and versions. The arrays are NULL, and the seats are not read
/// again, when the sum of their versions is `$2`.
pub(super) fn room() -> String {
    format!(
        "WITH v AS MATERIALIZED (SELECT sum(version)::bigint FROM seats WHERE session_id = $1)
         SELECT {STATEMENT_TIME}, {}, {LOG_FILE}, v.sum, t.* FROM sessions, v, LATERAL (
            SELECT array_agg(seat_no ORDER BY seat_no), array_agg(status ORDER BY seat_no),
                   array_agg(reservation_id ORDER BY seat_no), array_agg(hold_until ORDER BY seat_no),
                   array_agg(s.version ORDER BY seat_no)
            FROM seats s WHERE session_id = id AND v.sum IS DISTINCT FROM $2::bigint) t
         WHERE id = $1 AND closed_at IS NULL",
        row::SESSION
    )
}

/// The place of the log file's name in a row of [`room`].
const REVISION: usize = 11;
/// The place of the seats' numbers.
const FIRST: usize = REVISION + 2;

/// The revision of the seats in a row of [`room`]; `None` on a standby.
pub(super) fn revision(found: &Row) -> Result<Option<Revision>, Error> {
    let log_file: String = row::get(found, REVISION)?;
    let sum = row::get::<Option<i64>>(found, REVISION + 1)?.unwrap_or_default();
    Ok(timeline::of(&log_file).map(|timeline| Revision { timeline, sum }))
}

/// Whether a row of [`room`] came without its seats.
pub(super) fn is_without_seats(found: &Row) -> Result<bool, Error> {
    Ok(row::get::<Option<Vec<i16>>>(found, FIRST)?.is_none())
}

/// The seats of a row of [`room`]; `None` when it came without them.
pub(super) fn seats(session: SessionId, found: &Row) -> Result<Option<Vec<Seat>>, Error> {
    let Some(nos) = row::get::<Option<Vec<i16>>>(found, FIRST)? else { return Ok(None) };
    let statuses: Vec<String> = row::get(found, FIRST + 1)?;
    let by: Vec<Option<Uuid>> = row::get(found, FIRST + 2)?;
    let until: Vec<Option<i64>> = row::get(found, FIRST + 3)?;
    let versions: Vec<i64> = row::get(found, FIRST + 4)?;
    let seats = nos.into_iter().enumerate().map(|(place, no)| {
        let uneven = || Error::Driver("the database gave columns of different lengths".to_owned());
        let state = row::seat_state(
            statuses.get(place).ok_or_else(uneven)?,
            by.get(place).copied().flatten(),
            until.get(place).copied().flatten(),
        )?;
        let version = versions.get(place).copied().ok_or_else(uneven)?;
        Ok(Seat { id: session.seat(row::seat_no(no)?), state, version })
    });
    seats.collect::<Result<_, _>>().map(Some)
}

/// A user's reservations, newest first.
pub(super) const RESERVATIONS_OF: Order =
    Order { table: "reservations", age: "r.created_at", id: "r.id" };
/// A user's sales, newest first.
pub(super) const SALES_OF: Order = Order { table: "sales", age: "s.paid_at", id: "s.id" };

/// Newest first, ties by id, so that a page never repeats or misses an entry.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) table: &'static str,
    /// The columns, as the list calls them.
    pub(super) age: &'static str,
    pub(super) id: &'static str,
}

/// A parameter of a query.
pub(super) type Value = Box<dyn ToSql + Sync + Send>;

/// A query whose conditions depend on what was asked. A `?` stands for a condition's value.
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
        self.values.extend(value);
        self.sql.push_str(self.word);
        self.sql.push_str(&condition.replace('?', &format!("${}", self.values.len())));
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
    pub(super) async fn page(
        mut self,
        connection: &impl GenericClient,
        order: Order,
        page: Page,
    ) -> Result<Option<Self>, Error> {
        let Order { table, age, id } = order;
        if let Some(after) = page.after {
            let column = age.rsplit('.').next().unwrap_or(age);
            let find = format!("SELECT {column} FROM {table} WHERE id = $1");
            let find = connection.prepare_cached(&find).await?;
            let found = connection.query_opt(&find, &[&after]).await?;
            let Some(found) = found else { return Ok(None) };
            let (time, next) = (row::get::<i64>(&found, 0)?, self.values.len() + 1);
            self.values.push(Box::new(time));
            self.values.push(Box::new(after));
            self.only(&format!("({age}, {id}) < (${next}, ${})", next + 1), None);
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
        self.values.push(Box::new(count(limit)));
        self.sql = format!("{} LIMIT ${}", self.sql, self.values.len());
    }

    pub(super) async fn read(self, connection: &impl GenericClient) -> Result<Vec<Row>, Error> {
        let statement = connection.prepare_cached(&self.sql).await?;
        let values: Vec<_> = self.values.iter().map(|it| &**it as &(dyn ToSql + Sync)).collect();
        Ok(connection.query(&statement, &values).await?)
    }
}

/// How many rows at most, as a parameter.
pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

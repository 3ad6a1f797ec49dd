//! The text of queries, and lists whose conditions depend on what was asked.

use deadpool_postgres::Object;
use poltrona_domain::{Seat, SessionId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::row;
use crate::store::error::Error;
use crate::store::query::Page;

/// The time that a statement came in, which is before its snapshot.
pub(super) const STATEMENT_TIME: &str =
    "floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint";

pub(super) const SALES: &str = "
    SELECT s.id, s.reservation_id, s.session_id, s.user_id, s.total_cents, s.movie, s.room,
           s.starts_at, s.paid_at, r.seat_nos
    FROM sales s JOIN reservations r ON r.id = s.reservation_id";

/// An open session in one row, its seats as arrays: their numbers, statuses, reservations, ends of
/// holds and versions.
pub(super) fn room() -> String {
    format!(
        "SELECT {STATEMENT_TIME}, {}, t.* FROM sessions, LATERAL (
            SELECT array_agg(seat_no ORDER BY seat_no), array_agg(status ORDER BY seat_no),
                   array_agg(reservation_id ORDER BY seat_no), array_agg(hold_until ORDER BY seat_no),
                   array_agg(s.version ORDER BY seat_no)
            FROM seats s WHERE session_id = id) t
         WHERE id = $1 AND closed_at IS NULL",
        row::SESSION
    )
}

/// The seats of a row of [`room`].
pub(super) fn seats(session: SessionId, found: &Row) -> Result<Vec<Seat>, Error> {
    const FIRST: usize = 11;
    let nos: Vec<i16> = row::get(found, FIRST)?;
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
    seats.collect()
}

/// The condition that a column contains a text, which the caller has folded. A row without a folded column
/// is compared in lower case, by ICU: the database's own rules may know ASCII alone.
pub(super) fn contains(column: &str) -> String {
    format!("strpos(coalesce({column}_folded, lower({column} COLLATE \"und-x-icu\")), ?) > 0")
}

/// A query whose conditions depend on what was asked. A `?` stands for a condition's value.
pub(super) struct List {
    sql: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
    word: &'static str,
}

impl List {
    pub(super) fn new(sql: String) -> Self {
        Self { sql, values: Vec::new(), word: " WHERE " }
    }

    pub(super) fn only(&mut self, condition: &str, value: Option<Box<dyn ToSql + Sync + Send>>) {
        self.values.extend(value);
        self.sql.push_str(self.word);
        self.sql.push_str(&condition.replace('?', &format!("${}", self.values.len())));
        self.word = " AND ";
    }

    pub(super) fn only_if(&mut self, condition: &str, value: Option<Box<dyn ToSql + Sync + Send>>) {
        if value.is_some() {
            self.only(condition, value);
        }
    }

    /// Newest first, ties by id, so that a page never repeats or misses an entry; `None` when
    /// `page.after` is nothing that could be listed.
    pub(super) async fn page(
        mut self,
        connection: &Object,
        table: &str,
        age: &str,
        id: &str,
        page: Page,
    ) -> Result<Option<Vec<Row>>, Error> {
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
        self.values.push(Box::new(count(page.limit)));
        let Self { sql, values, .. } = self;
        let sql = format!("{sql} ORDER BY {age} DESC, {id} DESC LIMIT ${}", values.len());
        let statement = connection.prepare_cached(&sql).await?;
        let values: Vec<_> = values.iter().map(|it| &**it as &(dyn ToSql + Sync)).collect();
        Ok(Some(connection.query(&statement, &values).await?))
    }
}

/// How many rows at most, as a parameter.
pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

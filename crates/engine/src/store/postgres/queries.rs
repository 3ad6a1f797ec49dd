//! The queries of [`Readers`], each one statement and so one snapshot.

use std::time::Duration;

use poltrona_domain::{Reservation, ReservationId, Sale, Session, SessionId, Timestamp, UserId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::pool::Readers;
use super::read::{self, List, count};
use super::{open_error, row, search};
use crate::store::error::Error;
use crate::store::held_as;
use crate::store::query::{Backlog, OutboxRow, Page, Revision, Room, SessionFilter, Snapshot};

impl Readers {
    pub(in crate::store) async fn sessions(
        &self,
        filter: SessionFilter,
        page: Page,
    ) -> Result<Option<Vec<Session>>, Error> {
        // A search that matches many sessions reads from the newest on, which may take long.
        let searches = filter != SessionFilter::default();
        let _permit = if searches { Some(self.scan_permit().await?) } else { None };
        let mut connection = self.connection().await?;
        let rows = search::sessions(&mut connection, &filter, page).await?;
        rows.map(|rows| rows.iter().map(|it| row::session(it, 0)).collect()).transpose()
    }

    pub(in crate::store) async fn session(&self, id: SessionId) -> Result<Option<Session>, Error> {
        let sql = format!("SELECT {} FROM sessions WHERE id = $1", row::SESSION);
        let found = self.one(&sql, &[id.as_uuid()]).await?;
        found.map(|it| row::session(&it, 0)).transpose()
    }

    pub(in crate::store) async fn room(
        &self,
        id: SessionId,
        known: Option<Revision>,
    ) -> Result<Snapshot<Option<Room>>, Error> {
        let sum = known.map(|known| known.sum);
        let Some(found) = self.one(&read::room(), &[id.as_uuid(), &sum]).await? else {
            return Ok(Snapshot { rows: None, at: self.clock.now() });
        };
        let revision = read::revision(&found)?;
        if sum.is_some() && revision != known && read::is_without_seats(&found)? {
            // Another server's sum may be the same by chance.
            return Box::pin(self.room(id, None)).await;
        }
        let (session, seats) = (row::session(&found, 1)?, read::seats(id, &found)?);
        let at = self.time_of(&found)?;
        Ok(Snapshot { rows: Some(Room { session, seats, revision }), at })
    }

    pub(in crate::store) async fn reservation(
        &self,
        id: ReservationId,
    ) -> Result<Snapshot<Option<Reservation>>, Error> {
        let sql = format!(
            "SELECT {}, {} FROM {} WHERE r.id = $1",
            read::STATEMENT_TIME,
            held_as::RESERVATION,
            held_as::IN_POSTGRES
        );
        let Some(found) = self.one(&sql, &[id.as_uuid()]).await? else {
            return Ok(Snapshot { rows: None, at: self.clock.now() });
        };
        Ok(Snapshot { rows: Some(row::reservation(&found, 1)?), at: self.time_of(&found)? })
    }

    pub(in crate::store) async fn reservations_of(
        &self,
        user: UserId,
        page: Page,
    ) -> Result<Snapshot<Option<Vec<Reservation>>>, Error> {
        let columns = format!("{}, {}", read::STATEMENT_TIME, held_as::RESERVATION);
        let mut list = List::new(format!("SELECT {columns} FROM {}", held_as::IN_POSTGRES));
        list.only("r.user_id = ?", Some(Box::new(user.as_str().to_owned())));
        let connection = self.connection().await?;
        let list = list.page(&connection, read::RESERVATIONS_OF, page).await?;
        let Some(list) = list else { return Ok(Snapshot { rows: None, at: self.clock.now() }) };
        let rows = list.read(&connection).await?;
        let at = rows.first().map_or_else(|| Ok(self.clock.now()), |row| self.time_of(row))?;
        let rows = rows.iter().map(|it| row::reservation(it, 1)).collect::<Result<_, _>>()?;
        Ok(Snapshot { rows: Some(rows), at })
    }

    pub(in crate::store) async fn sales_of(
        &self,
        user: UserId,
        page: Page,
    ) -> Result<Option<Vec<Sale>>, Error> {
        let mut list = List::new(read::SALES.to_owned());
        list.only("s.user_id = ?", Some(Box::new(user.as_str().to_owned())));
        let connection = self.connection().await?;
        let list = list.page(&connection, read::SALES_OF, page).await?;
        let Some(list) = list else { return Ok(None) };
        list.read(&connection).await?.iter().map(row::sale).collect::<Result<_, _>>().map(Some)
    }

    pub(in crate::store) async fn pending(
        &self,
        after: (Timestamp, ReservationId),
        limit: usize,
    ) -> Result<Vec<(Timestamp, ReservationId)>, Error> {
        let rows = self
            .all(
                "SELECT expires_at, id FROM reservations
                 WHERE status = 'PENDING' AND (expires_at, id) > ($1, $2)
                 ORDER BY expires_at, id LIMIT $3",
                &[&after.0.as_millis(), after.1.as_uuid(), &count(limit)],
            )
            .await?;
        pending(&rows)
    }

    pub(in crate::store) async fn overdue(
        &self,
        by: Duration,
        limit: usize,
    ) -> Result<Vec<(Timestamp, ReservationId)>, Error> {
        let sql = format!(
            "SELECT expires_at, id FROM reservations
             WHERE status = 'PENDING' AND expires_at <= (SELECT {}) - $1
             ORDER BY expires_at, id LIMIT $2",
            row::NOW
        );
        pending(&self.all(&sql, &[&millis(by), &count(limit)]).await?)
    }

    pub(in crate::store) async fn outbox(
        &self,
        limit: usize,
        age: Duration,
    ) -> Result<Vec<OutboxRow>, Error> {
        let rows = self
            .all(
                &format!(
                    "SELECT id, created_at, events FROM outbox
                     WHERE $2::bigint = 0 OR created_at <= (SELECT {}) - $2 ORDER BY id LIMIT $1",
                    row::NOW
                ),
                &[&count(limit), &millis(age)],
            )
            .await?;
        let read = |it: &tokio_postgres::Row| {
            Ok(OutboxRow {
                id: row::get(it, 0)?,
                created_at: row::time(it, 1)?,
                events: row::get(it, 2)?,
            })
        };
        rows.iter().map(read).collect()
    }

    pub(in crate::store) async fn backlog(&self) -> Result<Backlog, Error> {
        let found = self.one("SELECT count(*), min(created_at) FROM outbox", &[]).await?;
        let Some(found) = found else { return Ok(Backlog::default()) };
        let oldest = row::get::<Option<i64>>(&found, 1)?.map(Timestamp::from_millis);
        Ok(Backlog { rows: row::get::<i64>(&found, 0)?.unsigned_abs(), oldest })
    }

    pub(in crate::store) async fn ping(&self) -> Result<(), Error> {
        let sql = "SELECT pg_is_in_recovery() FROM schema_migrations LIMIT 1";
        self.ping_by(async |connection| {
            let statement = connection.prepare_cached(sql).await?;
            let found = connection.query_opt(&statement, &[]).await?;
            match found.map(|row| row::get::<bool>(&row, 0)).transpose()? {
                Some(true) => Err(Error::Unavailable(open_error::STANDBY.to_owned())),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn one(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<tokio_postgres::Row>, Error> {
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql).await?;
        Ok(connection.query_opt(&statement, parameters).await?)
    }

    async fn all(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, Error> {
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql).await?;
        Ok(connection.query(&statement, parameters).await?)
    }

    /// The time by which a row's holds are to be read: its first column.
    fn time_of(&self, row: &tokio_postgres::Row) -> Result<Timestamp, Error> {
        Ok(self.clock.sync_to_server(row::time(row, 0)?))
    }
}

fn pending(rows: &[tokio_postgres::Row]) -> Result<Vec<(Timestamp, ReservationId)>, Error> {
    let pending = rows
        .iter()
        .map(|it| Ok((row::time(it, 0)?, ReservationId::from_uuid(row::get::<Uuid>(it, 1)?))));
    pending.collect()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

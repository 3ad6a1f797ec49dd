//! The queries of [`Readers`], each run in one snapshot on one of its connections.

use std::time::Duration;

use poltrona_domain::{Reservation, ReservationId, Sale, Session, SessionId, Timestamp, UserId};
use uuid::Uuid;

use super::readers::Readers;
use super::{read, search};
use crate::store::error::Error;
use crate::store::query::{Backlog, OutboxRow, Page, Revision, Room, SessionFilter, Snapshot};

/// Before every pending reservation.
const FIRST: (Timestamp, ReservationId) =
    (Timestamp::from_millis(i64::MIN), ReservationId::from_uuid(Uuid::nil()));

impl Readers {
    pub(in crate::store) async fn sessions(
        &self,
        filter: SessionFilter,
        page: Page,
    ) -> Result<Option<Vec<Session>>, Error> {
        // A search that matches many sessions reads from the newest on, which may take long.
        if filter == SessionFilter::default() {
            self.read(move |db| search::sessions(db, &filter, page)).await
        } else {
            self.scan(move |db| search::sessions(db, &filter, page)).await
        }
    }

    pub(in crate::store) async fn session(&self, id: SessionId) -> Result<Option<Session>, Error> {
        self.read(move |db| read::session(db, id)).await
    }

    pub(in crate::store) async fn room(
        &self,
        id: SessionId,
        _known: Option<Revision>,
    ) -> Result<Snapshot<Option<Room>>, Error> {
        let at = self.clock().now();
        let room = self.read(move |db| {
            let Some(session) = read::session(db, id)?.filter(Session::is_open) else {
                return Ok(None);
            };
            Ok(Some(Room { session, seats: Some(read::seats(db, id)?), revision: None }))
        });
        Ok(Snapshot { rows: room.await?, at })
    }

    pub(in crate::store) async fn reservation(
        &self,
        id: ReservationId,
    ) -> Result<Snapshot<Option<Reservation>>, Error> {
        let at = self.clock().now();
        Ok(Snapshot { rows: self.read(move |db| read::reservation(db, id)).await?, at })
    }

    pub(in crate::store) async fn reservations_of(
        &self,
        user: UserId,
        page: Page,
    ) -> Result<Snapshot<Option<Vec<Reservation>>>, Error> {
        let at = self.clock().now();
        let found = self.read(move |db| read::reservations_of(db, &user, page));
        Ok(Snapshot { rows: found.await?, at })
    }

    pub(in crate::store) async fn sales_of(
        &self,
        user: UserId,
        page: Page,
    ) -> Result<Option<Vec<Sale>>, Error> {
        self.read(move |db| read::sales_of(db, &user, page)).await
    }

    pub(in crate::store) async fn pending(
        &self,
        after: (Timestamp, ReservationId),
        limit: usize,
    ) -> Result<Vec<(Timestamp, ReservationId)>, Error> {
        self.read(move |db| read::pending(db, after, limit)).await
    }

    pub(in crate::store) async fn overdue(
        &self,
        by: Duration,
        limit: usize,
    ) -> Result<Vec<(Timestamp, ReservationId)>, Error> {
        let before = self.before(by);
        let pending = self.pending(FIRST, limit).await?;
        Ok(pending.into_iter().filter(|(expires_at, _)| *expires_at <= before).collect())
    }

    pub(in crate::store) async fn outbox(
        &self,
        limit: usize,
        age: Duration,
    ) -> Result<Vec<OutboxRow>, Error> {
        // Rows written before the clock was put back are due, too.
        let all = age.is_zero();
        let before = if all { Timestamp::from_millis(i64::MAX) } else { self.before(age) };
        self.read(move |db| read::outbox(db, limit, before)).await
    }

    pub(in crate::store) async fn backlog(&self) -> Result<Backlog, Error> {
        self.read(read::backlog).await
    }

    /// The time this long ago.
    fn before(&self, age: Duration) -> Timestamp {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.clock().now().as_millis().saturating_sub(age))
    }

    pub(in crate::store) async fn ping(&self) -> Result<(), Error> {
        self.read_to_ping(read::ping).await
    }
}

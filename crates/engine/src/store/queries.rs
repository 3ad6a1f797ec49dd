//! Queries of people and programs, for either store. Each is one snapshot.

use std::time::Duration;

use futures_util::future::BoxFuture;
use poltrona_domain::{
    Actor, Reservation, ReservationId, Sale, Session, SessionId, Timestamp, UserId,
};

use super::error::Error;
use super::opened::Store;
use super::query::{Backlog, OutboxRow, Page, Revision, Room, SessionFilter, Snapshot};
use crate::observe::traces::Span;

/// The answer to a query, once it is there.
type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Passes a query on to the chosen store.
macro_rules! ask {
    ($store:expr, $query:ident($($argument:expr),*)) => {{
        let span = Span::child("store.read");
        span.set("db.operation.name", stringify!($query));
        let answer = span.around(async {
            match $store {
                Store::Sqlite { readers } => readers.$query($($argument),*).await,
                Store::Postgres { readers, .. } => {
                    readers.in_time(readers.$query($($argument),*)).await
                }
            }
        });
        answer.await.inspect_err(|error| span.fail(error))
    }};
}

impl Store {
    /// Open sessions, newest first; `None` when `page.after` names no session.
    pub fn sessions(&self, filter: SessionFilter, page: Page) -> Answer<'_, Option<Vec<Session>>> {
        Box::pin(async move { ask!(self, sessions(filter, page)) })
    }

    /// A session by its id, whether or not it is closed.
    pub fn session(&self, id: SessionId) -> Answer<'_, Option<Session>> {
        Box::pin(async move { ask!(self, session(id)) })
    }

    /// An open session and its seats. A server need not send the seats of the revision that is
    /// `known`.
    pub fn room(
        &self,
        id: SessionId,
        known: Option<Revision>,
    ) -> Answer<'_, Snapshot<Option<Room>>> {
        Box::pin(async move { ask!(self, room(id, known)) })
    }

    /// A reservation, if it exists within the actor's reach.
    pub fn reservation<'a>(
        &'a self,
        actor: &'a Actor,
        id: ReservationId,
    ) -> Answer<'a, Snapshot<Option<Reservation>>> {
        Box::pin(async move {
            let found: Snapshot<Option<Reservation>> = ask!(self, reservation(id))?;
            Ok(found.map(|rows| rows.filter(|it| actor.reaches(&it.user))))
        })
    }

    /// A user's reservations, newest first; `None` when `page.after` names none. A user out of the
    /// actor's reach has none.
    pub fn reservations_of<'a>(
        &'a self,
        actor: &'a Actor,
        user: UserId,
        page: Page,
    ) -> Answer<'a, Snapshot<Option<Vec<Reservation>>>> {
        Box::pin(async move {
            let is_in_reach = actor.reaches(&user);
            let found: Snapshot<Option<Vec<Reservation>>> =
                ask!(self, reservations_of(user, page))?;
            Ok(found.map(|rows| rows.map(|rows| if is_in_reach { rows } else { Vec::new() })))
        })
    }

    /// A user's sales, newest first; `None` when `page.after` names none. A user out of the actor's
    /// reach has none.
    pub fn sales_of<'a>(
        &'a self,
        actor: &'a Actor,
        user: UserId,
        page: Page,
    ) -> Answer<'a, Option<Vec<Sale>>> {
        Box::pin(async move {
            let is_in_reach = actor.reaches(&user);
            let found: Option<Vec<Sale>> = ask!(self, sales_of(user, page))?;
            Ok(found.map(|rows| if is_in_reach { rows } else { Vec::new() }))
        })
    }

    /// Pending reservations and when they lapse, soonest first, beginning after `after`.
    pub async fn pending(
        &self,
        after: (Timestamp, ReservationId),
        limit: usize,
    ) -> Result<Vec<(Timestamp, ReservationId)>, Error> {
        ask!(self, pending(after, limit))
    }

    /// Reservations that lapsed this long ago or longer, and are still pending.
    pub async fn overdue(
        &self,
        by: Duration,
        limit: usize,
    ) -> Result<Vec<(Timestamp, ReservationId)>, Error> {
        ask!(self, overdue(by, limit))
    }

    /// The oldest rows of the outbox, of those that are at least this old; with no age, of all of
    /// them, even if the clock was put back.
    pub async fn outbox(&self, limit: usize, age: Duration) -> Result<Vec<OutboxRow>, Error> {
        ask!(self, outbox(limit, age))
    }

    /// The backlog of the outbox.
    pub fn backlog(&self) -> Answer<'_, Backlog> {
        Box::pin(async move { ask!(self, backlog()) })
    }

    /// Whether the store answers at all.
    pub fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async move { ask!(self, ping()) })
    }
}

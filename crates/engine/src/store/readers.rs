//! Queries: what people and programs look at, whichever store there is. Each is one snapshot.

use std::time::Duration;

use poltrona_domain::{
    Reservation, ReservationId, Sale, Seat, Session, SessionId, Timestamp, UserId,
};

use super::query::{Backlog, OutboxRow, Page, Seen, SessionFilter};
use super::{Error, postgres, sqlite};
use crate::observe::traces::Span;

/// The way to look at anything. Cheap to clone.
#[derive(Clone)]
pub enum Readers {
    /// A few connections to the file.
    Sqlite(sqlite::Readers),
    /// A pool of connections to the server.
    Postgres(postgres::Readers),
}

/// Hands a query on to the store that there is.
macro_rules! ask {
    ($readers:expr, $query:ident($($argument:expr),*)) => {{
        let span = Span::child("store.read");
        span.set("db.operation.name", stringify!($query));
        let answer = span.around(async {
            match $readers {
                Readers::Sqlite(readers) => readers.$query($($argument),*).await,
                Readers::Postgres(readers) => readers.$query($($argument),*).await,
            }
        });
        answer.await.inspect_err(|error| span.fail(error))
    }};
}

impl Readers {
    /// Open sessions, newest first; `None` when `page.after` names no session.
    pub async fn sessions(
        &self,
        filter: SessionFilter,
        page: Page,
    ) -> Result<Option<Vec<Session>>, Error> {
        ask!(self, sessions(filter, page))
    }

    /// A session by its id, whether or not it is closed.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, Error> {
        ask!(self, session(id))
    }

    /// An open session and its seats in their order.
    pub async fn room(&self, id: SessionId) -> Result<Seen<Option<(Session, Vec<Seat>)>>, Error> {
        ask!(self, room(id))
    }

    /// A reservation.
    pub async fn reservation(&self, id: ReservationId) -> Result<Seen<Option<Reservation>>, Error> {
        ask!(self, reservation(id))
    }

    /// A user's reservations, newest first; `None` when `page.after` names none.
    pub async fn reservations_of(
        &self,
        user: UserId,
        page: Page,
    ) -> Result<Seen<Option<Vec<Reservation>>>, Error> {
        ask!(self, reservations_of(user, page))
    }

    /// A user's sales, newest first; `None` when `page.after` names none.
    pub async fn sales_of(&self, user: UserId, page: Page) -> Result<Option<Vec<Sale>>, Error> {
        ask!(self, sales_of(user, page))
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

    /// The oldest rows of the outbox, of those that are at least this old; with no age, of all of them,
    /// whatever the clock says.
    pub async fn outbox(&self, limit: usize, age: Duration) -> Result<Vec<OutboxRow>, Error> {
        ask!(self, outbox(limit, age))
    }

    /// What waits in the outbox.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        ask!(self, backlog())
    }

    /// Whether the store answers at all.
    pub async fn ping(&self) -> Result<(), Error> {
        ask!(self, ping())
    }
}

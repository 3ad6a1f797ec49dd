//! The changes of a batch, written down: each row once, and only over what was read.
//!
//! The writes and the COMMIT are sent together.

use poltrona_domain::{
    ChangedSeat, ChangedSession, Layout, Reservation, ReservationStatus, Sale, Seat, SeatState,
    Session, Timestamp,
};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::fault;
use super::row::number;
use super::save_sql::{self, Filled, SaveStatements};
use crate::event::EventBatch;
use crate::store::answer::{NewAnswer, answers_since};
use crate::store::batch::BatchWrites;
use crate::store::error::Error;
use crate::text;
use crate::wire::reservation_status;

type Parameter = Box<dyn ToSql + Sync + Send>;
type Parameters = Vec<Parameter>;

/// Writes everything and commits, in one flush.
pub(super) async fn run(
    client: &Client,
    statements: &mut SaveStatements,
    batch: &BatchWrites,
) -> Result<(), Error> {
    let parts = parts(batch);
    let names: Vec<_> = parts.iter().map(|(part, _)| *part).collect();
    let statement =
        statements.statement(client, &names).await.map_err(|error| fault::of(&error))?;
    let parameters = parts.iter().flat_map(|(_, parameters)| parameters);
    let parameters: Vec<_> = parameters.map(|it| &**it as &(dyn ToSql + Sync)).collect();
    // Both are sent when they are first polled, in this order. When the writes fail, so does the
    // transaction, and COMMIT is answered as the ROLLBACK that it then is; when all went well it can only be a
    // commit.
    let (written, committed) = futures_util::join!(
        client.execute(&statement, &parameters),
        client.batch_execute("COMMIT")
    );
    match (written, committed) {
        (Ok(_), Ok(())) => Ok(()),
        // The server reported a write that failed: nothing was committed. After a connection that
        // broke during COMMIT the outcome is unknown.
        (Err(error), _) if error.code().is_some() => Err(fault::of(&error)),
        (Err(error), _) | (Ok(_), Err(error)) => Err(fault::of_commit(&error)),
    }
}

/// The parts of the statement that a batch needs, with their parameters.
fn parts(batch: &BatchWrites) -> Vec<Filled<Parameter>> {
    let changes = batch.changes();
    let BatchWrites { events, answers, now, .. } = batch;
    let all = [
        (&save_sql::INSERT_SESSIONS, insert_sessions(&changes.new_sessions)),
        (&save_sql::UPDATE_SESSIONS, update_sessions(&changes.changed_sessions)),
        (&save_sql::INSERT_PAST_SESSIONS, insert_past_sessions(&changes.past_sessions)),
        (&save_sql::INSERT_SEATS, insert_seats(&changes.new_seats)),
        (&save_sql::UPDATE_SEATS, update_seats(&changes.changed_seats)),
        (&save_sql::INSERT_RESERVATIONS, insert_reservations(&changes.new_reservations)),
        (&save_sql::UPDATE_RESERVATIONS, update_reservations(&changes.changed_reservations)),
        (&save_sql::INSERT_SALES, insert_sales(&changes.new_sales)),
        (&save_sql::INSERT_SALE_SEATS, insert_sale_seats(&changes.new_sales)),
        (&save_sql::INSERT_OUTBOX, events.as_deref().map(outbox)),
        (&save_sql::INSERT_ANSWERS, insert_answers(answers, *now)),
    ];
    all.into_iter().filter_map(|(part, parameters)| Some((part, parameters?))).collect()
}

/// A column of rows, as an array.
fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Parameter
where
    Vec<T>: ToSql + Sync + Send + 'static,
{
    Box::new(rows.iter().map(value).collect::<Vec<_>>())
}

fn insert_sessions(rows: &[&Session]) -> Option<Parameters> {
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| *it.id.as_uuid()),
            column(rows, |it| it.movie.clone()),
            column(rows, |it| it.room.clone()),
            column(rows, |it| it.starts_at.as_millis()),
            column(rows, |it| it.price.get()),
            column(rows, |it| it.layout.to_string()),
            column(rows, |it| it.created_at.as_millis()),
            column(rows, |it| it.closed_at.map(Timestamp::as_millis)),
            column(rows, |it| i64::from(it.version)),
            column(rows, |it| it.changed_at.as_millis()),
            column(rows, |it| text::folded(&it.movie)),
            column(rows, |it| text::folded(&it.room)),
        ]
    })
}

fn update_sessions(rows: &[ChangedSession<'_>]) -> Option<Parameters> {
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| *it.session.id.as_uuid()),
            column(rows, |it| it.session.movie.clone()),
            column(rows, |it| it.session.room.clone()),
            column(rows, |it| it.session.starts_at.as_millis()),
            column(rows, |it| it.session.price.get()),
            column(rows, |it| it.session.closed_at.map(Timestamp::as_millis)),
            column(rows, |it| i64::from(it.session.version)),
            column(rows, |it| it.session.changed_at.as_millis()),
            column(rows, |it| text::folded(&it.session.movie)),
            column(rows, |it| text::folded(&it.session.room)),
            column(rows, |it| i64::from(it.read_version)),
        ]
    })
}

fn insert_past_sessions(rows: &[&Session]) -> Option<Parameters> {
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| *it.id.as_uuid()),
            column(rows, |it| i64::from(it.version)),
            column(rows, |it| it.movie.clone()),
            column(rows, |it| it.room.clone()),
            column(rows, |it| it.starts_at.as_millis()),
            column(rows, |it| it.price.get()),
        ]
    })
}

fn insert_seats(rows: &[&Seat]) -> Option<Parameters> {
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| *it.id.session().as_uuid()),
            column(rows, |it| number(it.id.no())),
            column(rows, |it| Layout::label(it.id.no())),
            column(rows, |it| it.version),
        ]
    })
}

fn update_seats(rows: &[ChangedSeat<'_>]) -> Option<Parameters> {
    let by = |seat: &Seat| match &seat.state {
        SeatState::Available => None,
        SeatState::Held { by, .. } | SeatState::Sold { by } => Some(*by.as_uuid()),
    };
    let until = |seat: &Seat| match &seat.state {
        SeatState::Held { until, .. } => Some(until.as_millis()),
        SeatState::Available | SeatState::Sold { .. } => None,
    };
    let status = |seat: &Seat| match &seat.state {
        SeatState::Available => "AVAILABLE",
        SeatState::Held { .. } => "RESERVED",
        SeatState::Sold { .. } => "SOLD",
    };
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| *it.seat.id.session().as_uuid()),
            column(rows, |it| number(it.seat.id.no())),
            column(rows, |it| status(it.seat)),
            column(rows, |it| by(it.seat)),
            column(rows, |it| until(it.seat)),
            column(rows, |it| it.seat.version),
            column(rows, |it| it.read_version),
        ]
    })
}

fn insert_reservations(rows: &[&Reservation]) -> Option<Parameters> {
    let seat_nos = |it: &Reservation| {
        it.seats.iter().map(|no| no.get().to_string()).collect::<Vec<_>>().join(",")
    };
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| *it.id.as_uuid()),
            column(rows, |it| *it.session.as_uuid()),
            column(rows, |it| seat_nos(it)),
            column(rows, |it| it.user.as_str().to_owned()),
            column(rows, |it| it.total.get()),
            column(rows, |it| reservation_status(it.status)),
            column(rows, |it| it.created_at.as_millis()),
            column(rows, |it| it.expires_at.as_millis()),
            column(rows, |it| i16::from(it.extensions)),
            column(rows, |it| i64::from(it.showing.version)),
        ]
    })
}

fn update_reservations(rows: &[&Reservation]) -> Option<Parameters> {
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| *it.id.as_uuid()),
            column(rows, |it| reservation_status(it.status)),
            column(rows, |it| it.expires_at.as_millis()),
            column(rows, |it| i16::from(it.extensions)),
            column(rows, |_| reservation_status(ReservationStatus::Pending)),
        ]
    })
}

fn insert_sales(rows: &[&Sale]) -> Option<Parameters> {
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| *it.id.as_uuid()),
            column(rows, |it| *it.reservation.as_uuid()),
            column(rows, |it| *it.session.as_uuid()),
            column(rows, |it| it.user.as_str().to_owned()),
            column(rows, |it| it.total.get()),
            column(rows, |it| it.movie.clone()),
            column(rows, |it| it.room.clone()),
            column(rows, |it| it.starts_at.as_millis()),
            column(rows, |it| it.paid_at.as_millis()),
        ]
    })
}

fn insert_sale_seats(sales: &[&Sale]) -> Option<Parameters> {
    let rows: Vec<_> =
        sales.iter().flat_map(|sale| sale.seats.iter().map(move |no| (*sale, *no))).collect();
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(&rows, |(sale, _)| *sale.session.as_uuid()),
            column(&rows, |(_, no)| number(*no)),
            column(&rows, |(sale, _)| *sale.id.as_uuid()),
            column(&rows, |(sale, _)| sale.seat_price().get()),
        ]
    })
}

fn outbox(batch: &EventBatch) -> Parameters {
    let events = batch.json().to_owned();
    vec![Box::new(batch.id), Box::new(events), Box::new(batch.created_at.as_millis())]
}

fn insert_answers(rows: &[NewAnswer], now: Timestamp) -> Option<Parameters> {
    let status = |it: &NewAnswer| i16::try_from(it.stored.answer.status).unwrap_or(i16::MAX);
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| it.caller.clone()),
            column(rows, |it| it.key.clone()),
            column(rows, |it| it.stored.fingerprint.to_vec()),
            column(rows, status),
            column(rows, |it| it.stored.answer.location.clone()),
            column(rows, |it| it.stored.answer.body.to_vec()),
            Box::new(now.as_millis()),
            Box::new(answers_since(now).as_millis()),
        ]
    })
}

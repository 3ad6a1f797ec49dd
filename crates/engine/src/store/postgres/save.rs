//! What a batch changed, written down: each row once, and only over what was read.
//!
//! The writes and the COMMIT are sent together, so each statement itself fails the transaction unless
//! it changed exactly the rows that it was meant to (`expect_rows`, `expect_first`).

use futures_util::future::try_join_all;
use poltrona_domain::{Facts, Layout, Reservation, Sale, Seat, SeatState, Session, Timestamp};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::session::Statements;
use super::{fault, load::number};
use crate::ledger::NewAnswer;
use crate::store::Error;
use crate::store::batch::{Changes, Loaded};
use crate::store::query::OutboxRow;
use crate::wire::reservation_status;

pub(super) const INSERT_SESSIONS: &str = "
    INSERT INTO sessions (id, movie, room, starts_at, price_cents, layout, created_at, closed_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[],
                         $7::bigint[], $8::bigint[])";

pub(super) const UPDATE_SESSIONS: &str = "
    WITH changed AS (
        UPDATE sessions s SET movie = n.movie, room = n.room, starts_at = n.starts_at,
            price_cents = n.price_cents, closed_at = n.closed_at
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
            AS n(id, movie, room, starts_at, price_cents, closed_at)
        WHERE s.id = n.id AND s.closed_at IS NULL RETURNING 1)
    SELECT expect_rows('update sessions', (SELECT count(*) FROM changed), cardinality($1::uuid[]))";

pub(super) const INSERT_SEATS: &str = "
    INSERT INTO seats (session_id, seat_no, label, status, version)
    SELECT session_id, seat_no, label, 'AVAILABLE', version
    FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[])
        AS n(session_id, seat_no, label, version)";

pub(super) const UPDATE_SEATS: &str = "
    WITH changed AS (
        UPDATE seats s SET status = n.status, reservation_id = n.reservation_id,
            hold_until = n.hold_until, version = n.version
        FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::uuid[], $5::bigint[], $6::bigint[],
                    $7::bigint[])
            AS n(session_id, seat_no, status, reservation_id, hold_until, version, read)
        WHERE s.session_id = n.session_id AND s.seat_no = n.seat_no AND s.version = n.read
        RETURNING 1)
    SELECT expect_rows('update seats', (SELECT count(*) FROM changed), cardinality($1::uuid[]))";

pub(super) const INSERT_RESERVATIONS: &str = "
    INSERT INTO reservations (id, session_id, seat_nos, user_id, total_cents, status, created_at,
                              expires_at, extensions)
    SELECT id, session_id, string_to_array(seat_nos, ',')::smallint[], user_id, total_cents, status,
           created_at, expires_at, extensions
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[],
                $7::bigint[], $8::bigint[], $9::smallint[])
        AS n(id, session_id, seat_nos, user_id, total_cents, status, created_at, expires_at, extensions)";

/// Only a pending reservation ever changes, so that is what the guard asks for.
pub(super) const UPDATE_RESERVATIONS: &str = "
    WITH changed AS (
        UPDATE reservations r SET status = n.status, expires_at = n.expires_at,
            extensions = n.extensions
        FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::smallint[])
            AS n(id, status, expires_at, extensions)
        WHERE r.id = n.id AND r.status = 'PENDING' RETURNING 1)
    SELECT expect_rows('update reservations', (SELECT count(*) FROM changed),
                       cardinality($1::uuid[]))";

pub(super) const INSERT_SALES: &str = "
    INSERT INTO sales (id, reservation_id, session_id, user_id, total_cents, movie, room, starts_at,
                       paid_at)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[],
                         $7::text[], $8::bigint[], $9::bigint[])";

pub(super) const INSERT_SALE_SEATS: &str = "
    INSERT INTO sale_seats (session_id, seat_no, sale_id, price_cents)
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::bigint[])";

pub(super) const INSERT_OUTBOX: &str =
    "INSERT INTO outbox (id, events, created_at) VALUES ($1, $2, $3)";

/// In the order of their keys, so that two batches never wait for each other. An answer that is too old
/// to count is replaced; one that another instance has just written is not, and the batch runs again.
pub(super) const INSERT_ANSWERS: &str = "
    WITH kept AS (
        INSERT INTO idempotency AS i (caller, key, fingerprint, status, location, answer, created_at)
        SELECT caller, key, fingerprint, status, location, answer, $7::bigint
        FROM unnest($1::text[], $2::text[], $3::bytea[], $4::smallint[], $5::text[], $6::bytea[])
            AS n(caller, key, fingerprint, status, location, answer)
        ORDER BY caller, key
        ON CONFLICT (caller, key) DO UPDATE SET fingerprint = excluded.fingerprint,
            status = excluded.status, location = excluded.location, answer = excluded.answer,
            created_at = excluded.created_at
        WHERE i.created_at < $8::bigint
        RETURNING 1)
    SELECT expect_first('keep answers', (SELECT count(*) FROM kept), cardinality($1::text[]))";

type Parameters = Vec<Box<dyn ToSql + Sync + Send>>;

/// Writes everything and commits, in one flush.
pub(super) async fn run(
    client: &Client,
    statements: &Statements,
    changes: &Changes,
) -> Result<(), Error> {
    let mut writes = vec![];
    let mut write = |statement, parameters: Option<Parameters>| {
        writes.extend(parameters.map(|parameters| (statement, parameters)));
    };
    let Changes { before, after, events, answers, now } = changes;
    let (new, old) = sessions(before, after);
    write(&statements.insert_sessions, insert_sessions(&new));
    write(&statements.update_sessions, update_sessions(&old));
    let (new, old) = seats(before, after);
    write(&statements.insert_seats, insert_seats(&new));
    write(&statements.update_seats, update_seats(&old));
    let (new, old) = reservations(before, after);
    write(&statements.insert_reservations, insert_reservations(&new));
    write(&statements.update_reservations, update_reservations(&old));
    let sales: Vec<_> = after.sales.values().collect();
    write(&statements.insert_sales, insert_sales(&sales));
    write(&statements.insert_sale_seats, insert_sale_seats(&sales));
    write(&statements.insert_outbox, events.as_ref().map(outbox));
    write(&statements.insert_answers, insert_answers(answers, *now));
    let sent = writes.iter().map(|(statement, parameters)| async move {
        let parameters: Vec<_> = parameters.iter().map(|it| &**it as &(dyn ToSql + Sync)).collect();
        client.execute(*statement, &parameters).await
    });
    // Everything is sent when it is first polled, in this order, and COMMIT after all of it. When a
    // write fails, so does the transaction, and COMMIT is answered as the ROLLBACK that it then is;
    // when all went well it can only be a commit.
    let (written, committed) =
        futures_util::join!(try_join_all(sent), client.batch_execute("COMMIT"));
    match (written, committed) {
        (Ok(_), Ok(())) => Ok(()),
        // The server said what was wrong with a write: nothing was committed. A connection that broke
        // while COMMIT was on its way tells nothing.
        (Err(error), _) if error.code().is_some() => Err(fault::of(&error)),
        (Err(error), _) | (Ok(_), Err(error)) => Err(fault::of_commit(&error)),
    }
}

fn sessions<'a>(before: &Facts, after: &'a Facts) -> (Vec<&'a Session>, Vec<&'a Session>) {
    let changed = after.sessions.values().filter(|it| before.sessions.get(&it.id) != Some(it));
    changed.partition(|it| !before.sessions.contains_key(&it.id))
}

type ChangedSeat<'a> = (&'a Seat, i64);

/// New seats, and changed ones with the version that was read; in key order, so that neighbours are
/// written together.
fn seats<'a>(before: &Facts, after: &'a Facts) -> (Vec<&'a Seat>, Vec<ChangedSeat<'a>>) {
    let mut all: Vec<_> = after.seats.values().collect();
    all.sort_unstable_by_key(|seat| seat.id);
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for seat in all {
        match before.seats.get(&seat.id) {
            None => new.push(seat),
            Some(old) if old != seat => changed.push((seat, old.version)),
            Some(_) => {}
        }
    }
    (new, changed)
}

fn reservations<'a>(
    before: &Facts,
    after: &'a Facts,
) -> (Vec<&'a Reservation>, Vec<&'a Reservation>) {
    let known = &before.reservations;
    let changed = after.reservations.values().filter(|it| known.get(&it.id) != Some(it));
    changed.partition(|it| !known.contains_key(&it.id))
}

/// A column of rows, as an array.
fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Box<dyn ToSql + Sync + Send>
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
        ]
    })
}

fn update_sessions(rows: &[&Session]) -> Option<Parameters> {
    (!rows.is_empty()).then(|| -> Parameters {
        vec![
            column(rows, |it| *it.id.as_uuid()),
            column(rows, |it| it.movie.clone()),
            column(rows, |it| it.room.clone()),
            column(rows, |it| it.starts_at.as_millis()),
            column(rows, |it| it.price.get()),
            column(rows, |it| it.closed_at.map(Timestamp::as_millis)),
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
            column(rows, |(it, _)| *it.id.session().as_uuid()),
            column(rows, |(it, _)| number(it.id.no())),
            column(rows, |(it, _)| status(it)),
            column(rows, |(it, _)| by(it)),
            column(rows, |(it, _)| until(it)),
            column(rows, |(it, _)| it.version),
            column(rows, |(_, read)| *read),
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

fn outbox(row: &OutboxRow) -> Parameters {
    vec![Box::new(row.id), Box::new(row.events.clone()), Box::new(row.created_at.as_millis())]
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
            Box::new(Loaded::answers_since(now).as_millis()),
        ]
    })
}

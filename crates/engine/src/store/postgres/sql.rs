//! The statements of a batch: what it locks, loads and writes.
//!
//! The seats are locked and read by one statement, in the order of their key, so that two batches
//! can never wait for each other. After a wait PostgreSQL gives the seat's new row, but the list of
//! wanted seats (those of a reservation, say) was read before it. So everything else is read by
//! later statements of the same transaction, each with a snapshot of its own.
//!
//! Each write itself fails the transaction unless it changed exactly the rows that it was meant to
//! (`expect_rows`, `expect_first`), for it is sent together with the COMMIT.

use super::row;
use crate::store::held_as;

/// Forgets how statements were planned, but not the statements.
pub(super) const PLAN_ANEW: &str = "DISCARD PLANS;";
/// Makes a transaction give up on a lock almost at once.
pub(super) const SHORT_LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '20ms';";

/// Which seats a batch needs: those named, those of reservations, and those of whole sessions.
const SEATS_OF_A_BATCH: &str = "
    SELECT session_id, seat_no FROM unnest($1::uuid[], $2::smallint[]) AS named(session_id, seat_no)
    UNION
    SELECT r.session_id, no FROM reservations r CROSS JOIN unnest(r.seat_nos) AS no WHERE r.id = ANY($3)
    UNION
    SELECT session_id, seat_no FROM seats WHERE session_id = ANY($4)";

/// The user of the reservation that holds a seat. One that came while the statement waited for the seat
/// is not seen, and counts as somebody else's.
const HOLDER: &str = "CASE s.status WHEN 'RESERVED' THEN
    (SELECT r.user_id FROM reservations r WHERE r.id = s.reservation_id) END";

pub(super) fn lock_seats() -> String {
    format!(
        "SELECT {}, {HOLDER} FROM seats s JOIN ({SEATS_OF_A_BATCH}) w USING (session_id, seat_no)
         ORDER BY s.session_id, s.seat_no FOR UPDATE OF s",
        row::SEAT
    )
}

/// Sessions come before seats in the order of waiting.
pub(super) const LOCK_SESSIONS: &str =
    "SELECT 1 FROM sessions WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE";

/// Read after every lock was taken: after a wait the transaction's own time is too old.
pub(super) fn clock() -> String {
    format!("SELECT {}", row::NOW)
}

pub(super) fn sessions() -> String {
    format!(
        "SELECT {} FROM sessions WHERE id IN
            (SELECT unnest($1::uuid[]) UNION SELECT session_id FROM reservations WHERE id = ANY($2))",
        row::SESSION
    )
}

pub(super) fn reservations() -> String {
    format!(
        "SELECT {} FROM {} WHERE r.id = ANY($1::uuid[])",
        held_as::RESERVATION,
        held_as::RESERVATIONS
    )
}

pub(super) const ANSWERS_OF_CALLERS: &str = "
    SELECT i.caller, i.key, i.fingerprint, i.status, i.location, i.answer, i.created_at
    FROM unnest($1::text[], $2::text[]) AS w(caller, key) JOIN idempotency i USING (caller, key)";

pub(super) const ANSWERS_OF_RESERVATIONS: &str = "
    SELECT i.caller, i.key, i.fingerprint, i.status, i.location, i.answer, i.created_at
    FROM unnest($1::uuid[], $2::text[]) AS w(id, key) JOIN reservations r ON r.id = w.id
        JOIN idempotency i ON i.caller = r.user_id AND i.key = w.key";

pub(super) const INSERT_SESSIONS: &str = "
    INSERT INTO sessions (id, movie, room, starts_at, price_cents, layout, created_at, closed_at,
                          version, changed_at, movie_folded, room_folded)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[],
                         $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[],
                         $12::text[])";

pub(super) const INSERT_PAST_SESSIONS: &str = "
    INSERT INTO session_versions (session_id, version, movie, room, starts_at, price_cents)
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bigint[],
                         $6::bigint[])";

pub(super) const UPDATE_SESSIONS: &str = "
    WITH changed AS (
        UPDATE sessions s SET movie = n.movie, room = n.room, starts_at = n.starts_at,
            price_cents = n.price_cents, closed_at = n.closed_at, version = n.version,
            changed_at = n.changed_at, movie_folded = n.movie_folded, room_folded = n.room_folded
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                    $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::bigint[])
            AS n(id, movie, room, starts_at, price_cents, closed_at, version, changed_at,
                 movie_folded, room_folded, read)
        WHERE s.id = n.id AND s.version = n.read AND s.closed_at IS NULL RETURNING 1)
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
                              expires_at, extensions, session_version)
    SELECT id, session_id, string_to_array(seat_nos, ',')::smallint[], user_id, total_cents, status,
           created_at, expires_at, extensions, session_version
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[],
                $7::bigint[], $8::bigint[], $9::smallint[], $10::bigint[])
        AS n(id, session_id, seat_nos, user_id, total_cents, status, created_at, expires_at, extensions,
             session_version)";

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

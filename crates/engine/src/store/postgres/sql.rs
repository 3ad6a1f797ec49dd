//! The statements of a batch: what it locks and loads.
//!
//! The seats are locked and read by one statement, in the order of their key, so that two batches
//! can never wait for each other. After a wait PostgreSQL gives the seat's new row, but the list of
//! wanted seats (those of a reservation, say) was read before it. So everything else is read by
//! later statements of the same transaction, each with a snapshot of its own.

use super::row;
use crate::store::held_as;

/// Forgets how statements were planned, but not the statements.
pub(super) const PLAN_ANEW: &str = "DISCARD PLANS;";
/// Makes a transaction give up on a lock almost at once.
pub(super) const SHORT_LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '20ms';";

/// Which seats a batch needs: those named, those of reservations, and those of whole sessions. One may come twice;
/// to leave that out would cost more than half of the statement.
const SEATS_OF_A_BATCH: &str = "
    SELECT session_id, seat_no FROM unnest($1::uuid[], $2::smallint[]) AS named(session_id, seat_no)
    UNION ALL
    SELECT r.session_id, no FROM reservations r CROSS JOIN unnest(r.seat_nos) AS no WHERE r.id = ANY($3)
    UNION ALL
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

/// The sessions of a batch, and first of all the time, in one row even if there is no session. It is read after
/// every lock was taken: after a wait the transaction's own time is too old.
pub(super) fn time_and_sessions() -> String {
    format!(
        "SELECT t.at, {} FROM (SELECT {} AS at) t LEFT JOIN sessions s ON s.id = ANY(ARRAY(
            SELECT unnest($1::uuid[]) UNION SELECT session_id FROM reservations WHERE id = ANY($2)))",
        row::SESSION,
        row::NOW
    )
}

pub(super) fn reservations() -> String {
    format!(
        "SELECT {} FROM {} WHERE r.id = ANY($1::uuid[])",
        held_as::RESERVATION,
        held_as::IN_POSTGRES
    )
}

pub(super) const ANSWERS_OF_CALLERS: &str = "
    SELECT i.caller, i.key, i.fingerprint, i.status, i.location, i.answer, i.created_at
    FROM unnest($1::text[], $2::text[]) AS w(caller, key) JOIN idempotency i USING (caller, key)";

pub(super) const ANSWERS_OF_RESERVATIONS: &str = "
    SELECT i.caller, i.key, i.fingerprint, i.status, i.location, i.answer, i.created_at
    FROM unnest($1::uuid[], $2::text[]) AS w(id, key) JOIN reservations r ON r.id = w.id
        JOIN idempotency i ON i.caller = r.user_id AND i.key = w.key";

//! The audit of the books: the invariants of the tables in either store.

use crate::sql::Connection;

/// Rows that contradict each other, each with a query that counts them. `{seat_nos}` is a
/// reservation's seat numbers, as one text with commas.
///
/// A lapsed hold keeps its seat until the lapse is recorded, unless another user takes the seat
/// first; the queries about pending reservations are right only while nobody has.
const FAULTS: [(&str, &str); 6] = [
    (
        "seats with two sales that stand",
        "SELECT count(*) FROM (SELECT 1 FROM sale_seats WHERE voided_at IS NULL
            GROUP BY session_id, seat_no HAVING count(*) > 1) twice",
    ),
    (
        "seats that are sold without a sale, or the other way round",
        "SELECT count(*) FROM (SELECT * FROM seats WHERE status = 'SOLD') s
            FULL JOIN sale_seats t ON t.session_id = s.session_id AND t.seat_no = s.seat_no
            LEFT JOIN sales a ON a.id = t.sale_id
            WHERE NOT coalesce(t.voided_at IS NULL AND a.session_id = s.session_id
                               AND a.reservation_id = s.reservation_id, false)",
    ),
    (
        "seats whose reservation is another's, or does not name them, or is over",
        "SELECT count(*) FROM seats s LEFT JOIN reservations r
            ON r.id = s.reservation_id AND r.session_id = s.session_id
            WHERE s.status <> 'AVAILABLE' AND NOT coalesce(
                r.status = CASE s.status WHEN 'SOLD' THEN 'CONFIRMED' ELSE 'PENDING' END
                AND ',' || {seat_nos} || ',' LIKE '%,' || s.seat_no || ',%', false)",
    ),
    (
        "reservations that do not have all of their seats",
        // In SQLite a full join of these would compare every reservation with every other.
        "SELECT count(*) FROM (SELECT 1 FROM
            (SELECT id, length({seat_nos}) - length(replace({seat_nos}, ',', '')) + 1 AS named, 0 AS had
             FROM reservations WHERE status IN ('PENDING', 'CONFIRMED')
             UNION ALL
             SELECT reservation_id, 0, 1 FROM seats WHERE status <> 'AVAILABLE') claims
            GROUP BY id HAVING sum(named) <> sum(had)) wrong",
    ),
    (
        "reservations that are confirmed without a sale, or the other way round",
        "SELECT count(*) FROM (SELECT * FROM reservations WHERE status = 'CONFIRMED') r
            FULL JOIN sales s ON s.reservation_id = r.id WHERE r.id IS NULL OR s.id IS NULL",
    ),
    (
        "sales that do not add up",
        "SELECT count(*) FROM sales s LEFT JOIN
            (SELECT sale_id, sum(price_cents) AS cents FROM sale_seats GROUP BY sale_id) t
            ON t.sale_id = s.id WHERE s.total_cents IS DISTINCT FROM t.cents",
    ),
];

/// Rows of the tables that reports read which differ from a recount, or are missing, or should not
/// exist. A closed session has no row.
const PROJECTION_FAULTS: [(&str, &str); 2] = [
    (
        "rows of session_stats differ from a recount",
        "WITH recount AS (
            SELECT c.id,
                (SELECT count(*) FROM seats s WHERE s.session_id = c.id) AS seats,
                (SELECT count(*) FROM seats s WHERE s.session_id = c.id AND s.status = 'RESERVED') AS held,
                (SELECT count(*) FROM seats s WHERE s.session_id = c.id AND s.status = 'SOLD') AS sold,
                (SELECT coalesce(sum(price_cents), 0) FROM sale_seats t WHERE t.session_id = c.id) AS cents
            FROM sessions c WHERE closed_at IS NULL
        ), kept AS (
            SELECT session_id AS id, seats, held, sold, revenue_cents AS cents FROM session_stats
        )
        SELECT (SELECT count(*) FROM (SELECT * FROM recount EXCEPT SELECT * FROM kept) AS lost)
             + (SELECT count(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM recount) AS extra)",
    ),
    (
        "rows of sales_by_hour differ from a recount",
        "WITH recount AS (
            SELECT paid_at / 3600000 * 3600000 AS hour, count(*) AS sales,
                sum(coalesce(t.seats, 0)) AS seats, sum(total_cents) AS cents
            FROM sales s LEFT JOIN
                (SELECT sale_id, count(*) AS seats FROM sale_seats GROUP BY sale_id) t
                ON t.sale_id = s.id
            GROUP BY hour
        ), kept AS (SELECT hour, sales, seats, revenue_cents AS cents FROM sales_by_hour)
        SELECT (SELECT count(*) FROM (SELECT * FROM recount EXCEPT SELECT * FROM kept) AS lost)
             + (SELECT count(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM recount) AS extra)",
    ),
];

/// Contradictions between seats, reservations and sales; none in sound books.
pub fn faults(database: &Connection) -> Vec<String> {
    found(database, &FAULTS)
}

/// Differences between the tables that reports read and a recount. Those tables follow the events, so
/// they are to be looked at when nothing is [to do](to_do); through a broker, a moment later.
pub fn projection_faults(database: &Connection) -> Vec<String> {
    found(database, &PROJECTION_FAULTS)
}

/// How much is still to be done: events to deliver, and reservations that are neither paid nor over.
pub fn to_do(database: &Connection) -> i64 {
    undelivered(database)
        + database.count("SELECT count(*) FROM reservations WHERE status = 'PENDING'")
}

/// How many rows of events wait to be delivered.
pub fn undelivered(database: &Connection) -> i64 {
    database.count("SELECT count(*) FROM outbox")
}

fn found(database: &Connection, queries: &[(&str, &str)]) -> Vec<String> {
    let found = queries.iter().filter_map(|(what, query)| {
        let count = database.count(&query.replace("{seat_nos}", database.seat_nos()));
        (count != 0).then(|| format!("{count} {what}"))
    });
    found.collect()
}

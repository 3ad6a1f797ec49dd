//! What the database must show once everything has come to rest.

use super::Stack;
use poltrona_testkit::app::connect;
use poltrona_testkit::wait::wait_for;

/// What still has to be done: events to deliver, lapses to write down.
const TO_DO: &str = "
    SELECT (SELECT count(*) FROM outbox)
         + (SELECT count(*) FROM reservations WHERE status = 'PENDING')";

/// Rows that contradict each other, by name. Each must count 0.
const CONTRADICTIONS: [(&str, &str); 7] = [
    (
        "seats sold twice",
        "SELECT count(*) FROM (SELECT 1 FROM sale_seats WHERE voided_at IS NULL
            GROUP BY session_id, seat_no HAVING count(*) > 1) twice",
    ),
    (
        "sold seats without a sale, or the other way round",
        "SELECT count(*) FROM (SELECT * FROM seats WHERE status = 'SOLD') s
            FULL JOIN sale_seats t USING (session_id, seat_no)
            WHERE s.version IS NULL OR t.sale_id IS NULL",
    ),
    (
        "seats that point to a reservation which is over",
        "SELECT count(*) FROM seats s JOIN reservations r ON r.id = s.reservation_id
            WHERE r.status NOT IN ('PENDING', 'CONFIRMED')",
    ),
    (
        "confirmed reservations without a sale",
        "SELECT count(*) FROM reservations r LEFT JOIN sales s ON s.reservation_id = r.id
            WHERE (r.status = 'CONFIRMED') <> (s.id IS NOT NULL)",
    ),
    (
        "sales that do not add up",
        "SELECT count(*) FROM sales s WHERE total_cents <>
            (SELECT sum(price_cents) FROM sale_seats t WHERE t.sale_id = s.id)",
    ),
    (
        "sessions whose table disagrees with a recount",
        "SELECT count(*) FROM session_stats t JOIN sessions c ON c.id = t.session_id
            CROSS JOIN LATERAL
                (SELECT count(*) AS seats, count(*) FILTER (WHERE status = 'RESERVED') AS held,
                        count(*) FILTER (WHERE status = 'SOLD') AS sold
                 FROM seats s WHERE s.session_id = t.session_id) r
            CROSS JOIN LATERAL
                (SELECT coalesce(sum(total_cents), 0)::bigint AS cents
                 FROM sales s WHERE s.session_id = t.session_id) m
            WHERE c.closed_at IS NULL AND (t.seats, t.held, t.sold, t.revenue_cents)
                IS DISTINCT FROM (r.seats, r.held, r.sold, m.cents)",
    ),
    (
        "hours whose table disagrees with a recount",
        "SELECT count(*) FROM sales_by_hour h FULL JOIN
            (SELECT paid_at / 3600000 * 3600000 AS hour, count(*) AS sales,
                    sum(total_cents)::bigint AS cents
             FROM sales GROUP BY 1) r USING (hour)
            WHERE (h.sales, h.revenue_cents) IS DISTINCT FROM (r.sales, r.cents)",
    ),
];

impl Stack {
    /// Waits until everything has come to rest, and the consumers have had every event: then nothing
    /// contradicts anything, and nobody ever waited for each other in a circle.
    pub(super) async fn balances(&self) {
        let client = connect(&self.postgres.url()).await;
        let count = async |sql: &str| client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
        wait_for("nothing is left to do", async || (count(TO_DO).await == 0).then_some(())).await;
        for (what, sql) in CONTRADICTIONS {
            // The consumers are a moment behind.
            wait_for(format!("no {what}"), async || (count(sql).await == 0).then_some(())).await;
        }
        let deadlocks = "SELECT coalesce(sum(deadlocks), 0)::bigint FROM pg_stat_database";
        assert_eq!(count(deadlocks).await, 0);
        assert!(!self.postgres.log().contains("deadlock detected"));
    }

    /// How many sales there are.
    pub(super) async fn sales(&self) -> i64 {
        let client = connect(&self.postgres.url()).await;
        client.query_one("SELECT count(*) FROM sales", &[]).await.unwrap().get(0)
    }
}

//! Checks the tables that change most.

use tokio_postgres::Error;

use super::connection::Connection;
use crate::doctor::report::Findings;

/// Fewer updates make a share meaningless.
const UPDATES: i64 = 10_000;
/// The percentage of seat updates that should leave the indexes alone.
const HOT_PERCENT: i64 = 90;
/// How long an event may wait for delivery, in seconds.
const OLD_SECONDS: f64 = 60.0;
/// The number of dead rows that makes every read of the outbox slow.
const DEAD: i64 = 100_000;

/// An update of a seat should find room on the seat's page: heap-only tuples, for which pages are left
/// half empty and no column that changes is indexed.
pub(super) async fn updates(connection: &Connection, found: &mut Findings) -> Result<(), Error> {
    let sql = "SELECT coalesce(s.n_tup_upd, 0), coalesce(s.n_tup_hot_upd, 0),
                      coalesce('fillfactor=45' = ANY(c.reloptions), false)
               FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
               WHERE c.oid = to_regclass('seats')";
    let row = connection.client.query_one(sql, &[]).await?;
    let (all, hot, roomy): (i64, i64, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let room = "ALTER TABLE seats SET (fillfactor = 45)";
    let fix = connection.psql(&[room, "VACUUM (ANALYZE) seats"]);
    let percent = hot.saturating_mul(100).checked_div(all).unwrap_or(100);
    if !roomy {
        found.warning("updates", "pages of seats have no room for changes (fillfactor)", fix);
    } else if all > UPDATES && percent < HOT_PERCENT {
        let detail = format!("{percent} % of {all} changes of seats touched no index");
        found.warning("updates", detail, fix);
    } else {
        found.ok("updates", format!("{percent} % of {all} changes of seats touched no index"));
    }
    Ok(())
}

pub(super) async fn outbox(connection: &Connection, found: &mut Findings) -> Result<(), Error> {
    let sql = "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp())
                                        - min(created_at) / 1000.0, 0)::float8,
                      (SELECT coalesce(max(n_dead_tup), 0) FROM pg_stat_user_tables
                       WHERE relid = to_regclass('outbox'))
               FROM (SELECT created_at FROM outbox ORDER BY id LIMIT 10000) AS oldest";
    let row = connection.client.query_one(sql, &[]).await?;
    let (rows, age, dead): (i64, f64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if age > OLD_SECONDS {
        let detail = format!(
            "an event has waited {age:.0} s, {rows} or more wait: no instance delivers them"
        );
        found.warning("outbox", detail, "systemctl restart poltrona");
    } else if dead > DEAD {
        let detail = format!("{dead} dead rows slow it down");
        found.warning("outbox", detail, connection.psql(&["VACUUM (ANALYZE) outbox"]));
    } else {
        found.ok("outbox", format!("{rows} rows wait, {dead} dead rows remain"));
    }
    Ok(())
}

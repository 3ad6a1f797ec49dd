//! Writes of the relay, the projections and the retention.

use std::collections::{BTreeMap, HashMap, HashSet};

use deadpool_postgres::{Object, Transaction};
use poltrona_domain::Timestamp;
use uuid::Uuid;

use crate::store::background::{
    BackgroundWrite, Effect, HourChange, Projection, Purgeable, SessionChange, together,
};
use crate::store::error::Error;
use crate::text;

pub(super) async fn run(connection: &mut Object, write: &BackgroundWrite) -> Result<usize, Error> {
    match write {
        BackgroundWrite::DeleteOutbox { rows, effects } => {
            let tx = connection.transaction().await?;
            let deleted = delete_outbox(&tx, rows, effects).await?;
            tx.commit().await?;
            Ok(deleted)
        }
        BackgroundWrite::Project { projection, effects, synced } => {
            let tx = connection.transaction().await?;
            if *synced {
                tx.batch_execute("SET LOCAL synchronous_commit = on").await?;
            }
            let fresh = project(&tx, *projection, effects).await?;
            tx.commit().await?;
            Ok(fresh)
        }
        BackgroundWrite::FoldTexts { lot } => fold_texts(connection, *lot).await,
        BackgroundWrite::Purge { kind, before, lot } => {
            purge(connection, *kind, *before, *lot).await
        }
    }
}

/// Deletes rows and adds the effects of those that were still there: another instance may be first. An inbox
/// row of one says that an older version of the program has added its effect already.
async fn delete_outbox(
    tx: &Transaction<'_>,
    rows: &[Uuid],
    effects: &[(Projection, Effect)],
) -> Result<usize, Error> {
    let statement = tx
        .prepare_cached(
            "WITH deleted AS (DELETE FROM outbox WHERE id = ANY($1) RETURNING id),
                  done AS (DELETE FROM inbox WHERE consumer = ANY($2)
                           AND event_id IN (SELECT id FROM deleted) RETURNING event_id, consumer)
             SELECT id, (SELECT array_agg(consumer) FROM done WHERE event_id = id) FROM deleted",
        )
        .await?;
    let mut consumers: Vec<_> = effects.iter().map(|(projection, _)| projection.name()).collect();
    consumers.dedup();
    let mut deleted = HashMap::with_capacity(rows.len());
    for row in tx.query(&statement, &[&rows, &consumers]).await? {
        let done = row.try_get::<_, Option<Vec<String>>>(1)?.unwrap_or_default();
        deleted.insert(row.try_get::<_, Uuid>(0)?, done);
    }
    let is_fresh = |(projection, effect): &&(Projection, Effect)| {
        let done = deleted.get(&effect.message);
        done.is_some_and(|done| done.iter().all(|name| name != projection.name()))
    };
    add(tx, effects.iter().filter(is_fresh).map(|(_, effect)| effect)).await?;
    Ok(deleted.len())
}

async fn project(
    tx: &Transaction<'_>,
    projection: Projection,
    effects: &[Effect],
) -> Result<usize, Error> {
    let ids: Vec<_> = effects.iter().map(|it| it.message).collect();
    let times: Vec<_> = effects.iter().map(|it| it.created_at.as_millis()).collect();
    let statement = tx
        .prepare_cached(
            "INSERT INTO inbox (consumer, event_id, created_at)
             SELECT DISTINCT ON (id) $1, id, at
             FROM unnest($2::uuid[], $3::bigint[]) AS n(id, at) ORDER BY id
             ON CONFLICT DO NOTHING RETURNING event_id",
        )
        .await?;
    let rows = tx.query(&statement, &[&projection.name(), &ids, &times]).await?;
    let mut fresh = HashSet::with_capacity(rows.len());
    for row in &rows {
        fresh.insert(row.try_get::<_, Uuid>(0)?);
    }
    // A message that came twice in one batch counts once.
    let mut left = fresh.clone();
    add(tx, effects.iter().filter(|it| left.remove(&it.message))).await?;
    Ok(fresh.len())
}

/// Adds effects to the tables that follow events.
async fn add(tx: &Transaction<'_>, effects: impl Iterator<Item = &Effect>) -> Result<(), Error> {
    let (sessions, hours) = together(effects);
    write_sessions(tx, &sessions).await?;
    write_hours(tx, &hours).await
}

/// Messages may come in any order, so each adds to the row; but a late message about a closed
/// session must not bring its row back.
async fn write_sessions(
    tx: &Transaction<'_>,
    changes: &BTreeMap<Uuid, SessionChange>,
) -> Result<(), Error> {
    let adds: Vec<_> =
        changes.iter().filter(|(_, it)| !it.closed && **it != SessionChange::default()).collect();
    if !adds.is_empty() {
        let column = |value: fn(&SessionChange) -> i64| {
            adds.iter().map(|it| value(it.1)).collect::<Vec<_>>()
        };
        let ids: Vec<_> = adds.iter().map(|it| *it.0).collect();
        let statement = tx
            .prepare_cached(
                "INSERT INTO session_stats AS s (session_id, seats, held, sold, revenue_cents)
                 SELECT n.* FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[],
                                        $5::bigint[]) AS n(id, seats, held, sold, revenue)
                 WHERE (SELECT c.closed_at FROM sessions c WHERE c.id = n.id) IS NULL
                 ORDER BY n.id
                 ON CONFLICT (session_id) DO UPDATE SET seats = s.seats + excluded.seats,
                    held = s.held + excluded.held, sold = s.sold + excluded.sold,
                    revenue_cents = s.revenue_cents + excluded.revenue_cents",
            )
            .await?;
        let (seats, held) = (column(|it| it.seats), column(|it| it.held));
        let (sold, revenue) = (column(|it| it.sold), column(|it| it.revenue_cents));
        tx.execute(&statement, &[&ids, &seats, &held, &sold, &revenue]).await?;
    }
    let closed: Vec<_> = changes.iter().filter(|it| it.1.closed).map(|it| *it.0).collect();
    if !closed.is_empty() {
        tx.execute("DELETE FROM session_stats WHERE session_id = ANY($1)", &[&closed]).await?;
    }
    Ok(())
}

async fn write_hours(
    tx: &Transaction<'_>,
    changes: &BTreeMap<i64, HourChange>,
) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let column = |value: fn(&HourChange) -> i64| changes.values().map(value).collect::<Vec<_>>();
    let hours: Vec<_> = changes.keys().copied().collect();
    let statement = tx
        .prepare_cached(
            "INSERT INTO sales_by_hour AS s (hour, sales, seats, revenue_cents)
             SELECT n.* FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
                AS n(hour, sales, seats, revenue)
             ORDER BY n.hour
             ON CONFLICT (hour) DO UPDATE SET sales = s.sales + excluded.sales,
                seats = s.seats + excluded.seats,
                revenue_cents = s.revenue_cents + excluded.revenue_cents",
        )
        .await?;
    let (sales, seats) = (column(|it| it.sales), column(|it| it.seats));
    let revenue = column(|it| it.revenue_cents);
    tx.execute(&statement, &[&hours, &sales, &seats, &revenue]).await?;
    Ok(())
}

/// A row that somebody is changing is skipped; the next run takes it.
async fn fold_texts(connection: &mut Object, lot: u16) -> Result<usize, Error> {
    let tx = connection.transaction().await?;
    let find = "SELECT id, movie, room FROM sessions WHERE movie_folded IS NULL
                ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED";
    let found = tx.query(find, &[&i64::from(lot)]).await?;
    let (mut ids, mut movies, mut rooms) = (Vec::<Uuid>::new(), Vec::new(), Vec::new());
    for row in &found {
        ids.push(row.try_get(0)?);
        movies.push(text::folded(row.try_get(1)?));
        rooms.push(text::folded(row.try_get(2)?));
    }
    let update = "UPDATE sessions s SET movie_folded = n.movie, room_folded = n.room
                  FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n(id, movie, room)
                  WHERE s.id = n.id";
    let changed = tx.execute(update, &[&ids, &movies, &rooms]).await?;
    if usize::try_from(changed) != Ok(found.len()) {
        return Err(Error::Guard(format!("fold texts: {changed} rows instead of {}", found.len())));
    }
    tx.commit().await?;
    Ok(found.len())
}

/// Another instance may purge too: rows that it has locked are left to it.
async fn purge(
    connection: &Object,
    kind: Purgeable,
    before: Timestamp,
    lot: u16,
) -> Result<usize, Error> {
    let sql = match kind {
        Purgeable::Answers => {
            "DELETE FROM idempotency WHERE (caller, key) IN
             (SELECT caller, key FROM idempotency WHERE created_at < $1 ORDER BY created_at
              LIMIT $2 FOR UPDATE SKIP LOCKED)"
        }
        Purgeable::Reservations => {
            "DELETE FROM reservations WHERE id IN
             (SELECT id FROM reservations WHERE status IN ('EXPIRED', 'CANCELLED')
              AND expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
        }
        Purgeable::Inbox => {
            "DELETE FROM inbox WHERE (consumer, event_id) IN
             (SELECT consumer, event_id FROM inbox WHERE created_at < $1 ORDER BY created_at
              LIMIT $2 FOR UPDATE SKIP LOCKED)"
        }
    };
    let statement = connection.prepare_cached(sql).await?;
    let removed = connection.execute(&statement, &[&before.as_millis(), &i64::from(lot)]).await?;
    Ok(usize::try_from(removed).unwrap_or_default())
}

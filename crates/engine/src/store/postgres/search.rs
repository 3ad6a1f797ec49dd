//! Searches of sessions.

use deadpool_postgres::{GenericClient, Object};
use poltrona_domain::Timestamp;
use tokio_postgres::{IsolationLevel, Row};

use super::read::{List, Order, Value, count};
use super::row;
use crate::store::error::Error;
use crate::store::query::{Page, SessionFilter};
use crate::store::search::{Filter, many};
use crate::text;

/// Sessions, newest first.
const SESSIONS: Order = Order { table: "sessions", age: "created_at", id: "id" };

/// Open sessions, newest first; `None` when `page.after` names no session.
pub(super) async fn sessions(
    connection: &mut Object,
    filter: &SessionFilter,
    page: Page,
) -> Result<Option<Vec<Row>>, Error> {
    if filter.given().is_empty() {
        return list(connection, filter, page, None).await;
    }
    let transaction = connection.build_transaction().read_only(true);
    let snapshot = transaction.isolation_level(IsolationLevel::RepeatableRead).start().await?;
    let by = fewest(&snapshot, filter, page.limit).await?;
    let rows = list(&snapshot, filter, page, by).await?;
    snapshot.commit().await?;
    Ok(rows)
}

/// The filter that matches fewest sessions; none where each matches many.
async fn fewest(
    db: &impl GenericClient,
    filter: &SessionFilter,
    limit: usize,
) -> Result<Option<Filter>, Error> {
    let filters = filter.given();
    let (mut found, mut fewest) = (None, many(limit));
    for by in &filters {
        // Of one name's sessions at most a page is read, if there is no other filter.
        let of_each = if filters.len() == 1 { limit } else { fewest };
        let matches = match filter.part(*by) {
            Some(part) => count_named(db, *by, part, of_each, fewest).await?,
            None => count_starting(db, filter, fewest).await?,
        };
        if matches < fewest {
            (found, fewest) = (Some(*by), matches);
        }
    }
    Ok(found)
}

/// How many sessions have names with this part: up to `most`, and up to `of_each` of one name.
/// `most` while texts are still to be folded, which no index has.
async fn count_named(
    db: &impl GenericClient,
    by: Filter,
    part: &str,
    of_each: usize,
    most: usize,
) -> Result<usize, Error> {
    let name = by.name();
    let sql = format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM sessions WHERE movie_folded IS NULL) THEN $1 ELSE (
            SELECT count(*) FROM (
                SELECT 1 FROM session_names n CROSS JOIN LATERAL (
                    SELECT 1 FROM sessions WHERE {name}_folded = n.name LIMIT $2) s
                WHERE strpos(n.name, $3) > 0 LIMIT $1) t) END"
    );
    let statement = db.prepare_cached(&sql).await?;
    let limits = (count(most), count(of_each));
    let found = db.query_one(&statement, &[&limits.0, &limits.1, &text::folded(part)]).await?;
    matches(&found)
}

/// How many sessions start in the filter's range, up to `most`.
async fn count_starting(
    db: &impl GenericClient,
    filter: &SessionFilter,
    most: usize,
) -> Result<usize, Error> {
    let mut list = List::new("SELECT 1 FROM sessions".to_owned());
    only_in_time(&mut list, filter, "starts_at");
    list.at_most(most);
    list.within("SELECT count(*) FROM (", ") t");
    list.read(db).await?.iter().map(matches).sum()
}

fn matches(row: &Row) -> Result<usize, Error> {
    Ok(usize::try_from(row::get::<i64>(row, 0)?).unwrap_or_default())
}

/// A page, by the index of a filter, or from the newest on.
async fn list(
    db: &impl GenericClient,
    filter: &SessionFilter,
    page: Page,
    by: Option<Filter>,
) -> Result<Option<Vec<Row>>, Error> {
    let mut list = match by {
        Some(Filter::Start) => starting(filter),
        Some(_) => List::new("SELECT * FROM sessions".to_owned()),
        None => List::new(format!("SELECT {} FROM sessions", row::SESSION)),
    };
    list.only("closed_at IS NULL", None);
    for (name, part) in filter.parts() {
        if by == Some(name) {
            list.only(&format!("{}_folded = n.name", name.name()), None);
        } else {
            list.only(&contains(name), Some(folded(part)));
        }
    }
    if by != Some(Filter::Start) {
        only_in_time(&mut list, filter, "(starts_at + 0)");
    }
    let Some(mut list) = list.page(db, SESSIONS, page).await? else { return Ok(None) };
    if let Some(part) = by.and_then(|by| filter.part(by)) {
        // The newest of each name, and of those the newest. A subquery with a limit is planned by
        // itself, so that no estimate of how many names match makes the planner read the table.
        let names = "session_names n CROSS JOIN LATERAL";
        list.within(&format!("SELECT {} FROM {names} (", row::SESSION), ") s");
        list.only("strpos(n.name, ?) > 0", Some(folded(part)));
        list.first(SESSIONS, page.limit);
    }
    list.read(db).await.map(Some)
}

/// The sessions that start in the filter's range, for the conditions that follow. Materialized, or
/// the planner might take the index that has the list's order, in the hope that matches come soon.
fn starting(filter: &SessionFilter) -> List {
    let mut list = List::new("SELECT * FROM sessions".to_owned());
    only_in_time(&mut list, filter, "starts_at");
    let columns = row::SESSION;
    list.within("WITH few AS MATERIALIZED (", &format!(") SELECT {columns} FROM few"));
    list
}

/// `start` is the column, or, where another index is to be used, an expression without one.
fn only_in_time(list: &mut List, filter: &SessionFilter, start: &str) {
    let time = |time: Timestamp| -> Value { Box::new(time.as_millis()) };
    list.only_if(&format!("{start} >= ?"), filter.from.map(time));
    list.only_if(&format!("{start} <= ?"), filter.to.map(time));
}

/// The condition that a name contains a text, which the caller has folded. A row without a folded column
/// is compared in lower case, by ICU: the database's own rules may know ASCII alone.
fn contains(name: Filter) -> String {
    let name = name.name();
    format!("strpos(coalesce({name}_folded, lower({name} COLLATE \"und-x-icu\")), ?) > 0")
}

fn folded(part: &str) -> Value {
    Box::new(text::folded(part))
}

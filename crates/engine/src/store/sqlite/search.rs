//! Searches of sessions.

use poltrona_domain::Session;
use rusqlite::types::Value;
use rusqlite::{Connection, Result, Row, params};

use super::read::{List, Order};
use super::row;
use crate::store::query::{Page, SessionFilter};
use crate::store::search::{Filter, many};
use crate::text;

/// Sessions, newest first.
const SESSIONS: Order = Order { table: "sessions", age: "created_at", id: "id" };

/// Open sessions, newest first; `None` when `page.after` names no session.
pub(super) fn sessions(
    db: &Connection,
    filter: &SessionFilter,
    page: Page,
) -> Result<Option<Vec<Session>>> {
    let list = list(db, filter, page, fewest(db, filter, page.limit)?)?;
    list.map(|list| list.read(db, row::session)).transpose()
}

/// The filter that matches fewest sessions; none where each matches many.
fn fewest(db: &Connection, filter: &SessionFilter, limit: usize) -> Result<Option<Filter>> {
    let filters = filter.given();
    let (mut found, mut fewest) = (None, many(limit));
    for by in &filters {
        // Of one name's sessions at most a page is read, if there is no other filter.
        let of_each = if filters.len() == 1 { limit } else { fewest };
        let matches = match filter.part(*by) {
            Some(part) => count_named(db, *by, part, of_each, fewest)?,
            None => count_starting(db, filter, fewest)?,
        };
        if matches < fewest {
            (found, fewest) = (Some(*by), matches);
        }
    }
    Ok(found)
}

/// How many sessions have names with this part: up to `most`, and up to `of_each` of one name.
/// `most` while texts are still to be folded, which no index has.
fn count_named(
    db: &Connection,
    by: Filter,
    part: &str,
    of_each: usize,
    most: usize,
) -> Result<usize> {
    let name = by.name();
    let mut statement = db.prepare_cached(&format!(
        "SELECT ?1 WHERE EXISTS (SELECT 1 FROM sessions WHERE movie_folded IS NULL)
         UNION ALL
         SELECT (SELECT count(*) FROM (SELECT 1 FROM sessions WHERE {name}_folded = n.name LIMIT ?2))
         FROM session_names n WHERE instr(n.name, ?3) > 0"
    ))?;
    let limits = (most.cast_signed(), of_each.cast_signed());
    let mut names = statement.query(params![limits.0, limits.1, folded(part)])?;
    let mut matches = 0;
    while matches < most
        && let Some(of_name) = names.next()?
    {
        matches += count(of_name)?;
    }
    Ok(matches)
}

/// How many sessions start in the filter's range, up to `most`.
fn count_starting(db: &Connection, filter: &SessionFilter, most: usize) -> Result<usize> {
    let mut list = List::new("SELECT 1 FROM sessions".to_owned());
    only_in_time(&mut list, filter);
    list.at_most(most);
    list.within("SELECT count(*) FROM (", ")");
    Ok(list.read(db, count)?.iter().sum())
}

fn count(row: &Row<'_>) -> Result<usize> {
    Ok(usize::try_from(row.get::<_, i64>(0)?).unwrap_or_default())
}

/// The query of a page, by the index of a filter, or from the newest on.
fn list(
    db: &Connection,
    filter: &SessionFilter,
    page: Page,
    by: Option<Filter>,
) -> Result<Option<List>> {
    let part_of_name = by.and_then(|by| filter.part(by));
    let columns = if part_of_name.is_some() { "id" } else { row::SESSION };
    // Without statistics the planner cannot know which index is best.
    let index = by.map_or("age", Filter::name);
    let mut list =
        List::new(format!("SELECT {columns} FROM sessions INDEXED BY sessions_by_{index}"));
    list.only("closed_at IS NULL", None);
    for (name, part) in filter.parts() {
        let column = name.name();
        if by == Some(name) {
            list.only(&format!("{column}_folded = n.name"), None);
        } else {
            let text = format!("coalesce({column}_folded, folded({column}))");
            list.only(&format!("instr({text}, ?) > 0"), Some(folded(part)));
        }
    }
    only_in_time(&mut list, filter);
    let Some(mut list) = list.page(db, SESSIONS, page)? else { return Ok(None) };
    if let Some(part) = part_of_name {
        // The newest of each name, and of those the newest.
        let names = "session_names n CROSS JOIN sessions ON id IN";
        list.within(&format!("SELECT {} FROM {names} (", row::SESSION), ")");
        list.only("instr(n.name, ?) > 0", Some(folded(part)));
        list.first(SESSIONS, page.limit);
    }
    Ok(Some(list))
}

fn only_in_time(list: &mut List, filter: &SessionFilter) {
    list.only_if("starts_at >= ?", filter.from.map(|time| time.as_millis().into()));
    list.only_if("starts_at <= ?", filter.to.map(|time| time.as_millis().into()));
}

fn folded(part: &str) -> Value {
    text::folded(part).into()
}

#[cfg(test)]
mod tests {
    use poltrona_domain::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::env::clock::Clock;
    use crate::store::sqlite::{migrate, read};

    /// The steps of a query's plan. `after` names a session that is there.
    fn plan(filter: &SessionFilter, by: Option<Filter>, after: bool) -> Vec<String> {
        let mut db = Connection::open_in_memory().unwrap();
        read::add_functions(&db).unwrap();
        migrate::up(&mut db, &Clock::System).unwrap();
        let id = Uuid::from_u128(1);
        db.execute(
            "INSERT INTO sessions (id, movie, room, starts_at, price_cents, layout, created_at)
             VALUES (?, 'Duna', 'Sala 1', 0, 0, '', 0)",
            [&id.as_bytes()[..]],
        )
        .unwrap();
        let page = Page { limit: 10, after: after.then_some(id) };
        list(&db, filter, page, by).unwrap().unwrap().plan(&db)
    }

    fn search() -> SessionFilter {
        SessionFilter {
            movie: Some("duna".to_owned()),
            room: Some("sala".to_owned()),
            from: Some(Timestamp::from_millis(0)),
            to: None,
        }
    }

    #[test]
    fn a_page_from_the_newest_on_is_read_in_order() {
        for filter in [SessionFilter::default(), search()] {
            assert_eq!(plan(&filter, None, false), ["SCAN sessions USING INDEX sessions_by_age"]);
            let deep = plan(&filter, None, true);
            let found = "SEARCH sessions USING INDEX sessions_by_age ((created_at,id)<(?,?))";
            assert_eq!(deep, [found]);
        }
    }

    #[test]
    fn of_a_name_only_the_newest_sessions_after_the_page_before_are_read() {
        for by in [Filter::Movie, Filter::Room] {
            let name = by.name();
            let found = format!(
                "SEARCH sessions USING INDEX sessions_by_{name} \
                 ({name}_folded=? AND (created_at,id)<(?,?))"
            );
            let steps = [
                "SCAN n",
                "SEARCH sessions USING PRIMARY KEY (id=?)",
                "CORRELATED LIST SUBQUERY 1",
                &found,
                // Of the pages of all names that match.
                "USE TEMP B-TREE FOR ORDER BY",
            ];
            assert_eq!(plan(&search(), Some(by), true), steps);
        }
    }

    #[test]
    fn sessions_of_a_day_are_found_by_their_start() {
        let plan = plan(&search(), Some(Filter::Start), true);
        assert_eq!(plan[0], "SEARCH sessions USING INDEX sessions_by_start (starts_at>?)");
    }
}

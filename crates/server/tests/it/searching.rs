//! Searches among many sessions: by any index, they give the sessions that match, newest first.

use poltrona_testkit::app::TestApp;

/// More sessions than a search finds through an index.
const SESSIONS: i64 = 3_000;
const LIMIT: usize = 100;
/// One day.
const DAY_MILLIS: i64 = 86_400_000;
/// 2030-01-01.
const FIRST_DAY_MILLIS: i64 = 1_893_456_000_000;

/// A session as it stands in its table.
pub(crate) struct Row {
    pub(crate) id: String,
    movie: String,
    room: String,
    starts_at: i64,
    created_at: i64,
    is_closed: bool,
}

/// So many sessions, oldest first. Every two were opened at the same time, and every seventh is
/// closed.
pub(crate) fn sessions(count: i64) -> Vec<Row> {
    let row = |i: i64| Row {
        id: format!("01900000-0001-7000-8000-{:012x}", (i + 2) << 20),
        movie: if i < 40 { "Antigo".to_owned() } else { format!("Filme {}", i % 50) },
        room: format!("Sala {}", i % 47),
        starts_at: FIRST_DAY_MILLIS + i % 30 * DAY_MILLIS,
        created_at: i / 2,
        is_closed: i % 7 == 0,
    };
    (0..count).map(row).collect()
}

/// Writes them as the program does; `id` writes an id.
pub(crate) fn insert(rows: &[Row], id: impl Fn(&str) -> String) -> String {
    let values = rows.iter().map(|it| {
        let closed_at = if it.is_closed { "1" } else { "NULL" };
        let (movie, room) = (&it.movie, &it.room);
        format!(
            "({}, '{movie}', '{room}', {}, 2500, '8/16', {}, {closed_at}, '{}', '{}')",
            id(&it.id),
            it.starts_at,
            it.created_at,
            movie.to_lowercase(),
            room.to_lowercase()
        )
    });
    format!(
        "INSERT INTO sessions (id, movie, room, starts_at, price_cents, layout, created_at, closed_at,
                               movie_folded, room_folded) VALUES {}",
        values.collect::<Vec<_>>().join(", ")
    )
}

/// A search, and which sessions match.
type Search = (&'static str, fn(&Row) -> bool);

const SEARCHES: [Search; 14] = [
    // From the newest on: each filter matches many.
    ("", |_| true),
    ("movie=filme", |it| it.movie.contains("Filme")),
    ("movie=", |_| true),
    ("movie=filme&room=sala&to=2030-01-29", |it| {
        it.movie.contains("Filme") && it.starts_at < FIRST_DAY_MILLIS + 29 * DAY_MILLIS
    }),
    ("from=2030-01-02", |it| it.starts_at >= FIRST_DAY_MILLIS + DAY_MILLIS),
    // Through the index of films, of rooms, of starts.
    ("movie=ANTIGO", |it| it.movie == "Antigo"),
    ("movie=filme+1", |it| it.movie.contains("Filme 1")),
    ("movie=absent", |_| false),
    ("movie=filme+7&room=2", |it| it.movie == "Filme 7" && it.room.contains('2')),
    ("movie=filme&room=sala+1", |it| it.movie.contains("Filme") && it.room.contains("Sala 1")),
    ("room=sala+2", |it| it.room.contains("Sala 2")),
    ("from=2030-01-04&to=2030-01-04", |it| it.starts_at == FIRST_DAY_MILLIS + 3 * DAY_MILLIS),
    ("from=2030-01-30&movie=filme&room=sala", |it| {
        it.starts_at == FIRST_DAY_MILLIS + 29 * DAY_MILLIS && it.movie.contains("Filme")
    }),
    // A text that other columns' names have.
    ("movie=sala", |_| false),
];

async fn finds_what_matches(app: &TestApp) {
    let rows = sessions(SESSIONS);
    app.tamper(&insert(&rows, |id| app.place().id(id)));
    for (search, matches) in SEARCHES {
        // Ties are ordered by id, which rises.
        let matching = rows.iter().rev().filter(|it| !it.is_closed && matches(it));
        let expected: Vec<_> = matching.map(|it| it.id.clone()).collect();
        let path = format!("/sessions?{search}&limit={LIMIT}");
        let mut found = app.get(&path).await.expect(200).ids();
        while let Some(last) = found.last().filter(|_| found.len() % LIMIT == 0) {
            let more = app.get(&format!("{path}&after={last}")).await.expect(200).ids();
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        assert_eq!(found, expected, "{search}");
        let refused = app.get(&format!("{path}&after={}", poltrona_testkit::app::NOBODY)).await;
        refused.refused(400, "validation_failed");
    }
}

#[tokio::test]
async fn a_search_finds_all_that_match_in_order_and_nothing_else() {
    finds_what_matches(&TestApp::embedded().await).await;
    finds_what_matches(&TestApp::on_a_server().await).await;
}

#[tokio::test]
async fn a_search_finds_what_the_version_before_writes() {
    for app in [TestApp::embedded().await, TestApp::on_a_server().await] {
        let find =
            async |movie: &str| app.get(&format!("/sessions?movie={movie}")).await.ids().len();
        // The version before does not write the table of names.
        app.tamper(&insert(&sessions(1), |id| app.place().id(id)));
        app.tamper("UPDATE sessions SET closed_at = NULL");
        assert_eq!(find("antigo").await, 1);
        app.tamper(
            "UPDATE sessions SET movie = 'Ran', movie_folded = 'ran', version = version + 1",
        );
        assert_eq!((find("antigo").await, find("ran").await), (0, 1));
    }
}

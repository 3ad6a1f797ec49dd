//! Finding sessions, and going through lists page by page.

use poltrona_testkit::app::{Answer, MILLI, NOBODY, TestApp};
use serde_json::json;

/// The next page's URL, by the answer's `Link`.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let target = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
    Some(target.expect("a link of this form").to_owned())
}

/// Every id of a list, page by page; fails when a page is longer than `limit`.
async fn walk(app: &TestApp, first: &str, limit: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut path = Some(first.to_owned());
    while let Some(page) = path {
        let answer = app.get(&page).await.expect(200);
        assert!(answer.ids().len() <= limit);
        ids.extend(answer.ids());
        assert!(ids.len() <= 100, "the pages come to an end");
        path = next(&answer);
        assert!(path.is_none() || answer.ids().len() == limit);
    }
    ids
}

/// A user with this many sales and reservations, every other pair made at the same instant.
async fn user_with(app: &TestApp, count: usize) {
    let session = app.session().seats(16).await;
    for (i, seat) in session.all_seats().into_iter().take(count).enumerate() {
        let held = app.reserve(seat, "ana").await.expect(201);
        app.pay(&held.id()).await.expect(201);
        if i % 2 == 1 {
            app.advance(MILLI);
        }
    }
}

#[tokio::test]
async fn the_pages_of_a_list_are_the_list_without_repeats_or_gaps() {
    let app = TestApp::open().await;
    for i in 0..7 {
        app.session().room(&format!("Sala {i}")).await;
        if i % 3 == 0 {
            app.advance(MILLI);
        }
    }
    user_with(&app, 7).await;
    for path in ["/sessions", "/reservations/user/ana", "/sales/history/ana"] {
        let whole = app.get(path).await.expect(200);
        assert_eq!(next(&whole), None, "{path}");
        for limit in [1, 2, 3, 7, 8, 1_000] {
            let pages = walk(&app, &format!("{path}?limit={limit}"), limit).await;
            assert_eq!(pages, whole.ids(), "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn the_next_page_keeps_what_was_asked_for() {
    let app = TestApp::open().await;
    for (movie, room) in
        [("Duna", "Sala 1"), ("Ran", "Sala 1"), ("Duna", "Sala 1"), ("Duna", "Sala 2")]
    {
        app.session().movie(movie).room(room).await;
        app.advance(MILLI);
    }
    let first = app.get("/sessions?movie=du%6Ea&limit=1&room=sala+1&x=y").await.expect(200);
    let link = next(&first).unwrap();
    assert_eq!(
        link,
        format!("/sessions?movie=du%6Ea&limit=1&room=sala+1&x=y&after={}", first.ids()[0])
    );
    let ids = walk(&app, "/sessions?movie=duna&room=sala+1&limit=1", 1).await;
    let all = app.get("/sessions?movie=duna&room=sala+1").await.expect(200);
    assert_eq!(ids, all.ids());
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn new_entries_while_paging_disturb_no_page() {
    let app = TestApp::open().await;
    for _ in 0..4 {
        app.session().await;
        app.advance(MILLI);
    }
    let before = app.get("/sessions").await.expect(200).ids();
    let first = app.get("/sessions?limit=2").await.expect(200);
    app.session().await;
    let second = app.get(&next(&first).unwrap()).await.expect(200);
    assert_eq!([first.ids(), second.ids()].concat(), before);
    // Nor does it matter when the page's last entry is closed.
    app.delete(&format!("/sessions/{}", first.ids()[1])).await.expect(204);
    let second = app.get(&next(&first).unwrap()).await.expect(200);
    assert_eq!(second.ids(), before[2..]);
}

#[tokio::test]
async fn a_page_has_1_to_1_000_entries() {
    let app = TestApp::open().await;
    app.session().await;
    for path in ["/sessions", "/reservations/user/ana", "/sales/history/ana"] {
        for limit in ["0", "1001", "-1", "x", "1.5", "1e2", "99999999999999999999", "%20"] {
            let refused = app.get(&format!("{path}?limit={limit}")).english().await;
            refused.breaks(&["limit must be between 1 and 1000"]);
        }
        for limit in ["1", "1000", ""] {
            app.get(&format!("{path}?limit={limit}")).await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_page_after_nothing_that_is_there_is_refused() {
    let app = TestApp::open().await;
    let session = app.session().await;
    for path in ["/sessions", "/reservations/user/ana", "/sales/history/ana"] {
        let after = async |id: &str, rule: &str| {
            let refused = app.get(&format!("{path}?after={id}")).english().await;
            refused.breaks(&[rule]);
        };
        after(NOBODY, "after must be the id of an entry of this list").await;
        after(session.seat("A1"), "after must be the id of an entry of this list").await;
        after("x", "after must be a UUID of 36 characters").await;
    }
    let after = app.get(&format!("/sessions?after={}", session.id.to_uppercase())).await;
    assert!(after.expect(200).ids().is_empty());
}

#[tokio::test]
async fn every_broken_part_of_a_query_is_listed_and_unknown_ones_are_ignored() {
    let app = TestApp::open().await;
    let refused = app.get("/sessions?limit=0&after=x&from=soon&to=2026-02-30").english().await;
    refused.breaks(&[
        "limit must be between 1 and 1000",
        "after must be a UUID of 36 characters",
        "from must be an existing ISO 8601 date or date-time",
        "to must be an existing ISO 8601 date or date-time",
    ]);
    app.get("/sessions?color=blue&color=red&&=&limit=5&x").await.expect(200);
}

#[tokio::test]
async fn a_parameter_is_given_once_and_the_next_page_has_one_of_each() {
    let app = TestApp::open().await;
    for _ in 0..2 {
        app.session().await;
        app.advance(MILLI);
    }
    for name in ["movie", "room", "from", "to", "limit", "after"] {
        let refused = app.get(&format!("/sessions?{name}=1&{name}=1")).english().await;
        assert!(refused.refused(400, "validation_failed").lossy().contains("was given twice"));
    }
    for path in ["/reservations/user/ana", "/sales/history/ana"] {
        let refused = app.get(&format!("{path}?limit=1&limit=1")).english().await;
        refused.breaks(&["limit was given twice"]);
    }
    let ids = app.get("/sessions").await.expect(200).ids();
    let first = app.get("/sessions?limit=1").await.expect(200);
    let escaped = next(&first).unwrap().replace("&after=", "&%61fter=");
    let second = app.get(&escaped).await.expect(200);
    assert_eq!(second.ids(), ids[1..]);
    assert_eq!(next(&second), Some(format!("/sessions?limit=1&after={}", ids[1])));
}

#[tokio::test]
async fn a_part_of_a_name_finds_it_in_any_case() {
    let app = TestApp::open().await;
    let action = app.session().movie("AÇÃO EM SÃO PAULO").room("Sala VIP").await.id;
    app.advance(MILLI);
    let dune = app.session().movie("Duna: 100% areia_").room("Sala 1").await.id;
    let find = async |query: &str| app.get(&format!("/sessions?{query}")).await.expect(200).ids();
    assert_eq!(find("movie=a%C3%A7%C3%A3o").await, [&*action]);
    assert_eq!(find("movie=s%C3%83O%20paulo").await, [&*action]);
    assert_eq!(find("movie=S%C3%83O+PAULO").await, [&*action]);
    assert_eq!(find("room=vip").await, [&*action]);
    assert_eq!(find("movie=duna&room=SALA").await, [&*dune]);
    // Decomposed.
    assert_eq!(find("movie=ac%CC%A7a%CC%83o").await, [&*action]);
    assert_eq!(find("movie=duna&room=vip").await, [""; 0]);
    // Characters that are special in a database's pattern are plain here.
    assert_eq!(find("movie=%25").await, [&*dune]);
    assert_eq!(find("movie=_").await, [&*dune]);
    assert_eq!(find("movie='").await, [""; 0]);
    assert_eq!(find("movie=").await, [&*dune, &*action]);
    assert_eq!(find("room=sala").await, [&*dune, &*action]);
}

#[tokio::test]
async fn a_search_folds_the_case_of_every_script() {
    let app = TestApp::open().await;
    let homer = app.session().movie("ΟΔΥΣΣΕΙΑ").room("Große Straße").await.id;
    let find = async |query: &str| app.get(&format!("/sessions?{query}")).await.expect(200).ids();
    assert_eq!(find("movie=%CE%BF%CE%B4%CF%85%CF%82").await, [&*homer]);
    assert_eq!(find("room=STRASSE").await, [&*homer]);
    app.patch(&format!("/sessions/{homer}"), &json!({ "movie": "Íliada" })).await.expect(200);
    assert_eq!(find("movie=%C3%ADLI").await, [&*homer]);
    assert_eq!(find("movie=%CE%BF%CE%B4%CF%85%CF%82").await, [""; 0]);
}

#[tokio::test]
async fn sessions_are_found_by_when_they_start_both_ends_included() {
    let app = TestApp::open().await;
    let mut ids = Vec::new();
    for day in ["2026-12-01", "2026-12-02", "2026-12-03"] {
        ids.push(app.session().starts_at(day).await.id);
        app.advance(MILLI);
    }
    let find = async |query: &str| app.get(&format!("/sessions?{query}")).await.expect(200).ids();
    assert_eq!(find("from=2026-12-02").await, [&*ids[2], &*ids[1]]);
    assert_eq!(find("to=2026-12-02").await, [&*ids[1], &*ids[0]]);
    assert_eq!(find("from=2026-12-02T00:00:00.001Z").await, [&*ids[2]]);
    assert_eq!(find("from=2026-12-01T21:00:00-03:00&to=2026-12-02").await, [&*ids[1]]);
    assert_eq!(find("from=2026-12-03&to=2026-12-01").await, [""; 0]);
    // A date alone is the whole of its day.
    let evening = app.session().starts_at("2026-12-24T23:59:59.999Z").await.id;
    assert_eq!(find("from=2026-12-24&to=2026-12-24").await, [&*evening]);
    assert_eq!(find("from=2026-12-24&to=2026-12-24T00:00:00Z").await, [""; 0]);
}

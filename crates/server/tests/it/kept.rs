//! Seat maps and sessions that are kept between requests: they are never older than their request.

use std::collections::BTreeMap;
use std::time::Duration;

use poltrona_domain::SessionId;
use poltrona_testkit::app::{Answer, MILLI, NEARLY, Session, TestApp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// The map of a session, and the session itself.
fn paths(session: &Session) -> [String; 2] {
    [format!("/seats/{}", session.id), session.path()]
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").expect("a tag").to_owned()
}

/// The tags of both, asked for twice: as they are, and by a client that has them.
async fn tags(app: &TestApp, session: &Session) -> [String; 2] {
    let mut tags = Vec::new();
    for path in paths(session) {
        let found = app.get(&path).await.expect(200);
        let known = tag(&found);
        for _ in 0..2 {
            let same = app.get(&path).header("if-none-match", &known).await.expect(304);
            assert_eq!((tag(&same), same.bytes.len()), (known.clone(), 0), "{path}");
            let again = app.get(&path).await.expect(200);
            assert_eq!((tag(&again), again.bytes), (known.clone(), found.bytes.clone()), "{path}");
        }
        tags.push(known);
    }
    tags.try_into().expect("two")
}

/// The statuses of a session's seats that are not free, as map and session show them alike.
async fn taken(app: &TestApp, session: &Session) -> BTreeMap<String, String> {
    let [map, page] = paths(session);
    let map = app.get(&map).await.expect(200).body;
    let page = app.get(&page).await.expect(200).body;
    let statuses = |seats: &Value| {
        let seats = seats.as_array().expect("seats").iter();
        let text = |seat: &Value, name: &str| seat[name].as_str().expect("a text").to_owned();
        let seats = seats.map(|seat| (text(seat, "seatNumber"), text(seat, "status")));
        seats.filter(|(_, status)| status != "AVAILABLE").collect::<BTreeMap<_, _>>()
    };
    assert_eq!(statuses(&map), statuses(&page["seats"]));
    statuses(&map)
}

fn these(taken: &[(&str, &str)]) -> BTreeMap<String, String> {
    taken.iter().map(|(seat, status)| ((*seat).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn each_change_shows_at_once_and_nothing_else_changes_a_tag() {
    let app = TestApp::open().await;
    let (session, other) = (app.session().await, app.session().await);
    let free = tags(&app, &session).await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    assert_eq!(taken(&app, &session).await, these(&[("A1", "RESERVED")]));
    let after_hold = tags(&app, &session).await;
    assert!(after_hold[0] != free[0] && after_hold[1] != free[1]);
    // More time changes nothing that is shown, nor does what happens in another session.
    app.extend(&held).await.expect(200);
    app.reserve(other.seat("A1"), "ana").await.expect(201);
    assert_eq!(tags(&app, &session).await, after_hold);
    app.pay(&held).await.expect(201);
    assert_eq!(taken(&app, &session).await, these(&[("A1", "SOLD")]));
    let sold = tags(&app, &session).await;
    assert!(sold[0] != after_hold[0] && sold[1] != after_hold[1]);
    let second = app.reserve(session.seat("A2"), "bia").await.expect(201).id();
    assert_eq!(taken(&app, &session).await, these(&[("A1", "SOLD"), ("A2", "RESERVED")]));
    app.cancel(&second).await.expect(204);
    assert_eq!(taken(&app, &session).await, these(&[("A1", "SOLD")]));
    assert_eq!(tags(&app, &session).await, sold, "the same is shown again");
    // A change of the session is one of its page, and not of its map.
    app.patch(&session.path(), &json!({ "movie": "Duna" })).await.expect(200);
    let renamed = tags(&app, &session).await;
    assert!(renamed[0] == sold[0] && renamed[1] != sold[1]);
    assert_eq!(app.get(&session.path()).await.text("movie"), "Duna");
}

#[tokio::test]
async fn a_lapse_shows_at_its_millisecond_and_a_clock_that_is_put_back_shows_the_hold_again() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.advance(MILLI);
    app.reserve(session.seat("A2"), "bia").await.expect(201);
    let both = these(&[("A1", "RESERVED"), ("A2", "RESERVED")]);
    assert_eq!(taken(&app, &session).await, both);
    let held = tags(&app, &session).await;
    // Nothing is written meanwhile.
    let stall = app.stall().await;
    app.advance(NEARLY);
    assert_eq!(taken(&app, &session).await, these(&[("A2", "RESERVED")]));
    app.advance(MILLI);
    assert_eq!(taken(&app, &session).await, these(&[]));
    app.put_back(MILLI);
    assert_eq!(taken(&app, &session).await, these(&[("A2", "RESERVED")]));
    app.put_back(MILLI);
    assert_eq!(taken(&app, &session).await, both);
    assert_eq!(tags(&app, &session).await, held);
    stall.end();
}

#[tokio::test]
async fn a_closed_session_is_gone_at_once() {
    let app = TestApp::open().await;
    let session = app.session().await;
    tags(&app, &session).await;
    app.delete(&session.path()).await.expect(204);
    for path in paths(&session) {
        app.get(&path).header("if-none-match", "*").await.refused(404, "session_not_found");
    }
}

#[tokio::test]
async fn tags_are_the_same_after_a_restart() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    let before = tags(&app, &session).await;
    let app = app.stop().await.open_after(Duration::ZERO).await;
    assert_eq!(tags(&app, &session).await, before);
}

#[tokio::test]
async fn instances_agree_and_each_sees_the_changes_of_the_others() {
    let one = TestApp::on_a_server().await;
    let other = one.another().await;
    let session = one.session().await;
    for (place, seat) in ["A1", "A2", "A3", "A4"].into_iter().enumerate() {
        let (writer, reader) = if place % 2 == 0 { (&one, &other) } else { (&other, &one) };
        assert_eq!(tags(writer, &session).await, tags(reader, &session).await);
        let held = writer.reserve(session.seat(seat), "ana").await.expect(201).id();
        assert_eq!(taken(reader, &session).await[seat], "RESERVED");
        reader.pay(&held).await.expect(201);
        assert_eq!(taken(writer, &session).await[seat], "SOLD");
        assert_eq!(tags(writer, &session).await, tags(reader, &session).await);
    }
    other.patch(&session.path(), &json!({ "room": "Sala 9" })).await.expect(200);
    assert_eq!(one.get(&session.path()).await.text("room"), "Sala 9");
}

#[tokio::test]
async fn a_batch_that_fails_leaves_the_answer_as_it_was_and_the_next_change_shows() {
    let app = TestApp::embedded().await;
    let session = app.session().await;
    let free = tags(&app, &session).await;
    app.tamper(
        "CREATE TRIGGER failing BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    app.reserve(session.seat("A1"), "ana").await.expect(500);
    let stamps = app.engine().stamps.as_ref().expect("embedded");
    let id = SessionId::from_uuid(session.id.parse().unwrap()).unwrap();
    assert!(stamps.of(id).is_settled(), "the batch has ended");
    assert_eq!(tags(&app, &session).await, free);
    app.tamper("DROP TRIGGER failing");
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    assert_eq!(taken(&app, &session).await, these(&[("A1", "RESERVED")]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_storm_no_map_is_older_than_an_answer_that_came_before_it() {
    const SEATS: u32 = 64;
    let app = TestApp::open().await;
    let session = app.session().seats(SEATS).await;
    let mut tasks = JoinSet::new();
    for (number, seat) in session.all_seats().into_iter().enumerate() {
        let reserve = app.reserve(seat, &format!("user-{number}"));
        let paths = paths(&session);
        let reads = paths.map(|path| app.get(&path));
        tasks.spawn(async move {
            reserve.await.expect(201);
            for read in reads {
                let found = read.await.expect(200).body;
                let seats = found.as_array().or_else(|| found["seats"].as_array());
                assert_eq!(seats.expect("seats")[number]["status"], "RESERVED");
            }
        });
    }
    for reader in 0..8 {
        let path = &paths(&session)[reader % 2];
        let reads: Vec<_> = (0..100).map(|_| app.get(path)).collect();
        tasks.spawn(async move {
            let (mut seen, mut known) = (0, String::new());
            for read in reads {
                let found = read.header("if-none-match", &known).await;
                if found.status == 304 {
                    continue;
                }
                let found = found.expect(200);
                let held = String::from_utf8_lossy(&found.bytes).matches("\"RESERVED\"").count();
                assert!(held >= seen, "{held} after {seen}");
                (seen, known) = (held, tag(&found));
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(taken(&app, &session).await.len(), SEATS as usize);
}

#[tokio::test]
async fn the_largest_session_is_sent_whole_and_compressed() {
    let app = TestApp::open().await;
    let session = app.session().seats(10_000).await;
    for path in paths(&session) {
        let plain = app.get(&path).await.expect(200);
        assert!(plain.bytes.len() > 500_000, "{path}");
        let ask = || app.get(&path).header("accept-encoding", "gzip");
        let (one, other) = tokio::join!(ask().into_future(), ask().into_future());
        assert_eq!(one.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(one.bytes, other.bytes, "{path}");
        assert!(one.bytes.len() * 8 < plain.bytes.len(), "{path}: {}", one.bytes.len());
        ask().header("if-none-match", &tag(&plain)).await.expect(304);
    }
}

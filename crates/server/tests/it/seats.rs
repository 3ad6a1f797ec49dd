//! The seat map.

use poltrona_testkit::app::{MILLI, NEARLY, TestApp, fields};

#[tokio::test]
async fn the_map_shows_every_seat_in_order() {
    let app = TestApp::open().await;
    let session = app.session().seats(20).await;
    let map = app.get(&format!("/seats/{}", session.id)).await.expect(200);
    let expected = [
        "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "B1", "B2", "B3", "B4", "B5", "B6", "B7",
        "B8", "C1", "C2", "C3", "C4",
    ];
    assert_eq!(map.each("seatNumber"), expected);
    assert_eq!(map.ids(), expected.map(|number| session.seat(number)));
    for seat in map.body.as_array().unwrap() {
        assert_eq!(fields(seat), ["id", "isLocked", "seatNumber", "status"]);
        assert_eq!((&seat["status"], &seat["isLocked"]), (&"AVAILABLE".into(), &false.into()));
    }
}

#[tokio::test]
async fn a_seat_goes_from_free_to_held_to_sold_on_the_map_and_in_the_session() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let in_session = async || {
        let shown = app.get(&session.path()).await.expect(200);
        shown.body["seats"][2]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(app.seat(&session, "A3").await, ("AVAILABLE".to_owned(), false));
    let held = app.reserve(session.seat("A3"), "ana").await.expect(201);
    assert_eq!(app.seat(&session, "A3").await, ("RESERVED".to_owned(), true));
    assert_eq!(in_session().await, "RESERVED");
    app.pay(&held.id()).await.expect(201);
    assert_eq!(app.seat(&session, "A3").await, ("SOLD".to_owned(), false));
    assert_eq!(in_session().await, "SOLD");
    assert_eq!(app.seat(&session, "A2").await, ("AVAILABLE".to_owned(), false));
}

#[tokio::test]
async fn a_seat_is_held_to_the_last_millisecond_and_free_on_the_next() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.advance(NEARLY);
    assert_eq!(app.seat(&session, "A1").await, ("RESERVED".to_owned(), true));
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    app.advance(MILLI);
    assert_eq!(app.seat(&session, "A1").await, ("AVAILABLE".to_owned(), false));
    app.reserve(session.seat("A1"), "bia").await.expect(201);
}

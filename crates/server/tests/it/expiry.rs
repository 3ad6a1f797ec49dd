//! Recording a lapse, for which no client has to wait.

use poltrona_testkit::app::{HOLD, MILLI, NEARLY, TestApp};

#[tokio::test]
async fn a_lapse_is_seen_at_once_and_written_down_soon_after() {
    let app = TestApp::open().await;
    app.record_events();
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.advance(HOLD);
    let stored = || app.sql::<String>("SELECT status FROM reservations");
    assert_eq!(stored(), "PENDING");
    assert_eq!(app.status(&held).await, "EXPIRED");
    app.settle().await;
    assert_eq!(stored(), "EXPIRED");
    assert_eq!(app.status(&held).await, "EXPIRED");
    assert_eq!(app.sql::<String>("SELECT status FROM seats WHERE seat_no = 1"), "AVAILABLE");
    let names = app.event_names();
    assert_eq!(names[2..], ["reservation.expired", "seat.released"]);
}

#[tokio::test]
async fn holds_of_different_ages_lapse_each_in_its_time() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let mut held = Vec::new();
    for number in ["A1", "A2", "A3"] {
        held.push(app.reserve(session.seat(number), "ana").await.expect(201).id());
        app.advance(HOLD / 3);
    }
    for lapsed in 1..=3 {
        app.settle().await;
        assert_eq!(app.count("reservations WHERE status = 'EXPIRED'"), lapsed);
        app.advance(HOLD / 3);
    }
}

#[tokio::test]
async fn an_extended_hold_lapses_at_its_new_time() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let other = app.reserve(session.seat("A2"), "bia").await.expect(201).id();
    app.advance(NEARLY);
    app.extend(&held).await.expect(200);
    app.advance(MILLI);
    app.settle().await;
    assert_eq!([app.status(&held).await, app.status(&other).await], ["PENDING", "EXPIRED"]);
    assert_eq!(app.seat_status(&session, "A1").await, "RESERVED");
    app.advance(NEARLY);
    app.settle().await;
    assert_eq!(app.count("reservations WHERE status = 'EXPIRED'"), 2);
    assert_eq!(app.count("seats WHERE status = 'AVAILABLE'"), 16);
}

#[tokio::test]
async fn the_lapse_of_an_old_hold_leaves_the_seats_new_owner_alone() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let old = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let stall = app.stall().await;
    let (taken, ()) = tokio::join!(
        async {
            app.advance(HOLD);
            app.reserve(session.seat("A1"), "bia").await
        },
        async { stall.end() },
    );
    let new = taken.expect(201).id();
    app.settle().await;
    assert_eq!([app.status(&old).await, app.status(&new).await], ["EXPIRED", "PENDING"]);
    assert_eq!(app.seat(&session, "A1").await, ("RESERVED".to_owned(), true));
    app.pay(&new).await.expect(201);
    app.advance(HOLD);
    app.settle().await;
    assert_eq!(app.seat_status(&session, "A1").await, "SOLD");
}

#[tokio::test]
async fn holds_that_lapsed_while_nothing_ran_are_recorded_at_the_start() {
    let app = TestApp::open().await;
    app.record_events();
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let stopped = app.stop().await;
    let app = stopped.open_after(HOLD).await;
    assert_eq!(app.status(&held).await, "EXPIRED");
    app.settle().await;
    assert_eq!(app.sql::<String>("SELECT status FROM reservations"), "EXPIRED");
    assert_eq!(app.event_names()[2..], ["reservation.expired", "seat.released"]);
}

#[tokio::test]
async fn a_hold_that_a_restart_found_alive_lapses_in_its_time() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let app = app.stop().await.open_after(NEARLY).await;
    assert_eq!(app.status(&held).await, "PENDING");
    assert_eq!(app.seat_status(&session, "A1").await, "RESERVED");
    app.advance(MILLI);
    app.settle().await;
    assert_eq!(app.count("reservations WHERE status = 'EXPIRED'"), 1);
}

#[tokio::test]
async fn reservations_that_came_to_nothing_leave_after_30_days() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let lapsed = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let paid = app.reserve(session.seat("A2"), "ana").await.expect(201).id();
    app.pay(&paid).await.expect(201);
    app.advance(HOLD);
    app.settle().await;
    let minute = HOLD * 2;
    app.advance(minute * 60 * 24 * 30);
    app.get(&format!("/reservations/{lapsed}")).await.expect(200);
    // They are looked for once a minute.
    let gone = || {
        app.advance(minute);
        app.count("reservations") == 1
    };
    app.wait_until("old rows are gone", gone).await;
    app.get(&format!("/reservations/{lapsed}")).await.refused(404, "reservation_not_found");
    assert_eq!(app.status(&paid).await, "CONFIRMED");
}

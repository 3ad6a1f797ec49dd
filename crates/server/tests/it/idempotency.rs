//! A repeated request has no second effect.

use std::time::Duration;

use poltrona_testkit::app::{Answer, HOLD, MILLI, TestApp, session_body, session_with};
use serde_json::json;

const DAY: Duration = Duration::from_hours(24);

/// Fails unless `again` equals `first`, byte for byte, and is marked as a replay.
#[track_caller]
fn assert_replayed(first: &Answer, again: &Answer) {
    assert_eq!(again.status, first.status, "{}", again.lossy());
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn a_reservation_sent_again_is_the_same_reservation() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let ask = || app.reserve(session.seat("A1"), "ana").key("k");
    let first = ask().await.expect(201);
    app.advance(MILLI);
    let again = ask().await;
    assert_replayed(&first, &again);
    assert!(first.header("location").is_some());
    assert_eq!(app.count("reservations"), 1);
}

#[tokio::test]
async fn bodies_are_compared_as_parsed() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let seat = session.seat("A1");
    let first = app.reserve(seat, "ana").key("k").await.expect(201);
    let respelt = format!("{{ \"userId\" : \"\\u0061na\",\n \"seatId\" : \"{seat}\" }}");
    let again = app.request("POST", "/reservations").key("k").raw(respelt).await;
    assert_replayed(&first, &again);
}

#[tokio::test]
async fn bodies_are_compared_by_meaning() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let [a1, a2] = session.seats(["A1", "A2"]);
    let first = app.reserve(a1, "Cora\u{e7}a\u{303}o").key("k").await.expect(201);
    let again = app.reserve(&a1.to_uppercase(), "Coração").key("k").await;
    assert_replayed(&first, &again);
    let both = app.reserve_all(&[a1, a2], "bia").key("k").await;
    both.refused(409, "seat_held");
    let open = |price: &str, starts: &str| {
        let body = session_body().to_string();
        let body = body.replace("25.5", price).replace("2026-12-01T19:00:00.000Z", starts);
        app.request("POST", "/sessions").key("open").raw(body)
    };
    let first = open("25", "2026-12-01T19:00:00.000Z").await.expect(201);
    for (price, starts) in [("25.0", "2026-12-01T19:00:00Z"), ("2.5e1", "2026-12-01T16:00-03:00")] {
        assert_replayed(&first, &open(price, starts).await);
    }
    open("25.01", "2026-12-01T19:00:00Z").await.refused(422, "idempotency_mismatch");
    assert_eq!(app.count("sessions"), 2);
}

#[tokio::test]
async fn a_payment_sent_again_is_the_same_sale_whatever_became_of_the_reservation() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").key("hold").await.expect(201).id();
    let pay = || app.pay(&held).key("pay");
    let first = pay().await.expect(201);
    assert_replayed(&first, &pay().await);
    app.advance(HOLD * 2);
    app.settle().await;
    assert_replayed(&first, &pay().await);
    app.pay(&held).await.refused(409, "reservation_confirmed");
    app.pay(&held).key("other").await.refused(409, "reservation_confirmed");
    assert_eq!(app.count("sales"), 1);
}

#[tokio::test]
async fn an_extension_sent_again_is_counted_once() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.advance(MILLI);
    let first = app.extend(&held).key("k").await.expect(200);
    app.advance(MILLI);
    for _ in 0..5 {
        assert_replayed(&first, &app.extend(&held).key("k").await);
    }
    let shown = app.get(&format!("/reservations/{held}")).await.expect(200);
    assert_eq!(shown.text("expiresAt"), first.text("expiresAt"));
    assert_eq!(app.sql::<i64>("SELECT extensions FROM reservations"), 1);
}

#[tokio::test]
async fn a_session_sent_again_is_the_same_session_with_its_seats() {
    let app = TestApp::open().await;
    let open = || app.post("/sessions", &session_body()).key("k");
    let first = open().await.expect(201);
    assert_eq!(first.body["seats"].as_array().unwrap().len(), 16);
    app.advance(MILLI);
    assert_replayed(&first, &open().await);
    // The replay shows it as it was opened, though a seat has an owner by now.
    let seat = first.body["seats"][0]["id"].as_str().unwrap();
    app.reserve(seat, "ana").await.expect(201);
    assert_replayed(&first, &open().await);
    assert_eq!(app.count("sessions"), 1);
    assert_eq!(app.count("seats"), 16);
}

#[tokio::test]
async fn a_key_stands_for_one_request_only() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let [seat, other] = session.seats(["A1", "A2"]);
    let held = app.reserve(seat, "ana").key("k").await.expect(201).id();
    app.reserve(other, "ana").key("k").await.refused(422, "idempotency_mismatch");
    app.reserve_all(&[seat], "ana").key("k").await.refused(422, "idempotency_mismatch");
    app.pay(&held).key("k").await.refused(422, "idempotency_mismatch");
    app.extend(&held).key("k").await.refused(422, "idempotency_mismatch");
    let second = app.reserve(other, "ana").key("k2").await.expect(201).id();
    app.pay(&held).key("p").await.expect(201);
    app.pay(&second).key("p").await.refused(422, "idempotency_mismatch");
    app.post("/sessions", &session_body()).key("s").await.expect(201);
    let changed = session_with("room", "Sala 2");
    app.post("/sessions", &changed).key("s").await.refused(422, "idempotency_mismatch");
    assert_eq!(app.status(&second).await, "PENDING");
    assert_eq!(app.count("sessions"), 2);
}

#[tokio::test]
async fn equal_keys_of_different_people_have_nothing_to_do_with_each_other() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let [seat, other] = session.seats(["A1", "A2"]);
    let anas = app.reserve(seat, "ana").key("k").await.expect(201);
    let bias = app.reserve(other, "bia").key("k").await.expect(201);
    assert_ne!(anas.id(), bias.id());
    assert_eq!(bias.header("idempotency-replayed"), None);
    // A session is opened for no user, so its key is a third one.
    app.post("/sessions", &session_body()).key("k").await.expect(201);
    app.pay(&anas.id()).key("p").await.expect(201);
    let paid = app.pay(&bias.id()).key("p").await.expect(201);
    assert_eq!(paid.text("userId"), "bia");
}

#[tokio::test]
async fn a_replay_gives_the_reservation_even_after_its_seat_changed_hands() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let ask = || app.reserve(session.seat("A1"), "ana").key("k");
    let first = ask().await.expect(201);
    app.advance(HOLD);
    app.settle().await;
    let bias = app.reserve(session.seat("A1"), "bia").await.expect(201);
    app.pay(&bias.id()).await.expect(201);
    assert_replayed(&first, &ask().await);
    assert_eq!(app.status(&first.id()).await, "EXPIRED");
}

#[tokio::test]
async fn a_key_is_remembered_for_24_hours() {
    let app = TestApp::open().await;
    let open = || app.post("/sessions", &session_body()).key("k");
    let first = open().await.expect(201);
    app.advance(DAY);
    assert_replayed(&first, &open().await);
    app.advance(MILLI);
    let anew = open().await.expect(201);
    assert_eq!(anew.header("idempotency-replayed"), None);
    assert_ne!(anew.id(), first.id());
    assert_replayed(&anew, &open().await);
    let changed = session_with("room", "Sala 2");
    app.post("/sessions", &changed).key("k").await.refused(422, "idempotency_mismatch");
}

#[tokio::test]
async fn a_refusal_is_not_remembered_and_its_retry_is_decided_anew() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let anas = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let ask = || app.reserve(session.seat("A1"), "bia").key("k");
    ask().await.refused(409, "seat_held");
    ask().await.refused(409, "seat_held");
    assert_eq!(app.count("idempotency"), 0);
    app.cancel(&anas).await.expect(204);
    let held = ask().await.expect(201);
    assert_eq!(held.header("idempotency-replayed"), None);
    // Nor does a refused request bind its key to a body.
    let sold_out = app.reserve(session.seat("A1"), "caio").key("c").await;
    sold_out.refused(409, "seat_held");
    app.reserve(session.seat("A2"), "caio").key("c").await.expect(201);
    let broken = app.post("/sessions", &json!({})).key("s").await;
    broken.refused(400, "validation_failed");
    app.post("/sessions", &session_body()).key("s").await.expect(201);
}

#[tokio::test]
async fn equal_requests_at_the_same_moment_share_one_effect() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let ask = || async { app.reserve(session.seat("A1"), "ana").key("k").await };
    let stall = app.stall().await;
    let (busy, first, second, third, ()) = tokio::join!(
        async { app.reserve(session.seat("A2"), "bia").await },
        ask(),
        ask(),
        ask(),
        async { stall.end() },
    );
    busy.expect(201);
    let first = first.expect(201);
    assert_replayed(&first, &second);
    assert_replayed(&first, &third);
    assert_eq!(app.count("reservations WHERE user_id = 'ana'"), 1);
}

#[tokio::test]
async fn different_requests_at_the_same_moment_do_not_share_a_key() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let ask = |number| app.reserve(session.seat(number), "ana").key("k");
    let stall = app.stall().await;
    let (busy, first, second, ()) = tokio::join!(
        async { app.reserve(session.seat("A3"), "bia").await },
        async { ask("A1").await },
        async { ask("A2").await },
        async { stall.end() },
    );
    busy.expect(201);
    first.expect(201);
    second.refused(422, "idempotency_mismatch");
    assert_eq!(app.seat_status(&session, "A2").await, "AVAILABLE");
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_characters() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    for key in ["", &"k".repeat(256), "ção"] {
        for call in [
            app.post("/sessions", &session_body()),
            app.reserve(session.seat("A2"), "ana"),
            app.pay(&held),
            app.extend(&held),
        ] {
            let rule = "Idempotency-Key must have 1 to 255 visible ASCII characters";
            call.key(key).english().await.breaks(&[rule]);
        }
    }
    // With two keys it is unclear which one a retry would send.
    let two = app.reserve(session.seat("A2"), "ana").key("k").key("l").english().await;
    two.breaks(&["Idempotency-Key was given twice"]);
    app.reserve(session.seat("A2"), "ana").key(&"k".repeat(255)).await.expect(201);
}

#[tokio::test]
async fn a_restart_forgets_no_key() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let first = app.reserve(session.seat("A1"), "ana").key("k").await.expect(201);
    let app = app.stop().await.open_after(HOLD * 2).await;
    let again = app.reserve(session.seat("A1"), "ana").key("k").await;
    assert_replayed(&first, &again);
}

#[tokio::test]
async fn answers_that_are_too_old_leave_the_database() {
    let app = TestApp::open().await;
    app.post("/sessions", &session_body()).key("k").await.expect(201);
    app.advance(DAY);
    // They are looked for once a minute.
    let gone = || {
        app.advance(HOLD * 2);
        app.count("idempotency") == 0
    };
    app.wait_until("old answers are gone", gone).await;
    assert_eq!(app.count("sessions"), 1);
}

#[tokio::test]
async fn old_answers_leave_as_fast_as_they_came() {
    let app = TestApp::open().await;
    // Once it is answered, the minute has begun after which old answers are looked for.
    app.post("/sessions", &session_body()).key("k").await.expect(201);
    // More answers than one transaction removes.
    let (fingerprint, answer) = (app.place().bytes("00"), app.place().bytes(""));
    app.tamper(&format!(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         INSERT INTO idempotency (caller, key, fingerprint, status, answer, created_at)
         SELECT 'ana', CAST(i AS text), {fingerprint}, 201, {answer}, 0 FROM n"
    ));
    app.advance(HOLD * 2);
    app.wait_until("all of them are gone", || app.count("idempotency") == 1).await;
}

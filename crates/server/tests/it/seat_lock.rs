//! Taken seats are refused early, by Redis or from memory, and no fault of Redis changes an answer.

mod marks;
mod memory;
mod away;
mod batches;
mod stale;

use futures_util::future::join_all;
use poltrona_testkit::app::{HOLD, MILLI, NEARLY, START};
use poltrona_testkit::engines::Redis;

use marks::{Marks as _, key, open_as, open_with, outcomes, refuse_once};

#[tokio::test]
async fn a_taken_seat_is_refused_while_nothing_can_be_written() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    let by_database = refuse_once(&app, &session, &["A1"]).await.refused(409, "seat_held");
    let stall = app.stall().await;
    let by_lock = app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    stall.end();
    assert_eq!(by_lock.body["seats"], by_database.body["seats"]);
    assert_eq!(by_lock.body["seats"][0]["retryAt"], held.body["expiresAt"]);
    assert_eq!(outcomes(&app, "granted"), 1);
    assert_eq!(outcomes(&app, "refused"), 1);
    assert_eq!(redis.mark(&session, "A1").split_once(' ').unwrap().0, held.id());
}

#[tokio::test]
async fn the_holder_is_refused_by_the_database_which_names_their_reservation() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    for _ in 0..3 {
        let others = app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
        assert!(others.body["seats"][0].get("reservationId").is_none());
        let own = app.reserve(session.seat("A1"), "ana").await.refused(409, "seat_held");
        assert_eq!(own.body["seats"][0]["reservationId"], held.id());
    }
}

#[tokio::test]
async fn every_seat_in_the_way_is_named_with_its_reason_in_the_order_asked() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    let sold = app.reserve(session.seat("A2"), "bia").await.expect(201).id();
    app.pay(&sold).await.expect(201);
    let mark = format!("{sold} sold");
    app.wait_until("the sale is marked", || redis.mark(&session, "A2") == mark).await;
    let asked = ["A3", "A2", "A1"];
    let by_database = refuse_once(&app, &session, &asked).await;
    let stall = app.stall().await;
    let by_lock = app.reserve_all(&session.seats(asked), "caio").await;
    let by_lock = by_lock.refused(409, "seats_unavailable");
    app.reserve(session.seat("A2"), "caio").await.refused(409, "seat_sold");
    stall.end();
    assert_eq!(by_lock.body["seats"], by_database.body["seats"]);
    assert_eq!(by_lock.body["seats"][0]["seatNumber"], "A2");
    assert!(by_lock.body["seats"][0].get("retryAt").is_none());
    assert_eq!(by_lock.body["seats"][1]["seatNumber"], "A1");
    assert!(by_lock.body["seats"][1]["retryAt"].is_string());
}

#[tokio::test]
async fn an_unknown_seat_is_refused_before_a_taken_one() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    refuse_once(&app, &session, &["A1"]).await;
    let seventeenth = format!("{}0011", &session.id[..32]);
    for asked in [[session.seat("A1"), &seventeenth], [&seventeenth, session.seat("A1")]] {
        let answer = app.reserve_all(&asked, "bia").await.refused(404, "seat_not_found");
        assert_eq!(answer.body["seats"].as_array().unwrap().len(), 1);
    }
    // Nor does a mark make a seat exist.
    redis.ask::<()>(&[
        "SET",
        &format!("seat:{{{}}}:17", session.id),
        "00000000-0000-0000-0000-000000000001 sold",
    ]);
    for _ in 0..2 {
        app.reserve(&seventeenth, "bia").await.refused(404, "seat_not_found");
    }
}

#[tokio::test]
async fn all_the_seats_are_marked_or_none() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    app.reserve(session.seat("A2"), "ana").await.expect(201);
    for asked in [["A1", "A2", "A3"], ["A3", "A2", "A1"]] {
        app.reserve_all(&session.seats(asked), "bia").await.expect(409);
        assert_eq!(redis.mark(&session, "A1"), "");
        assert_eq!(redis.mark(&session, "A3"), "");
    }
    app.reserve_all(&session.seats(["A3", "A1"]), "caio").await.expect(201);
}

#[tokio::test]
async fn the_same_seats_in_another_order_are_granted_or_refused_and_never_deadlock() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    for pair in session.all_seats().chunks(2) {
        let asks = [[pair[0], pair[1]], [pair[1], pair[0]]];
        let answers =
            join_all(asks.map(|seats| app.reserve_all(&seats, "ana").into_future())).await;
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
}

#[tokio::test]
async fn a_seat_that_was_given_back_is_free_at_once() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    for _ in 0..5 {
        let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
        refuse_once(&app, &session, &["A1"]).await;
        app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
        app.cancel(&held).await.expect(204);
        let next = app.reserve(session.seat("A1"), "bia").await.expect(201).id();
        app.cancel(&next).await.expect(204);
    }
    assert_eq!(outcomes(&app, "granted"), 10);
}

#[tokio::test]
async fn a_lapsed_hold_refuses_nobody() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.advance(NEARLY);
    refuse_once(&app, &session, &["A1"]).await;
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    app.advance(MILLI);
    let taken_over = app.reserve(session.seat("A1"), "bia").await.expect(201).id();
    app.wait_until("the new hold is marked", || {
        redis.mark(&session, "A1").starts_with(&taken_over)
    })
    .await;
}

#[tokio::test]
async fn an_extended_hold_refuses_for_longer() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    let before = redis.mark(&session, "A1");
    app.advance(NEARLY);
    let extended = app.extend(&held.id()).await.expect(200);
    app.wait_until("it is marked", || redis.mark(&session, "A1") != before).await;
    app.advance(MILLI);
    refuse_once(&app, &session, &["A1"]).await;
    let stall = app.stall().await;
    let refused = app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    stall.end();
    assert_eq!(refused.body["seats"][0]["retryAt"], extended.body["expiresAt"]);
}

#[tokio::test]
async fn a_retry_is_answered_as_the_first_time_although_the_seat_is_taken() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    let ask = || app.reserve(session.seat("A1"), "ana").key("k");
    let first = ask().await.expect(201);
    refuse_once(&app, &session, &["A1"]).await;
    let again = ask().await.expect(201);
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    // Another's keyed request is refused too, and by the database.
    app.reserve(session.seat("A1"), "bia").key("k").await.refused(409, "seat_held");
    assert_eq!(outcomes(&app, "refused"), 0);
    assert!(redis.mark(&session, "A1").starts_with(&first.id()));
    // A replay that found no mark leaves none: its reservation is another.
    redis.ask::<()>(&["FLUSHALL"]);
    ask().await.expect(201);
    app.wait_until("it is taken back", || redis.mark(&session, "A1").is_empty()).await;
}

#[tokio::test]
async fn a_wish_that_the_database_refuses_leaves_no_mark() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    app.reserve(session.seat("A2"), "ana").await.expect(201);
    // Redis forgets, so that the lock grants what the database refuses.
    redis.ask::<()>(&["FLUSHALL"]);
    app.reserve_all(&session.seats(["A1", "A2"]), "bia").await.refused(409, "seat_held");
    app.wait_until("the free seat has no mark", || redis.mark(&session, "A1").is_empty()).await;
    // And the database's refusal is marked, though without the holder.
    let until = app.engine().env.clock.now().plus(HOLD).as_millis();
    let expected = format!("00000000-0000-0000-0000-000000000000 {until}");
    assert_eq!(redis.mark(&session, "A2"), expected);
    app.reserve(session.seat("A2"), "caio").await.refused(409, "seat_held");
    assert_eq!(outcomes(&app, "refused"), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_no_mark() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    let stall = app.stall().await;
    let mut asking = app.reserve(session.seat("A1"), "ana").into_future();
    tokio::select! {
        answer = &mut asking => panic!("{}", answer.lossy()),
        () = app.wait_until("it is marked", || !redis.mark(&session, "A1").is_empty()) => {}
    }
    drop(asking);
    app.wait_until("its seat has no mark", || redis.mark(&session, "A1").is_empty()).await;
    stall.end();
}

#[tokio::test]
async fn a_wish_that_has_no_place_in_the_queue_marks_nothing() {
    let redis = Redis::start().await;
    let url = redis.url();
    let app = open_as(&url, |config| (config.queue_depth, config.batch_max) = (1, 1)).await;
    let session = app.session().await;
    // Otherwise the writer might be busy with another write.
    app.settle().await;
    let stall = app.stall().await;
    let waiting = || app.engine().ledger.waiting();
    let second = async {
        app.wait_until("A1 is marked", || outcomes(&app, "granted") == 1).await;
        app.wait_until("A1 is in the writer's hands", || waiting() == 0).await;
        app.reserve(session.seat("A2"), "bia").await
    };
    let third = async {
        app.wait_until("A2 is marked", || outcomes(&app, "granted") == 2).await;
        assert_eq!(waiting(), 1);
        app.reserve(session.seat("A3"), "caio").await.refused(503, "overloaded");
        assert_eq!(redis.mark(&session, "A3"), "");
        assert_eq!(outcomes(&app, "granted"), 2);
        stall.end();
    };
    let first = app.reserve(session.seat("A1"), "ana").into_future();
    let (first, second, ()) = tokio::join!(first, second, third);
    first.expect(201);
    second.expect(201);
}

#[tokio::test]
async fn a_hold_that_began_later_than_its_mark_is_marked_anew() {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    let stall = app.stall().await;
    let later = async {
        app.wait_until("it is marked", || !redis.mark(&session, "A1").is_empty()).await;
        app.advance(MILLI * 500);
        stall.end();
    };
    let asking = app.reserve(session.seat("A1"), "ana").into_future();
    let (held, ()) = tokio::join!(asking, later);
    let held = held.expect(201);
    assert_ne!(held.text("createdAt"), START);
    let until = app.engine().env.clock.now().plus(HOLD).as_millis();
    let expected = format!("{} {until}", held.id());
    app.wait_until("it is marked anew", || redis.mark(&session, "A1") == expected).await;
    let left: i64 = redis.ask(&["PTTL", &key(&session, "A1")]);
    assert!((1..=30_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_user_with_few_rights_and_a_database_of_its_own_are_enough() {
    let redis = Redis::start().await;
    redis.ask::<()>(&[
        "ACL",
        "SETUSER",
        "box",
        "on",
        ">p@ss",
        "resetchannels",
        "-@all",
        "~seat:*",
        "+evalsha",
        "+script|load",
        "+mget",
        "+set",
        "+del",
        "+select",
    ]);
    let app = open_as(&redis.url_for("box:p%40ss@", "/3"), |_| {}).await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    refuse_once(&app, &session, &["A1"]).await;
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    assert_eq!(outcomes(&app, "refused"), 1);
    assert_eq!(redis.mark(&session, "A1"), "", "not in the first database");
    app.cancel(&held).await.expect(204);
    app.reserve(session.seat("A1"), "bia").await.expect(201);
    assert_eq!(outcomes(&app, "failed"), 0);
}

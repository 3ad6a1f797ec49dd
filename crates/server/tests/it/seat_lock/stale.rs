//! Redis forgets marks, or has wrong ones.

use super::marks::{Marks as _, key, open_with, outcomes, refuse_once};
use poltrona_testkit::app::{HOLD, MILLI, Session, TestApp};
use poltrona_testkit::engines::Redis;

/// A mark that nobody wrote for any reservation.
const LIE: &str = "00000000-0000-0000-0000-000000000001 sold";

async fn setting() -> (Redis, TestApp, Session) {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    (redis, app, session)
}

#[tokio::test]
async fn a_redis_that_forgot_everything_changes_no_answer() {
    let (redis, app, session) = setting().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    redis.ask::<()>(&["FLUSHALL"]);
    redis.ask::<()>(&["SCRIPT", "FLUSH"]);
    let refused = app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    assert_eq!(refused.body["seats"][0]["retryAt"], held.body["expiresAt"]);
    app.wait_until("it is remembered", || !redis.mark(&session, "A1").is_empty()).await;
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    // The holder was forgotten; the cancellation frees the seat all the same.
    app.cancel(&held.id()).await.expect(204);
    app.reserve(session.seat("A1"), "bia").await.expect(201);
}

#[tokio::test]
async fn a_mark_that_the_database_contradicts_is_corrected() {
    let (redis, app, session) = setting().await;
    redis.set_mark(&session, "A1", LIE);
    redis.set_mark(&session, "A2", LIE);
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.wait_until("A1 is corrected", || redis.mark(&session, "A1").starts_with(&held)).await;
    // And so is one that another seat's refusal contradicts.
    app.reserve_all(&session.seats(["A2", "A1"]), "bia").await.refused(409, "seat_held");
    app.wait_until("A2 is corrected", || redis.mark(&session, "A2").is_empty()).await;
    // A mark that a refusal corrected refuses the next request.
    redis.set_mark(&session, "A1", LIE);
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    app.wait_until("A1 is corrected", || redis.mark(&session, "A1") != LIE).await;
    assert_eq!(outcomes(&app, "refused"), 0);
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    assert_eq!(outcomes(&app, "refused"), 1);
}

#[tokio::test]
async fn a_cancellation_ends_the_refusals_for_its_hold() {
    let (redis, app, session) = setting().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let mark = redis.mark(&session, "A1");
    refuse_once(&app, &session, &["A1"]).await;
    app.cancel(&held).await.expect(204);
    // Even if Redis should still say so.
    redis.set_mark(&session, "A1", &mark);
    app.reserve(session.seat("A1"), "bia").await.expect(201);
}

#[tokio::test]
async fn a_refused_seat_is_looked_up_in_the_database_again_within_a_second() {
    let (_redis, app, session) = setting().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    refuse_once(&app, &session, &["A1"]).await;
    // Freed by another program, which sends no event.
    app.place().tamper(
        "UPDATE seats SET status = 'AVAILABLE', reservation_id = NULL, hold_until = NULL,
             version = version + 1 WHERE status = 'RESERVED'",
    );
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    app.advance(MILLI * 699);
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    app.advance(MILLI);
    app.reserve(session.seat("A1"), "bia").await.expect(201);
    assert_eq!(outcomes(&app, "refused"), 2);
}

#[tokio::test]
async fn a_mark_that_the_database_has_not_confirmed_refuses_nobody() {
    let (redis, app, session) = setting().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let mark = redis.mark(&session, "A1");
    refuse_once(&app, &session, &["A1"]).await;
    app.cancel(&held).await.expect(204);
    let (_, until) = mark.split_once(' ').unwrap();
    for mark in [LIE.to_owned(), format!("00000000-0000-0000-0000-000000000001 {until}")] {
        redis.set_mark(&session, "A1", &mark);
        let held = app.reserve(session.seat("A1"), "bia").await.expect(201).id();
        app.cancel(&held).await.expect(204);
    }
    assert_eq!(outcomes(&app, "refused"), 0);
}

#[tokio::test]
async fn a_wish_without_effect_blocks_none_of_the_seats_that_it_marked() {
    let (redis, app, session) = setting().await;
    // A1 was refused a moment ago, and is free; A2 is held, and Redis forgets it.
    let given_back = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    refuse_once(&app, &session, &["A1"]).await;
    app.cancel(&given_back).await.expect(204);
    app.reserve(session.seat("A2"), "ana").await.expect(201);
    redis.ask::<()>(&["FLUSHALL"]);
    let stall = app.stall().await;
    let group = app.reserve_all(&session.seats(["A1", "A2"]), "bia").into_future();
    let alone = async {
        app.wait_until("the group has marked A1", || !redis.mark(&session, "A1").is_empty()).await;
        let asking = app.reserve(session.seat("A1"), "caio").into_future();
        let end = async {
            app.wait_until("both are at the database", || outcomes(&app, "unsure") == 2).await;
            stall.end();
        };
        tokio::join!(asking, end).0
    };
    let (group, alone) = tokio::join!(group, alone);
    group.refused(409, "seat_held");
    alone.expect(201);
}

#[tokio::test]
async fn a_mark_that_outlives_its_hold_keeps_no_seat_from_being_sold() {
    let (redis, app, session) = setting().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    refuse_once(&app, &session, &["A1"]).await;
    assert_eq!(redis.ask::<i64>(&["PEXPIRE", &key(&session, "A1"), "86400000"]), 1);
    app.advance(HOLD);
    let next = app.reserve(session.seat("A1"), "bia").await.expect(201).id();
    app.pay(&next).await.expect(201);
}

#[tokio::test]
async fn a_mark_of_another_reservation_is_left_alone() {
    let (redis, app, session) = setting().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    redis.set_mark(&session, "A1", LIE);
    app.extend(&held).await.expect(200);
    // Waited for, and after all that was asked before.
    app.cancel(&held).await.expect(204);
    assert_eq!(redis.mark(&session, "A1"), LIE);
    app.reserve(session.seat("A1"), "bia").await.expect(201);
}

#[tokio::test]
async fn a_mark_that_is_not_ours_leaves_the_decision_to_the_database() {
    let (redis, app, session) = setting().await;
    let [a1, a2] = ["A1", "A2"].map(|number| key(&session, number));
    redis.ask::<()>(&["SET", &a1, "what?"]);
    redis.ask::<()>(&["RPUSH", &a2, "a", "list"]);
    let held = app.reserve_all(&session.seats(["A1", "A2"]), "ana").await.expect(201).id();
    app.wait_until("both are marked", || {
        ["A1", "A2"].iter().all(|number| {
            let kind = redis.ask::<String>(&["TYPE", &key(&session, number)]);
            kind == "string" && redis.mark(&session, number).starts_with(&held)
        })
    })
    .await;
    assert_eq!(outcomes(&app, "failed"), 0);
}

#[tokio::test]
async fn a_mark_from_before_a_cancellation_is_not_written_after_it() {
    let (redis, app, session) = setting().await;
    let [first, other] = ["A1", "A2"].map(|number| app.reserve(session.seat(number), "ana"));
    first.await.expect(201);
    let other = other.await.expect(201).id();
    redis.ask::<()>(&["FLUSHALL"]);
    let stall = app.stall().await;
    // The lock has no mark, the database will refuse; and meanwhile another instance would mark the
    // seat as free.
    let given_back = async {
        app.wait_until("it is marked", || !redis.mark(&session, "A1").is_empty()).await;
        redis.set_mark(&session, "A1", "free");
        stall.end();
    };
    let asking = app.reserve(session.seat("A1"), "bia").into_future();
    let (refused, ()) = tokio::join!(asking, given_back);
    refused.refused(409, "seat_held");
    // Marks are written in order, and this one is waited for.
    app.cancel(&other).await.expect(204);
    assert_eq!(redis.mark(&session, "A2"), "free");
    assert_eq!(redis.mark(&session, "A1"), "free");
}

#[tokio::test]
async fn a_mark_that_is_gone_when_the_database_answers_is_not_replaced() {
    let (redis, app, session) = setting().await;
    let [first, other] = ["A1", "A2"].map(|number| app.reserve(session.seat(number), "ana"));
    first.await.expect(201);
    let other = other.await.expect(201).id();
    redis.set_mark(&session, "A1", LIE);
    let stall = app.stall().await;
    let gone = async {
        app.wait_until("the lie was met", || outcomes(&app, "unsure") == 1).await;
        redis.ask::<()>(&["DEL", &key(&session, "A1")]);
        stall.end();
    };
    let asking = app.reserve(session.seat("A1"), "bia").into_future();
    let (refused, ()) = tokio::join!(asking, gone);
    refused.refused(409, "seat_held");
    // Marks are written in order, and this one is waited for.
    app.cancel(&other).await.expect(204);
    assert_eq!(redis.mark(&session, "A1"), "");
}

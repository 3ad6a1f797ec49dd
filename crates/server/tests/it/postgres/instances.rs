//! Instances that share a server, with concurrent requests for the same seats, keys and sessions.

use poltrona_testkit::app::{Answer, TestApp, at_once, count, session_body};
use poltrona_testkit::wait::wait_for;
use serde_json::json;

/// Three instances.
async fn three() -> [TestApp; 3] {
    let first = TestApp::on_a_server().await;
    let (second, third) = (first.another().await, first.another().await);
    [first, second, third]
}

/// Fails when the server had to break a deadlock. Connections report their counts when they end.
async fn assert_no_deadlock(apps: [TestApp; 3]) {
    let mut stopped = Vec::new();
    for app in apps {
        stopped.push(app.stop().await);
    }
    let place = stopped[0].place();
    let connected = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'poltrona'";
    let alone = async || (place.sql::<i64>(connected) == 0).then_some(());
    wait_for("every connection has ended", alone).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(place.sql::<i64>(deadlocks), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_sell_sixteen_seats_to_three_hundred_people_once() {
    let apps = three().await;
    let session = apps[0].session().await;
    let seats = session.all_seats();
    let wishes = (0..300).map(|i| apps[i % 3].reserve(seats[i * 7 % 16], &format!("user-{i}")));
    let held = at_once(wishes).await;
    assert_eq!((count(&held, 201), count(&held, 409)), (16, 284));
    let ids: Vec<_> = held.iter().filter(|it| it.status == 201).map(Answer::id).collect();
    let paid = at_once(apps.iter().flat_map(|app| ids.iter().map(|id| app.pay(id)))).await;
    assert_eq!((count(&paid, 201), count(&paid, 409)), (16, 32));
    assert_eq!((apps[0].count("sales"), apps[0].count("sale_seats")), (16, 16));
    apps[0].assert_books_balance();
    apps[2].settle().await;
    assert_eq!(apps[1].count("session_stats WHERE held = 0 AND sold = 16"), 1);
    assert_no_deadlock(apps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_that_overlap_across_instances_get_all_or_nothing_and_never_lock_each_other_up() {
    let apps = three().await;
    let session = apps[0].session().await;
    let seats = session.all_seats();
    // Each group shares seats with others, which name them in the other order.
    let wishes = (0..240).map(|i| {
        let mut group = [seats[i % 16], seats[(i + 2) % 16], seats[(i + 5) % 16]];
        if i % 2 == 0 {
            group.reverse();
        }
        apps[i % 3].reserve_all(&group, &format!("user-{i}"))
    });
    let answers = at_once(wishes).await;
    let won = count(&answers, 201);
    assert_eq!(won + count(&answers, 409), 240);
    assert!((2..=5).contains(&won), "{won} groups of three fit into sixteen seats");
    let held = apps[0].count("seats WHERE status = 'RESERVED'");
    assert_eq!(held, 3 * i64::try_from(won).unwrap());
    apps[0].assert_books_balance();
    assert_no_deadlock(apps).await;
}

#[tokio::test]
async fn a_key_used_by_two_instances_at_once_has_one_effect_and_one_answer() {
    let one = TestApp::on_a_server().await;
    let other = one.another().await;
    let open = |app: &TestApp| app.post("/sessions", &session_body()).key("k").into_future();
    // Both have decided, and neither can write its answer down.
    let lock = one.place().keep_locked("LOCK TABLE idempotency IN SHARE MODE").await;
    let (first, second, ()) = tokio::join!(open(&one), open(&other), async {
        one.place().wait_for_waiting(2).await;
        lock.end();
    });
    let (first, second) = (first.expect(201), second.expect(201));
    assert_eq!(first.bytes, second.bytes);
    let replayed = [&first, &second].map(|it| it.header("idempotency-replayed").is_some());
    assert_eq!(replayed.iter().filter(|it| **it).count(), 1);
    assert_eq!((one.count("sessions"), one.count("idempotency")), (1, 1));
    one.settle().await;
    assert_eq!(one.count("session_stats"), 1);
}

#[tokio::test]
async fn a_key_used_for_two_things_at_once_by_two_instances_has_the_effect_of_one() {
    let one = TestApp::on_a_server().await;
    let other = one.another().await;
    let session = one.session().await;
    let lock = one.place().keep_locked("LOCK TABLE idempotency IN SHARE MODE").await;
    let ask = |app: &TestApp, number| app.reserve(session.seat(number), "ana").key("k");
    let (first, second, ()) =
        tokio::join!(ask(&one, "A1").into_future(), ask(&other, "A2").into_future(), async {
            one.place().wait_for_waiting(2).await;
            lock.end();
        });
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
    assert_eq!(one.count("reservations"), 1);
    one.assert_books_balance();
}

#[tokio::test]
async fn two_instances_change_one_reservation_one_after_the_other() {
    let one = TestApp::on_a_server().await;
    let other = one.another().await;
    let session = one.session().await;
    for seat in session.all_seats().into_iter().take(4) {
        let held = one.reserve(seat, "ana").await.expect(201).id();
        let lock = one.place().keep_locked("SELECT 1 FROM seats FOR UPDATE").await;
        let (extended, paid, cancelled, ()) = tokio::join!(
            one.extend(&held).into_future(),
            one.pay(&held).into_future(),
            other.cancel(&held).into_future(),
            async {
                one.place().wait_for_waiting(2).await;
                lock.end();
            },
        );
        assert_eq!(
            [paid.status, cancelled.status].iter().filter(|it| **it < 300).count(),
            1,
            "{paid:?} {cancelled:?}"
        );
        let is_paid = paid.status == 201;
        assert!(extended.status == 200 || !is_paid, "the cancellation alone can come before it");
        let expected = if is_paid { "CONFIRMED" } else { "CANCELLED" };
        assert_eq!(other.status(&held).await, expected);
        // The hold, then one change for each success.
        let changes = [&extended, &paid, &cancelled].iter().filter(|it| it.status < 300).count();
        let (session_id, number) = (one.place().id(&session.id), &seat[seat.len() - 4..]);
        let number = i64::from_str_radix(number, 16).expect("a seat's number");
        let version: i64 = one.sql(&format!(
            "SELECT version FROM seats WHERE session_id = {session_id} AND seat_no = {number}"
        ));
        assert_eq!(version, 1 + i64::try_from(changes).unwrap());
    }
    one.assert_books_balance();
}

#[tokio::test]
async fn extensions_by_two_instances_at_once_are_both_counted() {
    let one = TestApp::on_a_server().await;
    let other = one.another().await;
    let session = one.session().await;
    let held = one.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let lock = one.place().keep_locked("SELECT 1 FROM seats FOR UPDATE").await;
    let (first, second, ()) =
        tokio::join!(one.extend(&held).into_future(), other.extend(&held).into_future(), async {
            one.place().wait_for_waiting(2).await;
            lock.end();
        },);
    first.expect(200);
    second.expect(200);
    assert_eq!(one.sql::<i64>("SELECT extensions FROM reservations"), 2);
    one.extend(&held).await.expect(200);
    other.extend(&held).await.refused(409, "extension_refused");
}

#[tokio::test]
async fn a_session_that_two_instances_change_at_once_loses_neither_change() {
    let one = TestApp::on_a_server().await;
    let other = one.another().await;
    let session = one.session().await;
    let lock = one.place().keep_locked("SELECT 1 FROM sessions FOR UPDATE").await;
    let (movie, price) = (json!({ "movie": "Cidade de Deus" }), json!({ "ticketPrice": 30 }));
    let (first, second, ()) = tokio::join!(
        one.patch(&session.path(), &movie).into_future(),
        other.patch(&session.path(), &price).into_future(),
        async {
            one.place().wait_for_waiting(2).await;
            lock.end();
        },
    );
    first.expect(200);
    second.expect(200);
    let shown = other.get(&session.path()).await.expect(200);
    assert_eq!(shown.text("movie"), "Cidade de Deus");
    assert_eq!(shown.body["ticketPrice"], 30.0);
}

#[tokio::test]
async fn a_session_is_closed_or_sold_from_and_never_both() {
    let one = TestApp::on_a_server().await;
    let other = one.another().await;
    for _ in 0..4 {
        let session = one.session().await;
        let lock = one.place().keep_locked("SELECT 1 FROM seats FOR UPDATE").await;
        let (closed, held, ()) = tokio::join!(
            one.delete(&session.path()).into_future(),
            other.reserve(session.seat("B3"), "ana").into_future(),
            async {
                one.place().wait_for_waiting(2).await;
                lock.end();
            },
        );
        if closed.status == 204 {
            held.refused(404, "seat_not_found");
        } else {
            closed.refused(409, "session_in_use");
            held.expect(201);
        }
    }
}

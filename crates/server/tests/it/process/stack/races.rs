//! Concurrent requests for the same seats through different instances.

use std::sync::Barrier;
use std::thread;

use poltrona_testkit::client::Connection;
use poltrona_testkit::program::Program;
use serde_json::json;

use super::instances::{EVERYONE, Stack};

const CLIENTS: usize = 300;
const SEATS: u16 = 16;
const ROUNDS: usize = 100;

/// Reserves seats; returns whether they were given. Any answer but success and "taken" is a fault.
fn reserve(connection: &mut Connection, seats: &[&str], user: &str) -> Option<String> {
    let wish = json!({ "seatIds": seats, "userId": user });
    let answer = connection.post("/reservations", &wish);
    match answer.status {
        201 => Some(answer.json()["id"].as_str().unwrap().to_owned()),
        409 => None,
        other => panic!("{other}: {}", answer.json()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_before_three_instances_finds_no_promise_broken() {
    let stack = Stack::start().await;
    let report = stack.crowd(EVERYONE, 6).content().await;
    assert!(report["run"]["targets"].as_array().is_some_and(|targets| targets.len() == 3));
    assert!(stack.sales() > 0);
    stack.balances();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_hundred_before_three_instances_sixteen_get_a_seat_each_round() {
    let stack = Stack::start_with_long_holds().await;
    let rounds: Vec<_> =
        (0..ROUNDS).map(|_| stack.instances[0].open_session(SEATS.into())).collect();
    let barrier = Barrier::new(CLIENTS);
    let won: usize = thread::scope(|scope| {
        let client = |number: usize| {
            let (instances, rounds, barrier) = (&stack.instances, &rounds, &barrier);
            scope.spawn(move || {
                let instance: &Program = &instances[number % instances.len()];
                let (mut connection, user) = (instance.connect(), format!("user-{number}"));
                let mut won = 0;
                for seats in rounds {
                    barrier.wait();
                    let seat = seats[number % usize::from(SEATS)].as_str();
                    if let Some(held) = reserve(&mut connection, &[seat], &user) {
                        let path = format!("/payments/confirm/{held}");
                        connection.post(&path, &json!({})).expect(201);
                        won += 1;
                    }
                }
                won
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        clients.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(won, ROUNDS * usize::from(SEATS));
    assert_eq!(stack.sales(), i64::try_from(won).unwrap());
    stack.balances();
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_that_cross_get_all_their_seats_or_none() {
    let stack = Stack::start_with_long_holds().await;
    let rounds: Vec<_> = (0..ROUNDS).map(|_| stack.instances[0].open_session(16)).collect();
    // In any order of a wish's seats.
    let wishes: [[usize; 2]; 6] = [[0, 2], [2, 0], [2, 1], [1, 2], [0, 1], [1, 0]];
    let barrier = Barrier::new(wishes.len());
    let given: Vec<Vec<bool>> = thread::scope(|scope| {
        let client = |(number, wish): (usize, [usize; 2])| {
            let (stack, rounds, barrier) = (&stack, &rounds, &barrier);
            scope.spawn(move || {
                let instance = &stack.instances[number % stack.instances.len()];
                let (mut connection, user) = (instance.connect(), format!("user-{number}"));
                let round = |seats: &Vec<String>| {
                    barrier.wait();
                    let wanted = wish.map(|place| seats[place].as_str());
                    reserve(&mut connection, &wanted, &user).is_some()
                };
                rounds.iter().map(round).collect()
            })
        };
        let clients: Vec<_> = wishes.into_iter().enumerate().map(client).collect();
        clients.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for round in 0..ROUNDS {
        // Any two of the wishes have a seat in common.
        let winners = given.iter().filter(|client| client[round]).count();
        assert_eq!(winners, 1, "round {round}");
    }
    stack.balances();
}

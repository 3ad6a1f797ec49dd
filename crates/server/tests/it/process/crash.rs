//! `kill -9` in the middle of a rush, three times over the same data: acknowledged sales stay, and
//! the database is consistent.

mod buyers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::thread;

use poltrona_engine::store::sqlite::folder::database_in;
use poltrona_testkit::client::Connection;
use poltrona_testkit::program::Program;
use poltrona_testkit::wait::wait_until;
use poltrona_testkit::{books, sql};
use serde_json::{Value, json};
use tempfile::TempDir;

use buyers::{Fate, Lost, Notes, Rush};

const ROUNDS: u64 = 3;
const SESSIONS: usize = 4;
const SEATS: u32 = 400;
/// How many sales are acknowledged in a round before the program is killed.
const SALES: usize = 120;

fn serve(folder: &Path) -> Program {
    Program::serve(folder, &["--hold-ttl", "500ms", "--log-level", "warn,server=info"])
}

#[test]
fn acknowledged_sales_survive_kill_9_and_the_books_balance() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = serve(folder.path());
    let sessions: Vec<_> = (0..SESSIONS).map(|_| program.open_session(SEATS)).collect();
    let mut notes = Notes::default();
    let mut undelivered = 0;
    let data = folder.path().join("data");
    for round in 0..ROUNDS {
        let rush = Rush::new(program.address(), &sessions, round);
        let buyers_notes = thread::scope(|scope| {
            let buyers = rush.send_in(scope);
            wait_until("enough is sold", || (rush.sales() >= SALES).then_some(()));
            program.kill();
            buyers.into_iter().map(|buyer| buyer.join().unwrap()).collect::<Vec<_>>()
        });
        for noted in buyers_notes {
            notes.extend(noted);
        }
        undelivered += books::undelivered(&copy_of(&data).1);
        program = serve(folder.path());
    }
    assert!(undelivered > 0, "no event was on its way when the program was killed");
    assert!(!notes.lost.is_empty(), "nobody waited for an answer when the program was killed");

    let mut connection = program.connect();
    assert_kept(&mut connection, &notes);
    assert_one_effect(&mut connection, &notes.lost);
    let database = sql::Connection::open(&database_in(&data));
    wait_until("every hold lapses and every event is delivered", || {
        (books::to_do(&database) == 0).then_some(())
    });
    assert_sound(&database);
    assert_eq!(books::projection_faults(&database), [""; 0]);
    let sold = assert_maps_add_up(&mut connection, &sessions, &notes);
    assert_no_seat_is_stuck(&program, &sessions, &sold);
    drop(database);
    program.stop();
    assert_sound(&sql::Connection::open(&database_in(&data)));
}

#[track_caller]
fn assert_sound(database: &sql::Connection) {
    assert_eq!(database.get::<String>("PRAGMA integrity_check"), "ok");
    assert_eq!(books::faults(database), [""; 0]);
    assert!(database.count("SELECT count(*) FROM sales") > 0);
}

/// Every acknowledged reservation and sale is there, as it was acknowledged.
fn assert_kept(connection: &mut Connection, notes: &Notes) {
    for (reservation, fate) in &notes.reservations {
        let id = reservation["id"].as_str().unwrap();
        let kept = connection.get(&format!("/reservations/{id}")).expect(200).json();
        for field in ["seatIds", "seatNumbers", "userId", "total", "createdAt", "expiresAt"] {
            assert_eq!(kept[field], reservation[field], "{field} of {reservation}");
        }
        let status = kept["status"].as_str().unwrap();
        let allowed: &[&str] = match fate {
            Fate::Paid => &["CONFIRMED"],
            Fate::Cancelled => &["CANCELLED"],
            Fate::Left => &["PENDING", "EXPIRED"],
            Fate::Unsure => &["PENDING", "EXPIRED", "CONFIRMED", "CANCELLED"],
        };
        assert!(allowed.contains(&status), "{fate:?}, yet {kept}");
    }
    for sale in &notes.sales {
        let user = sale["userId"].as_str().unwrap();
        let history = connection.get(&format!("/sales/history/{user}")).expect(200).json();
        assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
        for (field, value) in sale.as_object().unwrap() {
            assert_eq!(&history[0][field], value, "{field} of {sale}");
        }
    }
}

/// A request with a key whose answer was lost is sent again: it took effect then or takes effect
/// now, and a third one gets the answer of the second.
fn assert_one_effect(connection: &mut Connection, lost: &[Lost]) {
    for lost in lost {
        let before = effects(connection, lost);
        let again = lost.send(connection);
        let replayed = again.header("idempotency-replayed") == Some("true");
        let after = effects(connection, lost);
        if again.status == 201 {
            let id = again.json()["id"].clone();
            assert_eq!(after, [id], "{lost:?}");
            assert_eq!(replayed, before.len() == 1, "{lost:?}");
        } else {
            assert!([409, 410].contains(&again.status), "{lost:?}: {again:?}");
            assert_eq!((before.len(), after.len()), (0, 0), "{lost:?}: {again:?}");
            continue;
        }
        let third = lost.send(connection);
        assert_eq!(third.header("idempotency-replayed"), Some("true"), "{lost:?}");
        assert_eq!(third.body, again.body, "{lost:?}");
        assert_eq!(effects(connection, lost), after, "{lost:?}");
    }
}

/// The ids of what a request made: each has a user of its own.
fn effects(connection: &mut Connection, lost: &Lost) -> Vec<Value> {
    let path = match &lost.body {
        Some(_) => format!("/reservations/user/{}", lost.user),
        None => format!("/sales/history/{}", lost.user),
    };
    let made = connection.get(&path).expect(200).json();
    made.as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect()
}

/// Fails unless each session shows each of its seats once, sold where it was sold and free
/// elsewhere; returns the sold seats.
fn assert_maps_add_up(
    connection: &mut Connection,
    sessions: &[Vec<String>],
    notes: &Notes,
) -> BTreeSet<String> {
    let mut sold = BTreeSet::new();
    for seats in sessions {
        let session = format!("{}0000", &seats[0][..seats[0].len() - 4]);
        let map = connection.get(&format!("/seats/{session}")).expect(200).json();
        let mut shown = BTreeMap::<_, Vec<_>>::new();
        for seat in map.as_array().unwrap() {
            let id = seat["id"].as_str().unwrap().to_owned();
            shown.entry(seat["status"].as_str().unwrap().to_owned()).or_default().push(id);
        }
        let mut all: Vec<_> = shown.values().flatten().collect();
        all.sort();
        assert_eq!(all, seats.iter().collect::<Vec<_>>(), "free, held and sold are all");
        assert_eq!(shown.get("RESERVED"), None, "every hold has lapsed");
        sold.extend(shown.remove("SOLD").unwrap_or_default());
    }
    for sale in &notes.sales {
        for seat in sale["seatIds"].as_array().unwrap() {
            assert!(sold.contains(seat.as_str().unwrap()), "{seat} was sold, and does not show it");
        }
    }
    sold
}

/// Every seat that is not sold can be reserved, and no seat that is.
fn assert_no_seat_is_stuck(program: &Program, sessions: &[Vec<String>], sold: &BTreeSet<String>) {
    thread::scope(|scope| {
        for seats in sessions.iter().flat_map(|seats| seats.chunks(100)) {
            scope.spawn(move || {
                let mut connection = program.connect();
                for seat in seats {
                    let body = json!({ "seatId": seat, "userId": "the last" });
                    let answer = connection.post("/reservations", &body);
                    if sold.contains(seat) {
                        assert_eq!(answer.expect(409).code(), "seat_sold", "{seat}");
                    } else {
                        answer.expect(201);
                    }
                }
            });
        }
    });
}

/// A copy of the data as a crash left them, so that reading them changes nothing.
fn copy_of(data: &Path) -> (TempDir, sql::Connection) {
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(data).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let database = sql::Connection::open(&database_in(copy.path()));
    (copy, database)
}

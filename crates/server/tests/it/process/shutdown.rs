//! Shutdown: accepted requests are answered, and nothing else delays it.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use poltrona_testkit::client::{Connection, request};
use poltrona_testkit::program::Program;
use poltrona_testkit::wait::wait_until;
use serde_json::{Value, json};

/// The line that the log has when the shutdown begins.
const STOPPING: &str = "stopping: answering what was accepted";
/// Buyers who send requests until the server stops answering.
const BUYERS: usize = 16;
/// Requests that the program has begun to read when the signal comes.
const BEGUN: usize = 16;

/// A request that waits for its body to be asked for, which proves that the server has taken it.
fn begun(program: &Program, body: &Value) -> Connection {
    let mut connection = program.connect();
    let whole = request("POST", "/reservations", &[("Expect", "100-continue")], Some(body));
    let (head, _) = whole.split_once("\r\n\r\n").unwrap();
    connection.send(format!("{head}\r\n\r\n")).unwrap();
    let go_on = connection.answer().unwrap().unwrap();
    assert_eq!(go_on.status, 100);
    connection
}

/// Reserves one seat after the other as users `NAME-0`, `NAME-1`, …, until the server is gone;
/// returns each user's reservation, and last a user who had no answer.
fn buy_until_it_stops(address: SocketAddr, seats: &[String], name: &str) -> (Vec<Value>, String) {
    let mut held = Vec::new();
    let mut connection = Connection::open(address).unwrap();
    for (number, seat) in seats.iter().enumerate() {
        let user = format!("{name}-{number}");
        let body = json!({ "seatId": seat, "userId": user });
        let answer = connection.request("POST", "/reservations", &[], Some(&body));
        let answer = answer.expect("an answer that has begun is not cut off");
        let Some(answer) = answer else { return (held, user) };
        let closes = answer.header("connection") == Some("close");
        held.push(answer.expect(201).json());
        if closes {
            return (held, format!("{name}-nobody"));
        }
    }
    panic!("every seat was sold before the server stopped");
}

#[test]
fn accepted_requests_are_answered_and_no_others_take_effect() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::serve(folder.path(), &["--log-level", "warn,server=info"]);
    let seats = program.open_session(10_000);
    let (begun_seats, seats) = seats.split_at(BEGUN);
    let bodies: Vec<_> = (0..).zip(begun_seats).map(|(number, seat)| body(number, seat)).collect();
    let open: Vec<_> = bodies.iter().map(|body| begun(&program, body)).collect();
    let address = program.address();
    let (bought, left) = thread::scope(|scope| {
        let buyers: Vec<_> = seats
            .chunks(seats.len() / BUYERS)
            .take(BUYERS)
            .enumerate()
            .map(|(number, seats)| {
                let name = format!("buyer-{number}");
                scope.spawn(move || buy_until_it_stops(address, seats, &name))
            })
            .collect();
        wait_until("the rush is on", || (commits(&program) > 20).then_some(()));
        program.terminate();
        program.wait_for_line(STOPPING);
        for (mut connection, body) in open.into_iter().zip(&bodies) {
            connection.send(body.to_string()).unwrap();
            let answer = connection.answer().unwrap().expect("an accepted request is answered");
            assert_eq!(answer.expect(201).json()["userId"], body["userId"]);
            assert_eq!(connection.rest(), b"");
        }
        let outcomes = buyers.into_iter().map(|buyer| buyer.join().unwrap());
        let (bought, left): (Vec<_>, Vec<_>) = outcomes.unzip();
        (bought.concat(), left)
    });
    assert_eq!(program.ended().code(), Some(0));
    drop(program);

    let again = Program::serve(folder.path(), &[]);
    let mut connection = again.connect();
    let mut of = |user: &str| connection.get(&format!("/reservations/user/{user}")).json();
    assert!(bought.len() >= BUYERS, "only {} reservations were made", bought.len());
    for reservation in &bought {
        let kept = of(reservation["userId"].as_str().unwrap());
        assert_eq!(kept.as_array().unwrap().len(), 1);
        assert_eq!(kept[0]["id"], reservation["id"]);
    }
    for user in left {
        assert_eq!(of(&user), json!([]), "{user} was not answered, yet has a reservation");
    }
}

fn body(number: usize, seat: &str) -> Value {
    json!({ "seatId": seat, "userId": format!("begun-{number}") })
}

/// How many transactions were committed.
fn commits(program: &Program) -> u32 {
    let page = String::from_utf8(program.get("/metrics").body).unwrap();
    let found = page.lines().find_map(|line| line.strip_prefix("poltrona_commits_total "));
    found.unwrap().parse().unwrap()
}

#[test]
fn while_it_drains_it_is_not_ready_and_says_so_on_open_connections() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::serve(folder.path(), &[]);
    let seats = program.open_session(16);
    let mut open = program.connect();
    open.send("GET /readyz?verbose HTTP/1.1\r\n").unwrap();
    // As long as a request is in flight the program cannot end.
    let waiting = body(0, &seats[0]);
    let mut waits = begun(&program, &waiting);
    program.terminate();
    wait_until("nobody new is let in", || {
        Connection::open(program.address()).is_err().then_some(())
    });
    open.send("Host: localhost\r\n\r\n").unwrap();
    let answer = open.answer().unwrap().expect("an open connection is served").expect(503);
    assert_eq!(answer.json()["status"], "draining");
    assert_eq!(open.rest(), b"");
    assert!(program.lives());
    waits.send(waiting.to_string()).unwrap();
    waits.answer().unwrap().unwrap().expect(201);
    assert_eq!(program.ended().code(), Some(0));
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::serve(folder.path(), &["--shutdown-grace", "10m"]);
    let mut idle = program.connect();
    idle.get("/livez").expect(200);
    let mut fresh = program.connect();
    program.terminate();
    assert_eq!(idle.rest(), b"");
    assert_eq!(fresh.rest(), b"");
    assert_eq!(program.ended().code(), Some(0));
}

#[test]
fn a_request_that_never_ends_is_given_up_when_the_grace_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let grace = Duration::from_millis(300);
    let flags = ["--shutdown-grace", "300ms", "--body-timeout", "10m", "--request-timeout", "10m"];
    let mut program = Program::serve(folder.path(), &flags);
    let seats = program.open_session(16);
    let mut endless = begun(&program, &body(0, &seats[0]));
    let asked = Instant::now();
    program.terminate();
    assert_eq!(program.ended().code(), Some(0));
    assert!(asked.elapsed() >= grace, "it did not wait at all");
    assert_eq!(endless.rest(), b"", "half an answer is none");
}

/// How many reservations were created, by the log: those that have a line, and those that were left out.
fn logged_reservations(log: &str) -> u64 {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let count = |line: Value| match &line["event"] {
        Value::String(event) if event == "reservation.created" => line["left_out"].as_u64(),
        _ => (line["message"] == "reservation.created").then_some(1),
    };
    lines.filter_map(count).sum()
}

#[test]
fn the_log_of_events_is_whole_at_the_end() {
    const RESERVATIONS: usize = 30;
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::serve(folder.path(), &["--log-format", "json"]);
    let seats = program.open_session(200);
    let mut connection = program.connect();
    for (number, seat) in seats.iter().enumerate().take(RESERVATIONS) {
        let body = body(number, seat);
        connection.request("POST", "/reservations", &[], Some(&body)).unwrap().unwrap().expect(201);
    }
    program.terminate();
    assert_eq!(program.ended().code(), Some(0));
    wait_until("every event is counted", || {
        (logged_reservations(&program.log()) == RESERVATIONS as u64).then_some(())
    });
}

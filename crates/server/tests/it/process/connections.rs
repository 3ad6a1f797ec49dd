//! Clients that are slow, greedy or many: each has its bound, and no other client waits for them.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use poltrona_testkit::client::{Connection, request};
use poltrona_testkit::program::Program;
use poltrona_testkit::wait::wait_until;
use serde_json::json;

/// More headers than this are too many.
const HEADERS: usize = 100;
const HEADER_TIMEOUT: Duration = Duration::from_millis(500);

fn serve(flags: &[&str]) -> (tempfile::TempDir, Program) {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), flags);
    (folder, program)
}

/// Waits until the server gives up on a client that never ends its headers: one header time-out.
fn one_header_timeout(program: &Program) {
    let begun = Instant::now();
    let mut slow = program.connect();
    slow.send("GET /livez HTTP/1.1\r\nHost: local").unwrap();
    assert_eq!(slow.rest(), b"");
    assert!(begun.elapsed() >= HEADER_TIMEOUT, "closed after {:?}", begun.elapsed());
}

#[test]
fn headers_that_do_not_end_in_time_close_the_connection() {
    let (_folder, program) = serve(&["--header-timeout", "500ms", "--idle-timeout", "1h"]);
    one_header_timeout(&program);

    // A client that sends nothing is closed too.
    let mut silent = program.connect();
    assert_eq!(silent.rest(), b"");

    // And so are slow headers of a later request.
    let mut second = program.connect();
    second.get("/livez").expect(200);
    second.send("GET /livez HTTP/1.1\r\n").unwrap();
    assert_eq!(second.rest(), b"");
}

#[test]
fn a_connection_may_rest_between_requests_for_longer_than_headers_may_take() {
    let (_folder, program) = serve(&["--header-timeout", "500ms", "--idle-timeout", "1h"]);
    // One answer is made at once, one after a look into the database, one without reading the body.
    let body = json!({ "unread": true });
    let requests =
        [("GET", "/livez", None), ("GET", "/sessions", None), ("POST", "/no", Some(&body))];
    for (method, path, body) in requests {
        let mut resting = program.connect();
        resting.ask(method, path, body);
        one_header_timeout(&program);
        one_header_timeout(&program);
        let answer = resting.request("GET", "/livez", &[], None).unwrap();
        answer.unwrap_or_else(|| panic!("closed while resting after {path}")).expect(200);
    }
}

#[test]
fn an_answer_may_take_longer_than_headers_may() {
    let flags = ["--header-timeout", "500ms", "--body-timeout", "10m", "--request-timeout", "10m"];
    let (_folder, program) = serve(&flags);
    let seats = program.open_session(16);
    let body = json!({ "seatId": seats[0], "userId": "ana" });
    let whole = request("POST", "/reservations", &[], Some(&body));
    let (first, last) = whole.split_at(whole.len() - 1);
    let mut connection = program.connect();
    connection.send(first).unwrap();
    one_header_timeout(&program);
    one_header_timeout(&program);
    connection.send(last).unwrap();
    connection.answer().unwrap().expect("the body had its own time").expect(201);
}

#[test]
fn a_connection_that_rests_too_long_is_closed() {
    let (_folder, program) = serve(&["--idle-timeout", "700ms", "--header-timeout", "10m"]);
    let mut resting = program.connect();
    resting.get("/sessions").expect(200);
    let begun = Instant::now();
    assert_eq!(resting.rest(), b"");
    assert!(begun.elapsed() >= Duration::from_millis(650), "closed after {:?}", begun.elapsed());
}

#[test]
fn a_connection_that_rests_too_long_after_a_slow_answer_is_closed() {
    let flags = ["--header-timeout", "500ms", "--idle-timeout", "500ms", "--body-timeout", "10m"];
    let (_folder, program) = serve(&flags);
    let body = json!({ "seatId": program.open_session(16)[0], "userId": "ana" });
    let whole = request("POST", "/reservations", &[], Some(&body));
    let (first, last) = whole.split_at(whole.len() - 1);
    let mut slow = program.connect();
    slow.send(first).unwrap();
    // Every limit but the body's own ends meanwhile.
    one_header_timeout(&program);
    one_header_timeout(&program);
    slow.send(last).unwrap();
    slow.answer().unwrap().expect("the body had its own time").expect(201);
    assert_eq!(slow.rest(), b"");
}

#[test]
fn a_body_that_does_not_end_in_time_is_answered_and_changes_nothing() {
    let (_folder, program) = serve(&["--body-timeout", "300ms"]);
    let seats = program.open_session(16);
    let body = json!({ "seatId": seats[0], "userId": "ana" });
    let whole = request("POST", "/reservations", &[], Some(&body));
    let mut slow = program.connect();
    slow.send(&whole[..whole.len() - 1]).unwrap();
    let answer = slow.answer().unwrap().unwrap().expect(408);
    assert_eq!(answer.code(), "request_timeout");
    assert_eq!(answer.json()["path"], "/reservations");
    assert_eq!(slow.rest(), b"", "the next bytes could be taken for a request");
    assert_eq!(program.get("/reservations/user/ana").json(), json!([]));
}

#[test]
fn a_late_body_is_refused_before_the_answer_is_late() {
    let (_folder, program) = serve(&["--body-timeout", "10m", "--request-timeout", "300ms"]);
    let body = json!({ "seatId": program.open_session(16)[0], "userId": "ana" });
    let whole = request("POST", "/reservations", &[], Some(&body));
    let mut slow = program.connect();
    slow.send(&whole[..whole.len() - 1]).unwrap();
    assert_eq!(slow.answer().unwrap().unwrap().expect(408).code(), "request_timeout");
}

#[test]
fn a_client_that_does_not_read_its_answers_is_let_go() {
    let (_folder, program) = serve(&["--idle-timeout", "500ms", "--max-connections", "1"]);
    let session = format!("{}0000", &program.open_session(10_000)[0][..32]);
    let mut deaf = program.connect();
    // More than the system's buffers hold.
    deaf.send(request("GET", &format!("/sessions/{session}"), &[], None).repeat(50)).unwrap();
    // There is room for one connection, so this answer shows that the other is closed.
    program.get("/livez").expect(200);
}

#[test]
fn headers_have_a_bound_in_bytes_and_in_number() {
    let (_folder, program) = serve(&[]);
    let ask = |headers: &[(&str, &str)]| {
        let mut connection = program.connect();
        let answer = connection.request("GET", "/livez", headers, None).unwrap().unwrap();
        (answer.status, connection)
    };
    let large = "x".repeat(8 * 1024);
    assert_eq!(ask(&[("X-Large", &large)]).0, 200);
    let (status, mut connection) = ask(&[("X-Large", &large), ("X-Larger", &large)]);
    assert_eq!(status, 431);
    assert_eq!(connection.rest(), b"");

    // The client itself sends `Host`.
    assert_eq!(ask(&[("X-Many", "1"); HEADERS - 1]).0, 200);
    let (status, mut connection) = ask(&[("X-Many", "1"); HEADERS]);
    assert_eq!(status, 431);
    assert_eq!(connection.rest(), b"");
}

#[test]
fn at_the_cap_the_next_connection_waits_for_one_to_close() {
    let (_folder, program) = serve(&["--max-connections", "2"]);
    // Once they have an answer, both have been let in.
    let mut first = program.connect();
    let mut second = program.connect();
    first.get("/livez").expect(200);
    second.get("/livez").expect(200);
    let mut third = program.connect();
    third.send_request("GET", "/livez", &[], None).unwrap();
    for _ in 0..10 {
        first.get("/sessions").expect(200);
        second.get("/sessions").expect(200);
    }
    assert!(third.is_silent(), "a third connection is served at the same time");
    drop(second);
    third.answer().unwrap().expect("it has its turn").expect(200);
    first.get("/livez").expect(200);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let (_folder, program) = serve(&[]);
    let seats = program.open_session(16);
    let body = |seat: usize| json!({ "seatId": seats[seat], "userId": "ana" });
    let reserve = |seat| request("POST", "/reservations", &[], Some(&body(seat)));
    let get = |path| request("GET", path, &[], None);
    let mut sent = String::new();
    // Answers that take a write to disk stand before answers that take nothing.
    for part in [reserve(0), get("/livez"), reserve(0), get("/nowhere"), reserve(1), get("/health")]
    {
        write!(sent, "{part}").unwrap();
    }
    let mut connection = program.connect();
    connection.send(sent).unwrap();
    let mut next = || connection.answer().unwrap().expect("every request is answered");
    assert_eq!(next().expect(201).json()["seatNumbers"], json!(["A1"]));
    assert_eq!(next().expect(200).body, b"ok\n");
    assert_eq!(next().expect(409).code(), "seat_held");
    assert_eq!(next().expect(404).code(), "route_not_found");
    assert_eq!(next().expect(201).json()["seatNumbers"], json!(["A2"]));
    assert_eq!(next().expect(200).json()["service"], "poltrona");
}

#[test]
fn a_client_that_hangs_up_in_the_middle_disturbs_nobody() {
    let (_folder, program) = serve(&[]);
    let mut steady = program.connect();
    let seats = program.open_session(16);
    let body = json!({ "seatId": seats[0], "userId": "ana" });
    let whole = request("POST", "/reservations", &[], Some(&body));
    for cut in [1, 20, whole.len() - 1] {
        let mut leaving = Connection::open(program.address()).unwrap();
        leaving.send(&whole[..cut]).unwrap();
        drop(leaving);
        steady.get("/livez").expect(200);
    }
    assert_eq!(steady.get("/reservations/user/ana").json(), json!([]));
}

#[test]
fn connections_are_counted_while_they_are_open() {
    let (_folder, program) = serve(&[]);
    let mut watcher = program.connect();
    let mut open = || {
        let page = watcher.get("/metrics").expect(200).body;
        let page = String::from_utf8(page).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix("poltrona_connections "));
        line.unwrap().to_owned()
    };
    let mut other = program.connect();
    other.get("/livez").expect(200);
    assert_eq!(open(), "2");
    drop(other);
    wait_until("one is left", || (open() == "1").then_some(()));
}

#[test]
fn the_connection_that_rested_longest_makes_room_for_a_new_one() {
    let (_folder, program) = serve(&["--idle-timeout", "1h", "--max-connections", "3"]);
    let mut resting = [(); 3].map(|()| program.connect());
    for connection in &mut resting {
        connection.get("/livez").expect(200);
    }
    program.get("/livez").expect(200);
    let [first, second, third] = &mut resting;
    assert_eq!(first.rest(), b"");
    for connection in [second, third] {
        connection.get("/livez").expect(200);
    }
}

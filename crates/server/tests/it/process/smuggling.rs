//! Requests with an ambiguous end: a server in front might see another request begin where this one
//! does not. None gets more than one answer, and its connection is closed.

use poltrona_testkit::program::Program;
use serde_json::json;

/// The second request that an attacker tries to smuggle in.
const HIDDEN: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The status of the first answer to these bytes, and what else came before the line was closed.
fn sent(program: &Program, bytes: &str) -> (u16, String) {
    let mut connection = program.connect();
    connection.send(bytes).unwrap();
    let answer = connection.answer().unwrap().unwrap_or_else(|| panic!("no answer to {bytes:?}"));
    (answer.status, String::from_utf8(connection.rest()).unwrap())
}

fn post(headers: &str, body: &str) -> String {
    let kind = "Content-Type: application/json";
    format!("POST /reservations HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n{headers}\r\n\r\n{body}")
}

#[test]
fn an_ambiguous_length_is_refused_and_the_connection_closed() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    for (headers, body) in [
        ("Content-Length: 2\r\nContent-Length: 0", "{}"),
        ("Content-Length: 0\r\nContent-Length: 2", "{}"),
        ("Content-Length: 2, 0", "{}"),
        ("Content-Length: +2", "{}"),
        ("Content-Length: -1", ""),
        ("Content-Length: 0x2", "{}"),
        ("Content-Length: 99999999999999999999999", ""),
        ("Content-Length : 2", "{}"),
        ("Transfer-Encoding: gzip", ""),
        ("Transfer-Encoding: chunked, gzip", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "2\r\n{}x\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "-2\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "ffffffffffffffff2\r\n{}\r\n0\r\n\r\n"),
        ("X-Line: a\nContent-Length: 2\r\n folded: b", "{}"),
    ] {
        let request = post(headers, body) + HIDDEN;
        assert_eq!(sent(&program, &request), (400, String::new()), "{request:?}");
    }
}

#[test]
fn with_both_kinds_of_length_the_chunks_count_and_nothing_follows() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    let seats = program.open_session(16);
    for (seat, headers) in seats.iter().zip([
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
    ]) {
        let body = json!({ "seatId": seat, "userId": "ana" }).to_string();
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let request = post(headers, &chunks) + HIDDEN;
        assert_eq!(sent(&program, &request), (201, String::new()), "{request:?}");
    }
}

#[test]
fn a_sound_chunked_body_is_read_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    let seats = program.open_session(16);
    let body = json!({ "seatId": seats[0], "userId": "ana" }).to_string();
    let (a, b) = body.split_at(10);
    let chunks = format!("{:x}\r\n{a}\r\n{:X};name=value\r\n{b}\r\n0\r\n\r\n", a.len(), b.len());
    let mut connection = program.connect();
    connection.send(post("Transfer-Encoding: chunked", &chunks)).unwrap();
    connection.answer().unwrap().unwrap().expect(201);
    connection.get("/health").expect(200);
}

#[test]
fn bytes_that_are_no_request_are_refused_and_the_line_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    for bytes in [
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}",
        "GET /health\r\n\r\n",
        "GET /he alth HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /health HTTP/1.1\r\nHo st: localhost\r\n\r\n",
        "GET /health HTTP/1.1\r\nX: a\0b\r\n\r\n",
    ] {
        assert_eq!(sent(&program, bytes), (400, String::new()), "{bytes:?}");
    }
}

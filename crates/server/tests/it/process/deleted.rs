//! A database file that is taken away under a running program.

use std::fs;

use poltrona_testkit::program::Program;
use serde_json::json;

#[test]
fn nothing_is_acknowledged_into_a_file_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::serve(folder.path(), &["--hold-ttl", "1m"]);
    let seats = program.open_session(16);
    let reserve =
        |seat: &str| program.post("/reservations", &json!({"seatId": seat, "userId": "ana"}));
    reserve(&seats[0]).expect(201);
    let data = folder.path().join("data");
    fs::rename(&data, folder.path().join("moved")).unwrap();
    // Whether it still answers or has hung up already, it does not say that the seat is held.
    let mut connection = program.connect();
    let body = json!({"seatId": seats[1], "userId": "ana"});
    let answer = connection
        .send_request("POST", "/reservations", &[], Some(&body))
        .and_then(|()| connection.answer());
    if let Ok(Some(answer)) = answer {
        answer.expect(503);
    }
    assert_eq!(program.ended().code(), Some(1));
}

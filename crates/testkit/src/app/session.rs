//! Opening sessions, and finding their seats.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde_json::{Value, json};

use super::answer::Answer;
use super::request::Request;
use super::test_app::TestApp;

/// A session that was opened.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The answer to the request that opened it.
    pub answer: Answer,
}

/// A session about to be opened: sixteen seats at 25.50, unless changed. Awaiting it opens it.
pub struct NewSession {
    request: Request,
    body: Value,
}

impl TestApp {
    /// Opens a session, once it is awaited.
    pub fn session(&self) -> NewSession {
        NewSession { request: self.request("POST", "/sessions"), body: session_body() }
    }

    /// The status of a seat, by its number, and whether it `isLocked`.
    pub async fn seat(&self, session: &Session, number: &str) -> (String, bool) {
        let map = self.get(&format!("/seats/{}", session.id)).await.expect(200);
        let seats = map.body.as_array().expect("an array");
        let seat = seats.iter().find(|seat| seat["seatNumber"] == number).expect("a seat");
        let status = seat["status"].as_str().expect("a status").to_owned();
        (status, seat["isLocked"].as_bool().expect("a boolean"))
    }

    /// The status alone.
    pub async fn seat_status(&self, session: &Session, number: &str) -> String {
        self.seat(session, number).await.0
    }
}

/// A body that opens a session.
pub fn session_body() -> Value {
    json!({
        "movie": "Interestelar",
        "room": "Sala 1",
        "startsAt": "2026-12-01T19:00:00.000Z",
        "ticketPrice": 25.5,
        "totalSeats": 16,
    })
}

/// The body of [`session_body`] with one field changed.
pub fn session_with(field: &str, value: impl Into<Value>) -> Value {
    let mut body = session_body();
    body[field] = value.into();
    body
}

impl NewSession {
    /// The film.
    pub fn movie(self, movie: &str) -> Self {
        self.with("movie", movie)
    }

    /// The room.
    pub fn room(self, room: &str) -> Self {
        self.with("room", room)
    }

    /// When it begins, in RFC 3339.
    pub fn starts_at(self, time: &str) -> Self {
        self.with("startsAt", time)
    }

    /// The price of a seat.
    pub fn price(self, price: f64) -> Self {
        self.with("ticketPrice", price)
    }

    /// How many seats it has.
    pub fn seats(self, seats: u32) -> Self {
        self.with("totalSeats", seats)
    }

    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body[field] = value.into();
        self
    }
}

impl IntoFuture for NewSession {
    type Output = Session;
    type IntoFuture = Pin<Box<dyn Future<Output = Session> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let answer = self.request.json(&self.body).await.expect(201);
            Session { id: answer.id(), answer }
        })
    }
}

impl Session {
    /// Its path in the API.
    pub fn path(&self) -> String {
        format!("/sessions/{}", self.id)
    }

    /// The id of a seat, by its number.
    #[track_caller]
    pub fn seat(&self, number: &str) -> &str {
        let seats = self.answer.body["seats"].as_array().expect("seats");
        let seat = seats.iter().find(|seat| seat["seatNumber"] == number);
        seat.and_then(|seat| seat["id"].as_str()).expect("a seat of this number")
    }

    /// The ids of all its seats, in order.
    pub fn all_seats(&self) -> Vec<&str> {
        let seats = self.answer.body["seats"].as_array().expect("seats");
        seats.iter().map(|seat| seat["id"].as_str().expect("an id")).collect()
    }

    /// The ids of several seats.
    pub fn seats<const N: usize>(&self, numbers: [&str; N]) -> [&str; N] {
        numbers.map(|number| self.seat(number))
    }
}

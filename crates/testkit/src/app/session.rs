//! Opening sessions, and finding their seats.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde_json::{Value, json};

use super::{Answer, Request, TestApp};

/// A session that was opened, as the answer to that told of it.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: String,
    pub answer: Answer,
}

/// A session about to be opened: sixteen seats at 25.50, unless said otherwise. Awaiting it opens
/// it.
pub struct NewSession {
    request: Request,
    body: Value,
}

impl TestApp {
    pub fn session(&self) -> NewSession {
        NewSession { request: self.request("POST", "/sessions"), body: session_body() }
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

/// The same with one field changed.
pub fn session_with(field: &str, value: impl Into<Value>) -> Value {
    let mut body = session_body();
    body[field] = value.into();
    body
}

impl NewSession {
    pub fn movie(self, movie: &str) -> Self {
        self.with("movie", movie)
    }

    pub fn room(self, room: &str) -> Self {
        self.with("room", room)
    }

    pub fn starts_at(self, time: &str) -> Self {
        self.with("startsAt", time)
    }

    pub fn price(self, price: f64) -> Self {
        self.with("ticketPrice", price)
    }

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
    /// Where it is found.
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

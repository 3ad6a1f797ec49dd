//! Requests as bytes, made before the clock starts.

use std::cell::Cell;
use std::fmt::Write as _;

use poltrona_domain::SeatId;

/// `GET path`.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes()
}

/// `GET path`, by a client that has the version named by `tag`.
pub(crate) fn get_unless(path: &str, tag: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nIf-None-Match: {tag}\r\n\r\n").into_bytes()
}

/// `GET path`, by a client that takes gzip.
pub(crate) fn get_gzip(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n").into_bytes()
}

/// `POST path` with a JSON body.
pub(crate) fn post(path: &str, json: &str) -> Vec<u8> {
    let size = json.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
         Content-Length: {size}\r\n\r\n{json}"
    )
    .into_bytes()
}

/// The payment of a reservation.
pub(crate) fn confirm(reservation: &str) -> Vec<u8> {
    format!(
        "POST /payments/confirm/{reservation} HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// The reservation of one seat by the `number`th visitor.
pub(crate) fn reserve(seat: SeatId, number: usize) -> Vec<u8> {
    post("/reservations", &format!(r#"{{"seatId":"{seat}","userId":"visitor-{number:06}"}}"#))
}

/// The reservation of several seats of one session by the `number`th visitor.
pub(crate) fn reserve_group(seats: &[SeatId], number: usize) -> Vec<u8> {
    let mut ids = String::new();
    for seat in seats {
        let comma = if ids.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(ids, r#"{comma}"{seat}""#);
    }
    post("/reservations", &format!(r#"{{"seatIds":[{ids}],"userId":"visitor-{number:06}"}}"#))
}

/// Requests that are sent once each, in order, by whichever connection is free.
pub(crate) struct Queue {
    requests: Vec<Vec<u8>>,
    taken: Cell<usize>,
}

impl Queue {
    pub(crate) fn new(requests: Vec<Vec<u8>>) -> Self {
        Self { requests, taken: Cell::new(0) }
    }

    /// One request for each seat.
    pub(crate) fn of_seats(seats: &[SeatId]) -> Self {
        Self::new(seats.iter().enumerate().map(|(number, seat)| reserve(*seat, number)).collect())
    }

    /// The next request and its number; `None` when all were taken.
    pub(crate) fn take(&self) -> Option<(usize, &[u8])> {
        let number = self.taken.get();
        let request = self.requests.get(number)?;
        self.taken.set(number + 1);
        Some((number, request))
    }

    /// How many were taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.get()
    }
}

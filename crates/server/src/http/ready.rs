//! Answers that are ready to be sent: their bytes, their tag, and for how long they are right.

use std::ops::Range;

use axum::response::Response;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderValue, StatusCode, header};
use poltrona_domain::{Seat, SeatState, Session, Timestamp};
use poltrona_engine::live::Stamp;
use poltrona_engine::store::query::Revision;
use tokio::sync::OnceCell;

use super::gzip::gzip;
use super::preferences::Preferences;
use super::response::json_bytes;
use super::tag::{self, COMPRESSED_FROM};

/// The largest body that is compressed on a thread of the runtime, in bytes; it takes about half a
/// millisecond.
const COMPRESSED_HERE_MAX: usize = 64 * 1024;

/// An answer about a session and its seats, ready to be sent.
pub(super) struct Ready {
    body: Bytes,
    tag: HeaderValue,
    /// The body as gzip, made when the first client wants it; `None` inside when that is no smaller.
    small: OnceCell<Option<Bytes>>,
    /// The source of the answer.
    pub(super) source: Source,
}

/// The rows that an answer was made of.
#[derive(Debug)]
pub(super) struct Source {
    /// The session, where the answer shows it.
    pub(super) session: Option<Session>,
    /// The stamp that was taken before the read, where this program alone writes.
    pub(super) stamp: Option<Stamp>,
    /// The revision of the seats, where others write too.
    pub(super) revision: Option<Revision>,
    /// The times at which these rows give this answer.
    pub(super) times: Range<Timestamp>,
}

impl Ready {
    /// An answer of this JSON.
    pub(super) fn new(body: Bytes, source: Source) -> Self {
        let tag = tag::of_body(&body, source.session.as_ref().map(|session| session.version));
        Self { body, tag, small: OnceCell::new(), source }
    }

    /// How many bytes it takes, about.
    pub(super) fn size(&self) -> usize {
        const REST: usize = 512;
        // Seats compress to a tenth.
        self.body.len() + self.body.len() / 8 + REST
    }

    /// The answer for a client with these preferences.
    pub(super) async fn respond(&self, preferences: &Preferences) -> Response {
        let is_large = self.body.len() >= COMPRESSED_FROM;
        if tag::is_known(&self.tag, preferences) {
            let (parts, _) = json_bytes(StatusCode::OK, Bytes::new()).into_parts();
            return not_modified(parts, self.tag.clone(), preferences.gzip && is_large);
        }
        let small = if preferences.gzip && is_large { self.small().await } else { None };
        let (body, tag) = match &small {
            Some(small) => (small, tag::of_gzip(&self.tag)),
            None => (&self.body, self.tag.clone()),
        };
        let mut response = json_bytes(StatusCode::OK, body.clone());
        let headers = response.headers_mut();
        headers.insert(header::ETAG, tag);
        if small.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// The body as gzip; `None` when that is no smaller. Made once, for all who ask meanwhile.
    async fn small(&self) -> Option<Bytes> {
        let body = self.body.clone();
        let make = async {
            if body.len() <= COMPRESSED_HERE_MAX {
                return gzip(&body).ok();
            }
            let made = tokio::task::spawn_blocking(move || gzip(&body).ok());
            made.await.ok().flatten()
        };
        let smaller = |small: &Bytes| small.len() < self.body.len();
        self.small.get_or_init(async || make.await.filter(smaller)).await.clone()
    }
}

/// The answer to a client that has the body of `tag` already: the other headers of the 200, and the tag
/// that it would have (RFC 9110, 15.4.5).
pub(super) fn not_modified(mut parts: Parts, tag: HeaderValue, is_compressed: bool) -> Response {
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::ETAG, if is_compressed { tag::of_gzip(&tag) } else { tag });
    Response::from_parts(parts, Bytes::new().into())
}

/// The times at which these seats have the statuses that they have at `at`: from the last end of a hold
/// that has lapsed to the first of one that is live.
pub(super) fn times(seats: &[Seat], at: Timestamp) -> Range<Timestamp> {
    let ends = seats.iter().filter_map(|seat| match seat.state {
        SeatState::Held { until, .. } => Some(until),
        SeatState::Available | SeatState::Sold { .. } => None,
    });
    let always = Timestamp::from_millis(i64::MIN)..Timestamp::from_millis(i64::MAX);
    ends.fold(
        always,
        |Range { start, end }, until| {
            if at < until { start..end.min(until) } else { start.max(until)..end }
        },
    )
}

#[cfg(test)]
mod tests {
    use poltrona_domain::{ReservationId, SeatNo, SessionId};
    use uuid::Uuid;

    use super::*;

    fn held(until: i64) -> Seat {
        let id = SessionId::mint(Uuid::from_u128(1 << 64)).seat(SeatNo::new(1).unwrap());
        let by = ReservationId::from_uuid(Uuid::from_u128(1));
        Seat::new(id).changed_to(SeatState::Held { by, until: Timestamp::from_millis(until) })
    }

    #[test]
    fn an_answer_is_right_between_the_ends_of_two_holds() {
        let seats = [held(30), held(10), held(20), held(40)];
        let at = |at| times(&seats, Timestamp::from_millis(at));
        let range = |from, to| Timestamp::from_millis(from)..Timestamp::from_millis(to);
        assert_eq!(at(9), range(i64::MIN, 10));
        assert_eq!([at(10), at(19)], [range(10, 20), range(10, 20)]);
        assert_eq!(at(20), range(20, 30));
        assert_eq!(at(40), range(40, i64::MAX));
        assert_eq!(times(&[], Timestamp::from_millis(0)), range(i64::MIN, i64::MAX));
        for now in 0..50 {
            let same = |other: i64| {
                let [now, other] = [now, other].map(Timestamp::from_millis);
                seats.iter().all(|seat| seat.status_at(now) == seat.status_at(other))
            };
            let right = at(now);
            let is_right = |other: i64| right.contains(&Timestamp::from_millis(other));
            assert!((0..50).all(|other| same(other) == is_right(other)), "at {now}");
        }
    }
}

//! Reading answers: a status and a body become an outcome and a [`Completion`].

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher as _};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::client::Answer;
use crate::history::{Action, Completion, Outcome, SaleSeen};

/// A session as it was opened.
#[derive(Debug)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// Its seats' ids, in the server's order.
    pub seats: Vec<String>,
    /// The names on them, in the same order; empty unless each has one.
    pub names: Vec<String>,
}

/// Reads an answer; [`Completion::at`] and [`Completion::op`] are left to the caller.
///
/// A success whose body cannot be read is an unknown outcome: the status alone does not name what
/// was done. `keyed` says whether the request had an idempotency key; `seats` are those of the
/// session that was asked about, in its order.
pub fn read(
    action: Action,
    keyed: bool,
    seats: &[String],
    answer: &Answer<'_>,
) -> (Outcome, Completion) {
    let mut done = Completion { status: answer.status, ..Completion::default() };
    if keyed {
        done.replayed = answer.replayed;
        done.hash = Some(hash(answer.body));
    }
    match answer.status {
        200..300 => {
            let understood = success(action, seats, answer.body, &mut done);
            (if understood.is_some() { Outcome::Ok } else { Outcome::Info }, done)
        }
        400..500 => {
            refusal(answer.body, &mut done);
            (Outcome::Fail, done)
        }
        _ => {
            refusal(answer.body, &mut done);
            (Outcome::Info, done)
        }
    }
}

/// Reads the answer to the request that opens a session.
pub fn read_session(answer: &Answer<'_>) -> anyhow::Result<Created> {
    let excerpt = || String::from_utf8_lossy(answer.body).chars().take(200).collect::<String>();
    ensure!(
        answer.status == 201,
        "opening a session was answered {}: {}",
        answer.status,
        excerpt()
    );
    let session: SessionBody<'_> = serde_json::from_slice(answer.body)
        .with_context(|| format!("a new session: {}", excerpt()))?;
    let names = session.seats.iter().map(|seat| seat.name.as_deref().map(str::to_owned));
    let names = names.collect::<Option<_>>().unwrap_or_default();
    let seats = session.seats.into_iter().map(|seat| seat.id.into_owned()).collect();
    Ok(Created { id: session.id, seats, names })
}

fn success(action: Action, seats: &[String], body: &[u8], done: &mut Completion) -> Option<()> {
    match action {
        Action::Cancel => {}
        Action::Seats => {
            let rows: Vec<Seat<'_>> = serde_json::from_slice(body).ok()?;
            done.map = Some(map(&rows, seats));
        }
        Action::Sales => {
            let sales: Vec<Thing> = serde_json::from_slice(body).ok()?;
            done.sales = Some(sales.into_iter().map(Thing::into_sale).collect::<Option<_>>()?);
        }
        Action::Confirm => {
            let sale: Thing = serde_json::from_slice(body).ok()?;
            done.seats = sale.all_seats();
            done.sale = Some(sale.id?);
            done.reservation = sale.reservation_id;
            done.user = sale.user_id;
            done.total_cents = sale.total.map(|Cents(cents)| cents);
        }
        Action::Reserve | Action::Reservation | Action::Extend => {
            let held: Thing = serde_json::from_slice(body).ok()?;
            done.seats = held.all_seats();
            done.hold_ms = held.hold_ms();
            done.reservation = Some(held.id?);
            done.user = held.user_id;
            done.state = held.status;
            done.total_cents = held.total.map(|Cents(cents)| cents);
        }
    }
    Some(())
}

fn refusal(body: &[u8], done: &mut Completion) {
    // A refusal may have any body, or none: its status alone makes it one.
    if let Ok(refusal) = serde_json::from_slice::<Refusal>(body) {
        done.code = refusal.code;
        done.taken = refusal.seats.into_iter().map(|seat| seat.seat_id).collect();
    }
}

/// One letter for each seat, in the session's order; `?` for a seat that the answer leaves out.
fn map(rows: &[Seat<'_>], seats: &[String]) -> String {
    let in_order =
        rows.len() == seats.len() && rows.iter().zip(seats).all(|(row, id)| row.id == *id);
    if in_order {
        return rows.iter().map(Seat::letter).collect();
    }
    let found = |id: &String| rows.iter().find(|row| row.id == *id).map_or('?', Seat::letter);
    seats.iter().map(found).collect()
}

fn hash(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    hasher.finish()
}

/// A reservation or a sale.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thing {
    id: Option<String>,
    reservation_id: Option<String>,
    seat_id: Option<String>,
    #[serde(default)]
    seat_ids: Vec<String>,
    user_id: Option<String>,
    status: Option<String>,
    expires_at: Option<jiff::Timestamp>,
    created_at: Option<jiff::Timestamp>,
    total: Option<Cents>,
}

impl Thing {
    fn all_seats(&self) -> Vec<String> {
        if self.seat_ids.is_empty() {
            self.seat_id.iter().cloned().collect()
        } else {
            self.seat_ids.clone()
        }
    }

    fn hold_ms(&self) -> Option<u64> {
        let lasting = self.expires_at?.duration_since(self.created_at?);
        u64::try_from(lasting.as_millis()).ok()
    }

    fn into_sale(self) -> Option<SaleSeen> {
        let seats = self.all_seats();
        let total_cents = self.total.map(|Cents(cents)| cents);
        Some(SaleSeen { id: self.id?, reservation: self.reservation_id?, seats, total_cents })
    }
}

#[derive(Deserialize)]
struct SessionBody<'a> {
    id: String,
    #[serde(borrow)]
    seats: Vec<Seat<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seat<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(default)]
    is_locked: bool,
    #[serde(borrow, default, rename = "seatNumber")]
    name: Option<Cow<'a, str>>,
}

impl Seat<'_> {
    fn letter(&self) -> char {
        match &*self.status {
            "SOLD" => 'S',
            "RESERVED" => 'R',
            "AVAILABLE" if self.is_locked => 'R',
            "AVAILABLE" => 'A',
            _ => '?',
        }
    }
}

#[derive(Deserialize)]
struct Refusal {
    code: Option<String>,
    #[serde(default)]
    seats: Vec<Taken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    seat_id: String,
}

/// An amount of money, a number or text with at most two decimals.
struct Cents(i64);

impl<'de> Deserialize<'de> for Cents {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CentsVisitor)
    }
}

struct CentsVisitor;

impl Visitor<'_> for CentsVisitor {
    type Value = Cents;

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("an amount of money")
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Cents, E> {
        let cents = i64::try_from(whole).ok().and_then(|whole| whole.checked_mul(100));
        cents.map(Cents).ok_or_else(|| E::custom("an amount beyond all prices"))
    }

    #[expect(clippy::cast_possible_truncation, reason = "a float saturates, and no price is near")]
    fn visit_f64<E>(self, amount: f64) -> Result<Cents, E> {
        Ok(Cents((amount * 100.0).round() as i64))
    }

    fn visit_str<E: de::Error>(self, amount: &str) -> Result<Cents, E> {
        self.visit_f64(amount.parse().map_err(E::custom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(action: Action, status: u16, body: &str) -> (Outcome, Completion) {
        let seats = ["a", "b", "c"].map(str::to_owned);
        read(action, false, &seats, &Answer { status, body: body.as_bytes(), replayed: false })
    }

    #[test]
    fn a_group_is_read_whole() {
        let body = r#"{"id":"r","seatId":"a","seatIds":["a","b"],"userId":"u","status":"PENDING",
            "createdAt":"2026-11-24T13:05:11.215Z","expiresAt":"2026-11-24T13:05:13.214Z",
            "total":59.97}"#;
        let (outcome, done) = read_as(Action::Reserve, 201, body);
        assert_eq!(outcome, Outcome::Ok);
        assert_eq!(done.reservation.as_deref(), Some("r"));
        assert_eq!(done.seats, ["a", "b"]);
        assert_eq!((done.hold_ms, done.total_cents), (Some(1_999), Some(5_997)));
        assert_eq!((done.user.as_deref(), done.state.as_deref()), (Some("u"), Some("PENDING")));
    }

    #[test]
    fn one_seat_without_a_total_is_enough() {
        let (outcome, done) = read_as(Action::Reserve, 201, r#"{"id":"r","seatId":"c"}"#);
        assert_eq!((outcome, done.total_cents), (Outcome::Ok, None));
        assert_eq!(done.seats, ["c"]);
    }

    #[test]
    fn a_locked_seat_is_reserved_whatever_its_status_says() {
        let body = r#"[{"id":"a","status":"SOLD"},
            {"id":"b","status":"AVAILABLE","isLocked":true},{"id":"c","status":"AVAILABLE"}]"#;
        assert_eq!(read_as(Action::Seats, 200, body).1.map.as_deref(), Some("SRA"));
    }

    #[test]
    fn a_map_is_in_the_order_of_the_session() {
        let body = r#"[{"id":"c","status":"SOLD"},{"id":"a","status":"RESERVED"}]"#;
        assert_eq!(read_as(Action::Seats, 200, body).1.map.as_deref(), Some("R?S"));
    }

    #[test]
    fn a_refusal_names_what_is_taken() {
        let body =
            r#"{"code":"seat_sold","message":["x"],"seats":[{"seatId":"b","status":"SOLD"}]}"#;
        let (outcome, done) = read_as(Action::Reserve, 409, body);
        assert_eq!((outcome, done.code.as_deref()), (Outcome::Fail, Some("seat_sold")));
        assert_eq!(done.taken, ["b"]);
        assert_eq!(read_as(Action::Reserve, 404, "no JSON").0, Outcome::Fail);
    }

    #[test]
    fn unreadable_answers_are_unknown() {
        assert_eq!(read_as(Action::Reserve, 201, "{").0, Outcome::Info);
        assert_eq!(read_as(Action::Confirm, 201, "{}").0, Outcome::Info);
        assert_eq!(read_as(Action::Reserve, 503, r#"{"code":"overloaded"}"#).0, Outcome::Info);
        assert_eq!(read_as(Action::Cancel, 204, "").0, Outcome::Ok);
    }

    #[test]
    fn money_is_text_or_a_number() {
        let cents = |text| serde_json::from_str::<Cents>(text).map(|Cents(cents)| cents).unwrap();
        assert_eq!(
            [cents("19.99"), cents("\"19.99\""), cents("20"), cents("0.1")],
            [1999, 1999, 2000, 10]
        );
        assert!(serde_json::from_str::<Cents>("\"free\"").is_err());
    }

    #[test]
    fn sales_carry_their_seats() {
        let body = r#"[{"id":"s","reservationId":"r","seatId":"a","ticketPrice":25.5}]"#;
        let sales = read_as(Action::Sales, 200, body).1.sales.unwrap();
        let (id, reservation) = ("s".to_owned(), "r".to_owned());
        let seats = vec!["a".to_owned()];
        assert_eq!(sales, [SaleSeen { id, reservation, seats, total_cents: None }]);
    }
}

//! Reading answers.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher as _};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::client::Answer;
use crate::history::{Action, Completion, SaleSeen};

/// What an answer says of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was refused: nothing was done.
    Fail,
    /// Nobody knows.
    Info,
}

/// A session as it was opened.
#[derive(Debug)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// Its seats' ids, in the server's order.
    pub seats: Vec<String>,
}

/// Reads an answer; [`Completion::at`] and [`Completion::op`] are left to the caller.
///
/// A success whose body cannot be read is an unknown outcome: the status alone says too little of
/// what was done. `keyed` says whether the request had an idempotency key; `seats` are those of the
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

/// Reads the answer to [`super::render_session`].
pub fn read_session(answer: &Answer<'_>) -> anyhow::Result<Created> {
    let told = || String::from_utf8_lossy(answer.body).chars().take(200).collect::<String>();
    ensure!(answer.status == 201, "opening a session was answered {}: {}", answer.status, told());
    let session: SessionBody<'_> = serde_json::from_slice(answer.body)
        .with_context(|| format!("a new session: {}", told()))?;
    let seats = session.seats.into_iter().map(|seat| seat.id.into_owned()).collect();
    Ok(Created { id: session.id, seats })
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
    // A refusal may have any body, or none; what it says is an addition to its status.
    if let Ok(refusal) = serde_json::from_slice::<Refusal>(body) {
        done.code = refusal.code;
        done.taken = refusal.seats.into_iter().map(|seat| seat.seat_id).collect();
    }
}

/// A letter a seat in the session's order; `?` for a seat that the answer leaves out.
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

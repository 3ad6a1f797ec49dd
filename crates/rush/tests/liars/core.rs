//! A box office in memory: honest, unless it is told which lie to tell.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::office::{Desk, Reply, Request};

/// What a server can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// All of the API.
    Full,
    /// One `seatId`, no totals, no way back, prices as text.
    Plain,
}

/// What a server does wrong, now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing.
    None,
    /// A sold seat is granted again.
    SellsAgain,
    /// A held seat is granted to a second person.
    HoldsTwice,
    /// A payment is acknowledged and forgotten.
    ForgetsSale,
    /// A sale is written down under somebody else's name.
    WrongName,
    /// A hold ends long before its time.
    CutsHold,
    /// A hold that lapsed still stands in the way.
    NeverFrees,
    /// A group is granted without the seats that others have.
    GrantsHalf,
    /// A group is refused, and its free seats are held all the same.
    HoldsHalf,
    /// A request with a key that was answered is done again.
    RepeatsKey,
    /// A free seat is said to be held.
    RefusesFree,
}

struct Seat {
    number: String,
    session: String,
    /// Who has it, or had it last.
    reservation: Option<String>,
}

struct Reservation {
    id: String,
    user: String,
    seats: Vec<String>,
    created: Duration,
    expires: Duration,
    status: &'static str,
    stuck: bool,
}

/// The office's books.
pub(crate) struct Core {
    manner: Manner,
    lie: Lie,
    hold: Duration,
    began: Instant,
    ids: u64,
    chances: u64,
    prices: HashMap<String, (i32, Vec<String>)>,
    seats: HashMap<String, Seat>,
    reservations: HashMap<String, Reservation>,
    sales: HashMap<String, Vec<Value>>,
    keys: HashMap<String, Reply>,
}

/// A seat's name: rows of sixteen, from A1 on.
fn number(place: u64) -> String {
    let row = u8::try_from(place / 16).unwrap_or(u8::MAX).saturating_add(b'A');
    format!("{}{}", char::from(row), place % 16 + 1)
}

impl Core {
    pub(crate) fn new(manner: Manner, lie: Lie, hold: Duration) -> Self {
        Self {
            manner,
            lie,
            hold,
            began: Instant::now(),
            ids: 0,
            chances: 0,
            prices: HashMap::new(),
            seats: HashMap::new(),
            reservations: HashMap::new(),
            sales: HashMap::new(),
            keys: HashMap::new(),
        }
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("00000000-0000-7000-8000-{:012x}", self.ids)
    }

    fn now(&self) -> Duration {
        // Answers have whole milliseconds.
        Duration::from_millis(u64::try_from(self.began.elapsed().as_millis()).expect("a day"))
    }

    /// Whether to tell this lie, of which every n-th chance is taken.
    fn lies(&mut self, lie: Lie, every: u64) -> bool {
        self.chances += u64::from(self.lie == lie);
        self.lie == lie && self.chances.is_multiple_of(every)
    }

    fn open(&mut self, body: &Value) -> Reply {
        let id = self.id();
        let count = body["totalSeats"].as_u64().expect("a number of seats");
        let price = body["ticketPrice"].as_f64().expect("a price");
        let mut shown = Vec::new();
        let mut order = Vec::new();
        for place in 0..count {
            let (seat, number) = (self.id(), number(place));
            shown.push(json!({"id": seat, "seatNumber": number, "status": "AVAILABLE"}));
            let free = Seat { number, session: id.clone(), reservation: None };
            self.seats.insert(seat.clone(), free);
            order.push(seat);
        }
        #[expect(clippy::cast_possible_truncation, reason = "prices are small")]
        self.prices.insert(id.clone(), ((price * 100.0).round() as i32, order));
        Reply::new(201, json!({"id": id, "seats": shown, "ticketPrice": price}))
    }

    /// What a seat's map shows, and whether somebody else can have it.
    fn state(&self, seat: &Seat) -> &'static str {
        let last = seat.reservation.as_ref().map(|id| &self.reservations[id]);
        let Some(last) = last else { return "AVAILABLE" };
        match last.status {
            "CONFIRMED" => "SOLD",
            "PENDING" if self.is_live(last) || last.stuck => "RESERVED",
            _ => "AVAILABLE",
        }
    }

    fn is_live(&self, reservation: &Reservation) -> bool {
        let cut = if self.lie == Lie::CutsHold { self.hold / 2 } else { Duration::ZERO };
        reservation.status == "PENDING" && self.now() + cut < reservation.expires
    }

    fn reserve(&mut self, user: &str, mut seats: Vec<String>, keyed_again: bool) -> Reply {
        let Some(states) = self.states(&seats) else { return refuse(404, "seat_not_found") };
        let mut taken: Vec<_> =
            states.into_iter().filter(|(_, state)| *state != "AVAILABLE").collect();
        if taken.is_empty() && self.lies(Lie::RefusesFree, 20) {
            taken.push((seats[0].clone(), "RESERVED"));
        }
        let sold = taken.iter().any(|(_, state)| *state == "SOLD");
        let overlook = (sold && self.lies(Lie::SellsAgain, 5))
            || (!sold && !taken.is_empty() && self.lies(Lie::HoldsTwice, 5))
            || keyed_again;
        if !taken.is_empty() && !overlook {
            let gone: HashSet<_> = taken.iter().map(|(seat, _)| seat.clone()).collect();
            let rest: Vec<_> = seats.iter().filter(|seat| !gone.contains(*seat)).cloned().collect();
            if !rest.is_empty() && self.lies(Lie::HoldsHalf, 2) {
                self.grant(user, rest.clone());
            }
            if rest.is_empty() || !self.lies(Lie::GrantsHalf, 2) {
                return unavailable(&taken);
            }
            seats = rest;
        }
        self.grant(user, seats)
    }

    fn states(&self, seats: &[String]) -> Option<Vec<(String, &'static str)>> {
        let state = |id: &String| Some((id.clone(), self.state(self.seats.get(id)?)));
        seats.iter().map(state).collect()
    }

    fn grant(&mut self, user: &str, seats: Vec<String>) -> Reply {
        let (id, created) = (self.id(), self.now());
        for seat in &seats {
            self.seats.get_mut(seat).expect("a seat").reservation = Some(id.clone());
        }
        let (user, expires) = (user.to_owned(), created + self.hold);
        let stuck = self.lies(Lie::NeverFrees, 5);
        let held =
            Reservation { id: id.clone(), user, seats, created, expires, status: "PENDING", stuck };
        self.reservations.insert(id.clone(), held);
        Reply::new(201, self.shown(&self.reservations[&id]))
    }

    fn shown(&self, held: &Reservation) -> Value {
        let status = match held.status {
            "PENDING" if !self.is_live(held) => "EXPIRED",
            status => status,
        };
        let body = json!({
            "id": held.id, "seatId": held.seats[0], "userId": held.user, "status": status,
            "expiresAt": written(held.expires), "createdAt": written(held.created),
        });
        self.with_group(body, &held.seats)
    }

    fn with_group(&self, mut body: Value, seats: &[String]) -> Value {
        if self.manner == Manner::Full {
            let price = self.prices[&self.seats[&seats[0]].session].0;
            body["seatIds"] = json!(seats);
            let cents = price * i32::try_from(seats.len()).expect("few seats");
            body["total"] = json!(f64::from(cents) / 100.0);
        }
        body
    }

    fn confirm(&mut self, id: &str) -> Reply {
        let Some(held) = self.reservations.get(id) else {
            return refuse(404, "reservation_not_found");
        };
        match held.status {
            "CONFIRMED" => return refuse(409, "reservation_confirmed"),
            "CANCELLED" => return refuse(410, "reservation_cancelled"),
            _ if !self.is_live(held) => return refuse(410, "reservation_expired"),
            _ => {}
        }
        let (user, seats) = (held.user.clone(), held.seats.clone());
        let sale = json!({
            "id": self.id(), "reservationId": id, "seatId": seats[0], "userId": user,
            "paidAt": written(self.now()),
        });
        let sale = self.with_group(sale, &seats);
        if self.lies(Lie::ForgetsSale, 10) {
            return Reply::new(201, sale);
        }
        let buyer = if self.lies(Lie::WrongName, 10) { "somebody-else".to_owned() } else { user };
        self.sales.entry(buyer).or_default().push(sale.clone());
        self.reservations.get_mut(id).expect("it is there").status = "CONFIRMED";
        Reply::new(201, sale)
    }

    fn cancel(&mut self, id: &str) -> Reply {
        let Some(held) = self.reservations.get(id) else {
            return refuse(404, "reservation_not_found");
        };
        match held.status {
            "CONFIRMED" => refuse(409, "reservation_confirmed"),
            "PENDING" if !self.is_live(held) => refuse(410, "reservation_expired"),
            _ => {
                self.reservations.get_mut(id).expect("it is there").status = "CANCELLED";
                Reply::new(204, Value::Null)
            }
        }
    }

    fn extend(&mut self, id: &str) -> Reply {
        let later = self.now() + self.hold;
        let Some(held) = self.reservations.get(id) else {
            return refuse(404, "reservation_not_found");
        };
        if !self.is_live(held) {
            return refuse(410, "reservation_expired");
        }
        self.reservations.get_mut(id).expect("it is there").expires = later;
        Reply::new(200, self.shown(&self.reservations[id]))
    }

    fn map(&self, session: &str) -> Reply {
        let Some((_, order)) = self.prices.get(session) else {
            return refuse(404, "session_not_found");
        };
        let rows = order.iter().map(|id| {
            let seat = &self.seats[id];
            let state = self.state(seat);
            let hides = self.manner == Manner::Plain && state == "RESERVED";
            let status = if hides { "AVAILABLE" } else { state };
            json!({"id": id, "seatNumber": seat.number, "status": status, "isLocked": state == "RESERVED"})
        });
        Reply::new(200, rows.collect())
    }

    /// Answers a request that is decided for the first time, or again.
    fn decide(&mut self, request: &Request, again: bool) -> Reply {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let parts: Vec<_> = request.path.split('/').skip(1).collect();
        let full = self.manner == Manner::Full;
        match (&*request.method, &parts[..]) {
            ("POST", ["sessions"]) => self.open(&body),
            ("POST", ["reservations"]) => match (&body["seatId"], &body["seatIds"]) {
                (Value::String(seat), _) => self.reserve(user(&body), vec![seat.clone()], again),
                (_, Value::Array(seats)) if full => {
                    let seats = seats.iter().filter_map(Value::as_str).map(str::to_owned);
                    self.reserve(user(&body), seats.collect(), again)
                }
                _ => refuse(400, "validation_failed"),
            },
            ("POST", ["payments", "confirm", id]) => {
                if let (true, Some(held)) = (again, self.reservations.get_mut(*id)) {
                    held.status = "PENDING";
                }
                self.confirm(id)
            }
            ("POST", ["reservations", id, "extend"]) if full => self.extend(id),
            ("DELETE", ["reservations", id]) if full => self.cancel(id),
            ("GET", ["reservations", id]) => match self.reservations.get(*id) {
                Some(held) => Reply::new(200, self.shown(held)),
                None => refuse(404, "reservation_not_found"),
            },
            ("GET", ["seats", session]) => self.map(session),
            ("GET", ["sales", "history", user]) => {
                let sales = self.sales.get(*user).cloned().unwrap_or_default();
                Reply::new(200, Value::Array(sales))
            }
            _ => refuse(404, "route_not_found"),
        }
    }
}

impl Desk for Core {
    fn answer(&mut self, request: &Request) -> Reply {
        let key = request.key.as_ref().filter(|_| self.manner == Manner::Full);
        let Some(key) = key else { return self.decide(request, false) };
        // The key of the probe is replayed: a server that never does it knows no keys.
        let done = self.keys.get(key).cloned();
        match done {
            Some(_) if !key.starts_with("probe") && self.lies(Lie::RepeatsKey, 5) => {
                self.decide(request, true)
            }
            Some(reply) => Reply { replayed: true, ..reply },
            None => {
                let reply = self.decide(request, false);
                if reply.status < 300 {
                    self.keys.insert(key.clone(), reply.clone());
                }
                reply
            }
        }
    }
}

fn user(body: &Value) -> &str {
    body["userId"].as_str().unwrap_or_default()
}

fn refuse(status: u16, code: &str) -> Reply {
    Reply::new(status, json!({"statusCode": status, "message": code, "code": code}))
}

fn unavailable(taken: &[(String, &str)]) -> Reply {
    let code = match taken {
        [(_, "SOLD")] => "seat_sold",
        [_] => "seat_held",
        _ => "seats_unavailable",
    };
    let seats: Vec<_> =
        taken.iter().map(|(id, status)| json!({"seatId": id, "status": status})).collect();
    Reply::new(409, json!({"statusCode": 409, "message": code, "code": code, "seats": seats}))
}

/// A moment of the office's clock, which began in 2026.
fn written(at: Duration) -> String {
    let began = jiff::Timestamp::from_second(1_795_000_000).expect("a moment");
    format!("{:.3}", began + at)
}

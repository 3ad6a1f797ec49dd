//! Sixty-four people who reserve, pay, cancel and walk away, and note the answers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Scope, ScopedJoinHandle};

use poltrona_testkit::client::{Answer, Connection};
use poltrona_testkit::dice::Dice;
use serde_json::{Value, json};

const BUYERS: u64 = 64;
/// The seats that everybody wants, in the first session.
const BEST: usize = 40;

/// The answers that buyers got.
#[derive(Default)]
pub(super) struct Notes {
    /// Reservations as they were acknowledged, and their fate.
    pub(super) reservations: Vec<(Value, Fate)>,
    /// Sales as they were acknowledged.
    pub(super) sales: Vec<Value>,
    /// Requests with a key that were not answered.
    pub(super) lost: Vec<Lost>,
}

/// The end of a reservation, as its buyer knows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// Paid, and acknowledged.
    Paid,
    /// Cancelled, and acknowledged.
    Cancelled,
    /// Did nothing, or came too late.
    Left,
    /// Paid or cancelled, and was not answered.
    Unsure,
}

/// A request that can be sent again: it has a key.
#[derive(Debug)]
pub(super) struct Lost {
    path: String,
    pub(super) body: Option<Value>,
    key: String,
    /// A user id that no other request has.
    pub(super) user: String,
}

impl Notes {
    pub(super) fn extend(&mut self, more: Self) {
        self.reservations.extend(more.reservations);
        self.sales.extend(more.sales);
        self.lost.extend(more.lost);
    }
}

impl Lost {
    /// Sends it to a server that is expected to answer.
    pub(super) fn send(&self, connection: &mut Connection) -> Answer {
        let key = [("Idempotency-Key", self.key.as_str())];
        let answer = connection.request("POST", &self.path, &key, self.body.as_ref());
        answer.unwrap().expect("an answer this time")
    }
}

/// Many buyers at once.
pub(super) struct Rush<'a> {
    address: SocketAddr,
    sessions: &'a [Vec<String>],
    round: u64,
    sales: AtomicUsize,
}

impl<'a> Rush<'a> {
    pub(super) fn new(address: SocketAddr, sessions: &'a [Vec<String>], round: u64) -> Self {
        Self { address, sessions, round, sales: AtomicUsize::new(0) }
    }

    /// How many sales were acknowledged so far.
    pub(super) fn sales(&self) -> usize {
        self.sales.load(Ordering::Relaxed)
    }

    /// Starts all buyers; they end when the server no longer answers.
    pub(super) fn send_in<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
    ) -> Vec<ScopedJoinHandle<'scope, Notes>> {
        let buy = |number| {
            let mut buyer = Buyer {
                rush: self,
                connection: Connection::open(self.address).unwrap(),
                dice: Dice::new(self.round * BUYERS + number),
                name: format!("buyer-{}-{number}", self.round),
                notes: Notes::default(),
            };
            scope.spawn(move || {
                let mut turn = 0;
                while buyer.turn(turn).is_some() {
                    turn += 1;
                }
                buyer.notes
            })
        };
        (0..BUYERS).map(buy).collect()
    }
}

struct Buyer<'a> {
    rush: &'a Rush<'a>,
    connection: Connection,
    dice: Dice,
    name: String,
    notes: Notes,
}

impl Buyer<'_> {
    /// Reserves some seats, and pays, cancels or leaves them. `None` once no answer comes.
    fn turn(&mut self, turn: u32) -> Option<()> {
        let user = format!("{}-{turn}", self.name);
        let body = json!({ "seatIds": self.choose(), "userId": user });
        let answer = self.post(&user, "/reservations", Some(body))?;
        if answer.status != 201 {
            // Another buyer has a seat of these.
            answer.expect(409);
            return Some(());
        }
        let reservation = answer.json();
        let id = reservation["id"].as_str().unwrap().to_owned();
        let fate = match self.dice.below(6) {
            0..3 => self.pay(&user, &id),
            3 => self.cancel(&id),
            _ => Some(Fate::Left),
        };
        self.notes.reservations.push((reservation, fate.unwrap_or(Fate::Unsure)));
        fate.map(drop)
    }

    /// One seat, or up to four of one session, each once.
    fn choose(&mut self) -> BTreeSet<String> {
        let best = self.dice.below(4) == 0;
        let session = if best { 0 } else { self.dice.below(self.rush.sessions.len()) };
        let seats = &self.rush.sessions[session];
        let count = if self.dice.below(3) == 0 { 1 + self.dice.below(4) } else { 1 };
        let range = if best { BEST } else { seats.len() };
        (0..count).map(|_| seats[self.dice.below(range)].clone()).collect()
    }

    fn pay(&mut self, user: &str, reservation: &str) -> Option<Fate> {
        let answer = self.post(user, &format!("/payments/confirm/{reservation}"), None)?;
        if answer.status == 410 {
            return Some(Fate::Left);
        }
        self.notes.sales.push(answer.expect(201).json());
        self.rush.sales.fetch_add(1, Ordering::Relaxed);
        Some(Fate::Paid)
    }

    fn cancel(&mut self, reservation: &str) -> Option<Fate> {
        let path = format!("/reservations/{reservation}");
        let answer = self.connection.request("DELETE", &path, &[], None).ok()??;
        if answer.status == 410 {
            return Some(Fate::Left);
        }
        answer.expect(204);
        Some(Fate::Cancelled)
    }

    /// Sends a request, every other one with a key. `None` when it was not answered whole.
    fn post(&mut self, user: &str, path: &str, body: Option<Value>) -> Option<Answer> {
        let key = (self.dice.below(2) == 0).then(|| format!("{user}{path}"));
        let headers: Vec<_> = key.iter().map(|key| ("Idempotency-Key", key.as_str())).collect();
        let answer = self.connection.request("POST", path, &headers, body.as_ref()).ok().flatten();
        if let (None, Some(key)) = (&answer, key) {
            let (path, user) = (path.to_owned(), user.to_owned());
            self.notes.lost.push(Lost { path, body, key, user });
        }
        answer
    }
}

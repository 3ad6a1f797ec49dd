//! A story on the rules alone: one command after the other, on facts in memory, and answers kept
//! for a day.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use poltrona_domain::{
    Actor, Command, Facts, Layout, Precondition, Reservation, ReservationId, ReservationStatus,
    Sale, SaleId, SeatNo, SeatSelection, SeatState, Session, SessionId, Timestamp, UserId, apply,
    decide,
};
use poltrona_engine::ledger::{Error, Key};
use poltrona_engine::store::answer::{KeyScope, RecordedAnswer};
use poltrona_engine::text;
use uuid::Uuid;

use super::moves::{Answered, Expected, Move, render};
use super::story::{Ask, AskedKey, Scene, Wish, name};
use super::tables::{NULL, Rows, row};

/// When every story begins; long past, for a server measures a message's age by its own clock.
const START_MILLIS: i64 = 1_577_880_000_000;
/// How long answers count, in milliseconds.
const DAY_MILLIS: i64 = 86_400_000;

pub(super) struct Model {
    now_millis: i64,
    facts: Facts,
    kept: HashMap<(String, String), Kept>,
    /// The events of each batch, oldest first.
    outbox: Vec<(i64, Vec<&'static str>)>,
    /// The names that sessions had after some batch.
    session_names: BTreeSet<String>,
    sessions: usize,
    reservations: u128,
    sales: u128,
}

struct Kept {
    fingerprint: [u8; 32],
    answer: RecordedAnswer,
    at: i64,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            now_millis: START_MILLIS,
            facts: Facts::default(),
            kept: HashMap::new(),
            outbox: Vec::new(),
            session_names: BTreeSet::new(),
            sessions: 0,
            reservations: 0,
            sales: 0,
        }
    }
}

impl Model {
    pub(super) const fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_millis)
    }

    /// Plays a scene, and returns the move that a store must make.
    pub(super) fn play(&mut self, scene: &Scene) -> Expected {
        match scene {
            Scene::Batch { asks, lapses } => self.batch(asks, lapses),
            Scene::Room(ask) => self.batch(std::slice::from_ref(ask), &[]),
            Scene::Wait { millis } => {
                self.now_millis += millis;
                Expected { next: Move::Wait, answers: Vec::new() }
            }
            Scene::Deliver { rows, twice, strike } => self.deliver(*rows, *twice, *strike),
            Scene::Forget { millis } => self.forget(*millis),
        }
    }

    fn batch(&mut self, asks: &[Ask], lapses: &[usize]) -> Expected {
        let (mut people, mut answers, mut names) = (Vec::new(), Vec::new(), Vec::new());
        let made_before = self.reservations;
        for ask in asks {
            let command = self.command(&ask.wish);
            // No client can have used a key for a reservation whose id no answer has given.
            let is_known = |id: &ReservationId| id.as_uuid().as_u128() <= made_before;
            let may_have_key = command.reservation().as_ref().is_none_or(is_known);
            let key = ask.key.as_ref().filter(|_| may_have_key);
            let key = key.map(|key| new_key(key, &command));
            let answer = self.answer(&command, key.as_ref(), &mut names);
            if matches!(answer, Answered::No(_) | Answered::Replayed(_)) {
                self.take_back(&command);
            }
            answers.push(answer);
            people.push((command, key));
        }
        let mut expire = Vec::new();
        for back in lapses {
            let reservation = self.earlier(*back);
            answers.push(self.answer(&Command::Expire { reservation }, None, &mut names));
            expire.push(reservation);
        }
        if !names.is_empty() {
            self.outbox.push((self.now_millis, names));
        }
        let sessions = self.facts.sessions.values();
        let names = sessions.flat_map(|it| [text::folded(&it.movie), text::folded(&it.room)]);
        self.session_names.extend(names);
        Expected { next: Move::Batch { people, expire }, answers }
    }

    fn answer(
        &mut self,
        command: &Command,
        key: Option<&Key>,
        names: &mut Vec<&'static str>,
    ) -> Answered {
        let owned = key.and_then(|key| Some((key, (self.owner(key, command)?, key.key.clone()))));
        if let Some((key, name)) = &owned
            && let Some(kept) = self.kept.get(name)
            && kept.at >= self.now_millis - DAY_MILLIS
        {
            return if kept.fingerprint == key.fingerprint {
                Answered::Replayed(kept.answer.clone())
            } else {
                Answered::No(Error::KeyMismatch)
            };
        }
        let events = match decide(&self.facts, &Actor::Anyone, command, self.now()) {
            Ok(events) => events,
            Err(refusal) => return Answered::No(Error::Refused(refusal)),
        };
        for event in &events {
            apply(&mut self.facts, event);
            names.push(event.name());
        }
        if let Some((key, name)) = owned {
            let (fingerprint, answer) = (key.fingerprint, render(&events));
            self.kept.insert(name, Kept { fingerprint, answer, at: self.now_millis });
        }
        Answered::Done(events)
    }

    /// The owner of a key; none while its reservation does not exist.
    fn owner(&self, key: &Key, command: &Command) -> Option<String> {
        match &key.scope {
            KeyScope::Named(name) => Some(name.clone()),
            KeyScope::OfReservation => {
                let found = self.facts.reservations.get(&command.reservation()?)?;
                Some(found.user.as_str().to_owned())
            }
        }
    }

    fn deliver(&mut self, rows: usize, twice: bool, strike: Option<bool>) -> Expected {
        let count = rows.min(self.outbox.len());
        if strike.is_some() {
            self.outbox.drain(..count);
        }
        // Its effect is compared between the stores alone.
        Expected { next: Move::Deliver { rows, twice, strike }, answers: Vec::new() }
    }

    fn forget(&mut self, millis: i64) -> Expected {
        let before = self.now_millis - millis;
        self.kept.retain(|_, kept| kept.at >= before);
        self.facts.reservations.retain(|_, it| {
            let over =
                matches!(it.status, ReservationStatus::Expired | ReservationStatus::Cancelled);
            !(over && it.expires_at.as_millis() < before)
        });
        let before = Timestamp::from_millis(before);
        Expected { next: Move::Forget { before }, answers: Vec::new() }
    }
}

/// Ids, handed out one after the other.
impl Model {
    fn command(&mut self, wish: &Wish) -> Command {
        match wish.clone() {
            Wish::Open { name, cents } => {
                self.sessions += 1;
                Command::OpenSession(new_session(self.sessions - 1, name, cents))
            }
            Wish::Update { session, change } => Command::UpdateSession {
                session: session_id(session),
                change,
                only_if: Precondition::default(),
            },
            Wish::Close { session } => Command::CloseSession {
                session: session_id(session),
                only_if: Precondition::default(),
            },
            Wish::Reserve { session, seats, user, hold_millis } => {
                self.reservations += 1;
                Command::Reserve {
                    reservation: reservation_id(self.reservations),
                    seats: selection(session, &seats),
                    user: UserId::new(name(usize::from(user))),
                    hold: Duration::from_millis(hold_millis),
                }
            }
            Wish::Confirm { back } => {
                self.sales += 1;
                let sale = SaleId::from_uuid(Uuid::from_u128(self.sales));
                Command::Confirm { reservation: self.earlier(back), sale }
            }
            Wish::Cancel { back } => Command::Cancel { reservation: self.earlier(back) },
            Wish::Extend { back, hold_millis } => Command::Extend {
                reservation: self.earlier(back),
                hold: Duration::from_millis(hold_millis),
            },
        }
    }

    fn earlier(&self, back: usize) -> ReservationId {
        reservation_id((self.reservations + 1).saturating_sub(back as u128))
    }

    /// A command without effect leaves its id to the next one.
    fn take_back(&mut self, command: &Command) {
        match command {
            Command::OpenSession(_) => self.sessions -= 1,
            Command::Reserve { .. } => self.reservations -= 1,
            _ => {}
        }
    }
}

pub(super) fn session_id(n: usize) -> SessionId {
    SessionId::mint(Uuid::from_u128((n as u128 + 1) << 64))
}

fn reservation_id(n: u128) -> ReservationId {
    ReservationId::from_uuid(Uuid::from_u128(n))
}

fn selection(session: usize, seats: &[u16]) -> SeatSelection {
    let seat = |no: &u16| session_id(session).seat(SeatNo::new(*no).expect("seats start at 1"));
    SeatSelection::new(seats.iter().map(seat).collect()).expect("different seats of one session")
}

fn new_session(n: usize, film: usize, cents: i64) -> Session {
    Session {
        id: session_id(n),
        movie: name(film).to_owned(),
        room: format!("room {n}"),
        starts_at: Timestamp::from_millis(START_MILLIS + 1_000),
        price: poltrona_domain::Cents::new(cents),
        layout: Layout::new(16).expect("sixteen seats are a room"),
        // Both are set by the decision; the values that come in must not matter.
        version: Session::FIRST_VERSION,
        changed_at: Timestamp::from_millis(-1),
        created_at: Timestamp::from_millis(-1),
        closed_at: Some(Timestamp::from_millis(-1)),
    }
}

fn new_key(asked: &AskedKey, command: &Command) -> Key {
    let scope = match command {
        Command::OpenSession(_) | Command::UpdateSession { .. } | Command::CloseSession { .. } => {
            KeyScope::Named(String::new())
        }
        Command::Reserve { user, .. } => KeyScope::Named(user.as_str().to_owned()),
        _ => KeyScope::OfReservation,
    };
    let (key, fingerprint) = (format!("key {}", asked.key), [asked.fingerprint; 32]);
    Key { scope, key, fingerprint, record: std::sync::Arc::new(render) }
}

/// The rows that should be there.
impl Model {
    pub(super) fn tables(&self) -> BTreeMap<&'static str, Rows> {
        let Self { facts, kept, outbox, session_names, .. } = self;
        let all = |rows: &mut dyn Iterator<Item = String>| {
            let mut rows: Rows = rows.collect();
            rows.sort_unstable();
            rows
        };
        let sold = facts
            .sales
            .values()
            .flat_map(|sale| sale.seats.iter().map(move |no| sale_seat_row(sale, *no)));
        BTreeMap::from([
            ("sessions", all(&mut facts.sessions.values().map(session_row))),
            ("session_versions", all(&mut facts.past_sessions.values().map(past_session_row))),
            ("session_names", all(&mut session_names.iter().map(|name| name_row(name)))),
            ("seats", all(&mut facts.seats.values().map(seat_row))),
            ("reservations", all(&mut facts.reservations.values().map(reservation_row))),
            ("sales", all(&mut facts.sales.values().map(sale_row))),
            ("sale_seats", all(&mut { sold })),
            ("idempotency", all(&mut kept.iter().map(|(name, kept)| kept_row(name, kept)))),
            (
                "outbox in short",
                all(&mut outbox.iter().enumerate().map(|(place, (at, names))| {
                    format!("{place:03} at {at}: {}", names.join(" "))
                })),
            ),
        ])
    }
}

fn hex(id: &Uuid) -> String {
    id.simple().to_string()
}

fn millis(time: Timestamp) -> String {
    time.as_millis().to_string()
}

fn session_row(it: &Session) -> String {
    row(&[
        ("id", hex(it.id.as_uuid())),
        ("movie", it.movie.clone()),
        ("room", it.room.clone()),
        ("starts_at", millis(it.starts_at)),
        ("price_cents", it.price.get().to_string()),
        ("layout", it.layout.to_string()),
        ("created_at", millis(it.created_at)),
        ("closed_at", it.closed_at.map_or_else(|| NULL.to_owned(), millis)),
        ("version", it.version.to_string()),
        ("changed_at", millis(it.changed_at)),
        ("movie_folded", text::folded(&it.movie)),
        ("room_folded", text::folded(&it.room)),
    ])
}

fn name_row(name: &str) -> String {
    row(&[("name", name.to_owned())])
}

fn past_session_row(it: &Session) -> String {
    row(&[
        ("session_id", hex(it.id.as_uuid())),
        ("version", it.version.to_string()),
        ("movie", it.movie.clone()),
        ("room", it.room.clone()),
        ("starts_at", millis(it.starts_at)),
        ("price_cents", it.price.get().to_string()),
    ])
}

fn seat_row(it: &poltrona_domain::Seat) -> String {
    let null = || NULL.to_owned();
    let (status, by, until) = match it.state {
        SeatState::Available => ("AVAILABLE", null(), null()),
        SeatState::Held { by, until } => ("RESERVED", hex(by.as_uuid()), millis(until)),
        SeatState::Sold { by } => ("SOLD", hex(by.as_uuid()), null()),
    };
    row(&[
        ("session_id", hex(it.id.session().as_uuid())),
        ("seat_no", it.id.no().get().to_string()),
        ("label", Layout::label(it.id.no())),
        ("status", status.to_owned()),
        ("reservation_id", by),
        ("hold_until", until),
        ("version", it.version.to_string()),
    ])
}

fn reservation_row(it: &Reservation) -> String {
    let nos: Vec<_> = it.seats.iter().map(|no| no.get().to_string()).collect();
    let status = match it.status {
        ReservationStatus::Pending => "PENDING",
        ReservationStatus::Confirmed => "CONFIRMED",
        ReservationStatus::Expired => "EXPIRED",
        ReservationStatus::Cancelled => "CANCELLED",
    };
    row(&[
        ("id", hex(it.id.as_uuid())),
        ("session_id", hex(it.session.as_uuid())),
        ("seat_nos", nos.join(",")),
        ("user_id", it.user.as_str().to_owned()),
        ("total_cents", it.total.get().to_string()),
        ("status", status.to_owned()),
        ("created_at", millis(it.created_at)),
        ("expires_at", millis(it.expires_at)),
        ("extensions", it.extensions.to_string()),
        ("session_version", it.showing.version.to_string()),
    ])
}

fn sale_row(it: &Sale) -> String {
    row(&[
        ("id", hex(it.id.as_uuid())),
        ("reservation_id", hex(it.reservation.as_uuid())),
        ("session_id", hex(it.session.as_uuid())),
        ("user_id", it.user.as_str().to_owned()),
        ("total_cents", it.total.get().to_string()),
        ("movie", it.movie.clone()),
        ("room", it.room.clone()),
        ("starts_at", millis(it.starts_at)),
        ("paid_at", millis(it.paid_at)),
    ])
}

fn sale_seat_row(sale: &Sale, no: SeatNo) -> String {
    let each = sale.total.get() / i64::try_from(sale.seats.len()).expect("a few");
    row(&[
        ("session_id", hex(sale.session.as_uuid())),
        ("seat_no", no.get().to_string()),
        ("sale_id", hex(sale.id.as_uuid())),
        ("price_cents", each.to_string()),
        ("voided_at", NULL.to_owned()),
    ])
}

fn kept_row((caller, key): &(String, String), kept: &Kept) -> String {
    let bytes =
        |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    row(&[
        ("caller", caller.clone()),
        ("key", key.clone()),
        ("fingerprint", bytes(&kept.fingerprint)),
        ("status", kept.answer.status.to_string()),
        ("location", kept.answer.location.clone().unwrap_or_else(|| NULL.to_owned())),
        ("answer", bytes(&kept.answer.body)),
        ("created_at", kept.at.to_string()),
    ])
}

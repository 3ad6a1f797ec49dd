//! A server in a few lines: honest, or lying in one way now and then.
//!
//! It keeps every promise in the least convenient way that is still honest: it notices lapses up to
//! two seconds late, cuts time to milliseconds, and refuses whoever asks while another does.

use std::collections::HashMap;

use poltrona_rush::history::{Action, Completion, Invoke, Micros, SaleSeen};

use crate::{
    chance::Chance,
    story::{PRICE, seat},
};

pub(crate) const SEATS: u32 = 12;
pub(crate) const HOLD_MS: u64 = 3_000;

/// A way of lying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// None.
    Honest,
    /// A sold seat is granted again.
    SoldAgain,
    /// A held seat is granted to another.
    TwoHolds,
    /// An acknowledged sale is forgotten by every read and by the seat.
    ForgottenSale,
    /// A sale is listed for somebody else.
    AnothersName,
    /// A live hold is refused as expired.
    CutShort,
    /// A hold never ends for others.
    NeverFrees,
    /// A refused group leaves a seat held.
    HalfGroup,
    /// A retry is done again.
    DoneTwice,
    /// A free seat is refused.
    Unjust,
    /// A total is a cent off.
    WrongTotal,
    /// A hold that nobody paid is listed as a sale.
    FromNowhere,
}

struct Reservation {
    id: String,
    user: String,
    seats: Vec<u32>,
    created_ms: u64,
    until_ms: u64,
    late_ms: u64,
    extended: u32,
    cancelled: bool,
    stuck: bool,
    sale: Option<String>,
    forgotten: bool,
}

impl Reservation {
    fn live(&self, now_ms: u64) -> bool {
        !self.cancelled && self.sale.is_none() && now_ms < self.until_ms + self.late_ms
    }
}

/// The server.
pub(crate) struct Theatre {
    chance: Chance,
    lie: Lie,
    /// How many lies it told.
    told: u32,
    /// Who has each seat, or last had it.
    seats: Vec<Option<usize>>,
    reservations: Vec<Reservation>,
    keys: HashMap<(String, String), Completion>,
}

impl Theatre {
    pub(crate) fn new(seed: u64, lie: Lie) -> Self {
        Self {
            chance: Chance(seed),
            lie,
            told: 0,
            seats: vec![None; SEATS as usize],
            reservations: Vec::new(),
            keys: HashMap::new(),
        }
    }

    /// How many lies it told, as far as anybody can tell.
    pub(crate) fn lies(&self) -> usize {
        if self.lie != Lie::NeverFrees {
            return self.told as usize;
        }
        // Only a hold that should be over and was not paid was a lie.
        let last = self.seats.iter().flatten().map(|&made| &self.reservations[made]);
        last.filter(|last| last.stuck && last.sale.is_none()).count()
    }

    /// Whether it lies this time.
    fn lie(&mut self, lie: Lie) -> bool {
        let lies = self.lie == lie && self.chance.percent(20);
        self.told += u32::from(lies);
        lies
    }

    /// Decides a request at the moment `at`; `contended` says that another asks for the seats.
    /// The answer is a success if its status is below 300.
    pub(crate) fn decide(&mut self, asked: &Invoke, at: Micros, contended: bool) -> Completion {
        let key = asked.key.clone().map(|key| (asked.user.clone(), key));
        if let Some(kept) = key.as_ref().and_then(|key| self.keys.get(key)).cloned()
            && !self.lie(Lie::DoneTwice)
        {
            return Completion { replayed: true, ..kept };
        }
        let mut done = match asked.action {
            Action::Reserve => self.reserve(asked, at / 1_000, contended),
            Action::Seats => self.map(at / 1_000),
            Action::Sales => self.sales(&asked.user),
            _ => self.about(asked, at / 1_000),
        };
        if done.status < 300 && asked.key.is_some() {
            done.hash = Some(self.chance.below(u64::MAX));
            self.keys.insert(key.unwrap(), done.clone());
        }
        done
    }

    fn holder(&self, seat: u32, now_ms: u64) -> Option<&Reservation> {
        let last = &self.reservations[self.seats[seat as usize - 1]?];
        let has = last.sale.is_some() && !last.forgotten || last.stuck || last.live(now_ms);
        has.then_some(last)
    }

    fn numbers(asked: &Invoke) -> Vec<u32> {
        (1..=SEATS).filter(|&number| asked.seats.contains(&seat(number))).collect()
    }

    fn reserve(&mut self, asked: &Invoke, now_ms: u64, contended: bool) -> Completion {
        let seats = Self::numbers(asked);
        let taken: Vec<_> =
            seats.iter().copied().filter(|&s| self.holder(s, now_ms).is_some()).collect();
        let sold = |number: &u32| self.holder(*number, now_ms).is_some_and(|r| r.sale.is_some());
        let any_sold = taken.iter().any(sold);
        if taken.is_empty() {
            if contended && self.chance.percent(30) || self.lie(Lie::Unjust) {
                return refusal(409);
            }
        } else {
            let lie = if any_sold { Lie::SoldAgain } else { Lie::TwoHolds };
            if !self.lie(lie) {
                let free = seats.iter().copied().find(|seat| !taken.contains(seat));
                if let Some(free) = free
                    && self.lie(Lie::HalfGroup)
                {
                    self.hold(&asked.user, vec![free], now_ms);
                }
                let named = self.chance.percent(50);
                let taken = taken.into_iter().map(seat).filter(|_| named).collect();
                return Completion { taken, ..refusal(409) };
            }
        }
        let made = self.hold(&asked.user, seats, now_ms);
        self.reservations[made].stuck = !asked.census && self.lie(Lie::NeverFrees);
        let mut done = self.shown(made, 201);
        done.hold_ms = Some(HOLD_MS);
        done
    }

    fn hold(&mut self, user: &str, seats: Vec<u32>, now_ms: u64) -> usize {
        let made = self.reservations.len();
        for &seat in &seats {
            self.seats[seat as usize - 1] = Some(made);
        }
        let late_ms = if self.chance.percent(30) { self.chance.below(1_990) } else { 0 };
        self.reservations.push(Reservation {
            id: format!("01a80000-0000-7000-9000-{made:012x}"),
            user: user.into(),
            seats,
            created_ms: now_ms,
            until_ms: now_ms + HOLD_MS,
            late_ms,
            extended: 0,
            cancelled: false,
            stuck: false,
            sale: None,
            forgotten: false,
        });
        made
    }

    fn shown(&mut self, made: usize, status: u16) -> Completion {
        let off = i64::from(self.lie(Lie::WrongTotal));
        let reservation = &self.reservations[made];
        Completion {
            status,
            reservation: Some(reservation.id.clone()),
            seats: reservation.seats.iter().copied().map(seat).collect(),
            user: Some(reservation.user.clone()),
            total_cents: Some(PRICE * i64::try_from(reservation.seats.len()).unwrap() + off),
            ..Completion::default()
        }
    }

    fn about(&mut self, asked: &Invoke, now_ms: u64) -> Completion {
        let id = asked.reservation.as_ref().unwrap();
        let Some(made) = self.reservations.iter().position(|r| r.id == *id) else {
            return refusal(404);
        };
        let live = self.reservations[made].live(now_ms)
            && self.reservations[made].seats.iter().all(|&s| self.has(s, made));
        match asked.action {
            Action::Confirm => self.confirm(made, live),
            Action::Cancel => {
                let reservation = &mut self.reservations[made];
                if live {
                    reservation.cancelled = true;
                }
                let paid = reservation.sale.is_some();
                let status = if paid { 409 } else { 410 };
                let status = if reservation.cancelled { 204 } else { status };
                Completion { status, ..Completion::default() }
            }
            Action::Extend if live && self.reservations[made].extended < 3 => {
                let reservation = &mut self.reservations[made];
                reservation.until_ms = now_ms + HOLD_MS;
                reservation.extended += 1;
                let hold_ms = Some(reservation.until_ms - reservation.created_ms);
                Completion { hold_ms, ..self.shown(made, 200) }
            }
            Action::Extend => refusal(if live { 409 } else { 410 }),
            _ => {
                let reservation = &self.reservations[made];
                let state = match () {
                    () if reservation.sale.is_some() && !reservation.forgotten => "CONFIRMED",
                    () if reservation.cancelled => "CANCELLED",
                    () if live => "PENDING",
                    () => "EXPIRED",
                };
                Completion { state: Some(state.into()), ..self.shown(made, 200) }
            }
        }
    }

    fn has(&self, seat: u32, made: usize) -> bool {
        self.seats[seat as usize - 1] == Some(made)
    }

    fn confirm(&mut self, made: usize, live: bool) -> Completion {
        if self.reservations[made].sale.is_some() && !self.lie(Lie::DoneTwice) {
            return refusal(409);
        }
        let paid = self.reservations[made].sale.is_some();
        if !live && !paid || live && self.lie(Lie::CutShort) {
            return refusal(410);
        }
        let id = format!("sale-{made}-{}", self.chance.below(1_000_000));
        self.reservations[made].sale = Some(id.clone());
        self.reservations[made].forgotten = self.lie(Lie::ForgottenSale);
        Completion { sale: Some(id), ..self.shown(made, 201) }
    }

    fn map(&self, now_ms: u64) -> Completion {
        let letter = |number| match self.holder(number, now_ms) {
            None => 'A',
            Some(reservation) if reservation.sale.is_some() => 'S',
            Some(_) => 'R',
        };
        let map = Some((1..=SEATS).map(letter).collect());
        Completion { status: 200, map, ..Completion::default() }
    }

    fn sales(&mut self, user: &str) -> Completion {
        let wrong = self.lie == Lie::AnothersName && self.chance.percent(20);
        let nowhere = self.lie == Lie::FromNowhere && self.chance.percent(20);
        let listed = self.reservations.iter().filter(|r| {
            let paid = r.sale.is_some() && !r.forgotten;
            paid && (r.user == user || wrong) || nowhere && r.user == user && r.cancelled
        });
        let sales: Vec<_> = listed
            .map(|r| SaleSeen {
                id: r.sale.clone().unwrap_or_else(|| format!("sale-{}", r.id)),
                reservation: r.id.clone(),
                seats: r.seats.iter().copied().map(seat).collect(),
                total_cents: Some(PRICE * i64::try_from(r.seats.len()).unwrap()),
            })
            .collect();
        let lies = self.reservations.iter().any(|r| {
            wrong && r.sale.is_some() && r.user != user || nowhere && r.user == user && r.cancelled
        });
        self.told += u32::from(lies);
        Completion { status: 200, sales: Some(sales), ..Completion::default() }
    }
}

fn refusal(status: u16) -> Completion {
    Completion { status, ..Completion::default() }
}

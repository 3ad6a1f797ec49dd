//! The rules in a second, naive form: a log of who had which seat from when to when.
//!
//! It finds everything by reading the log from one end to the other, and calls none of the crate's
//! own rules: it shares only types with them. It is right while time does not run backwards.

use poltrona_domain::{
    Command, Precondition, Refusal, ReservationId, ReservationStatus, SeatId, SeatState,
    SeatStatus, SeatTaken, Session, SessionChange, SessionId, Timestamp, UserId,
};

/// A success in the model's form: each event's name, and the seats that it changed.
pub(crate) type Outline = Vec<(&'static str, Vec<SeatId>)>;

/// When a sale ends.
const NEVER: i64 = i64::MAX;

/// Everything that happened so far.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) showings: Vec<Showing>,
    pub(crate) bookings: Vec<Booking>,
    stays: Vec<Stay>,
    /// One entry for each change of a seat.
    touched: Vec<SeatId>,
}

/// A session.
#[derive(Clone)]
pub(crate) struct Showing {
    pub(crate) id: SessionId,
    pub(crate) seats: Vec<SeatId>,
    pub(crate) movie: String,
    pub(crate) room: String,
    pub(crate) starts: i64,
    pub(crate) cents: i64,
    pub(crate) version: u32,
    pub(crate) changed: i64,
    pub(crate) opened: i64,
    pub(crate) closed: Option<i64>,
}

/// A reservation and all that was done with it.
pub(crate) struct Booking {
    pub(crate) id: ReservationId,
    pub(crate) seats: Vec<SeatId>,
    pub(crate) user: String,
    pub(crate) movie: String,
    pub(crate) room: String,
    pub(crate) starts: i64,
    pub(crate) cents: i64,
    pub(crate) made: i64,
    /// The promised ends: the first, then each extension's in order.
    pub(crate) ends: Vec<i64>,
    pub(crate) fate: Option<Fate>,
}

/// How a reservation ended.
#[derive(Clone, PartialEq)]
pub(crate) enum Fate {
    Paid { at: i64 },
    GivenBack,
    Lapsed,
}

/// A seat belongs to someone from one instant up to, but not at, another.
struct Stay {
    seat: SeatId,
    by: ReservationId,
    from: i64,
    to: i64,
    freed: bool,
}

impl Model {
    /// The answer that the rules should give. The model records the change.
    pub(crate) fn ask(&mut self, command: &Command, now: i64) -> Result<Outline, Refusal> {
        match command {
            Command::OpenSession(session) => Ok(self.open(session, now)),
            Command::UpdateSession { session, change, only_if } => {
                self.update(*session, change, only_if, now)
            }
            Command::CloseSession { session, only_if } => self.close(*session, only_if, now),
            Command::Reserve { reservation, seats, user, hold } => {
                let end = now + i64::try_from(hold.as_millis()).expect("holds are short");
                self.book(*reservation, seats.ids(), user.as_str(), now, end)
            }
            Command::Confirm { reservation, .. } => self.pay(*reservation, now),
            Command::Cancel { reservation } => self.give_back(*reservation, now),
            Command::Extend { reservation, hold } => {
                let end = now + i64::try_from(hold.as_millis()).expect("holds are short");
                self.prolong(*reservation, now, end)
            }
            Command::Expire { reservation } => self.lapse(*reservation, now),
        }
    }

    fn open(&mut self, session: &Session, now: i64) -> Outline {
        self.showings.push(Showing {
            id: session.id,
            seats: session.layout.numbers().map(|no| session.id.seat(no)).collect(),
            movie: session.movie.clone(),
            room: session.room.clone(),
            starts: session.starts_at.as_millis(),
            cents: session.price.get(),
            version: 1,
            changed: now,
            opened: now,
            closed: None,
        });
        vec![("session.created", vec![])]
    }

    /// The session, when it is there and as the caller requires.
    fn required(&mut self, id: SessionId, only_if: &Precondition) -> Result<&mut Showing, Refusal> {
        let showing = self.showing(id).ok_or(Refusal::SessionNotFound(id))?;
        let has_version = match &only_if.versions {
            Some(versions) => versions.contains(&showing.version),
            None => true,
        };
        let is_unchanged = match only_if.unchanged_since {
            Some(since) => showing.changed <= since.as_millis(),
            None => true,
        };
        if has_version && is_unchanged { Ok(showing) } else { Err(Refusal::SessionChanged(id)) }
    }

    fn update(
        &mut self,
        id: SessionId,
        change: &SessionChange,
        only_if: &Precondition,
        now: i64,
    ) -> Result<Outline, Refusal> {
        let showing = self.required(id, only_if)?;
        showing.version += 1;
        showing.changed = now;
        if let Some(movie) = &change.movie {
            showing.movie.clone_from(movie);
        }
        if let Some(room) = &change.room {
            showing.room.clone_from(room);
        }
        if let Some(starts_at) = change.starts_at {
            showing.starts = starts_at.as_millis();
        }
        if let Some(price) = change.price {
            showing.cents = price.get();
        }
        Ok(vec![("session.updated", vec![])])
    }

    fn close(
        &mut self,
        id: SessionId,
        only_if: &Precondition,
        now: i64,
    ) -> Result<Outline, Refusal> {
        let seats = self.required(id, only_if)?.seats.clone();
        let (mut held, mut sold) = (0, 0);
        for seat in seats {
            match self.free_from(seat, now) {
                Some(NEVER) => sold += 1,
                Some(_) => held += 1,
                None => {}
            }
        }
        if held > 0 || sold > 0 {
            return Err(Refusal::SessionInUse { session: id, held, sold });
        }
        self.showing(id).expect("it was there").closed = Some(now);
        Ok(vec![("session.closed", vec![])])
    }

    fn book(
        &mut self,
        id: ReservationId,
        seats: &[SeatId],
        user: &str,
        now: i64,
        end: i64,
    ) -> Result<Outline, Refusal> {
        let showing = self.showing(seats[0].session()).cloned();
        let known = showing.as_ref().map(|it| it.seats.clone()).unwrap_or_default();
        let unknown: Vec<_> = seats.iter().filter(|seat| !known.contains(seat)).copied().collect();
        if !unknown.is_empty() {
            return Err(Refusal::SeatsNotFound(unknown));
        }
        let mut taken = Vec::new();
        for seat in seats {
            match self.stay_at(*seat, now) {
                None => {}
                Some(stay) if stay.to == NEVER => taken.push(SeatTaken::sold(*seat)),
                Some(stay) => taken.push(self.kept_from(user, stay)),
            }
        }
        if !taken.is_empty() {
            return Err(Refusal::SeatsTaken(taken));
        }
        let showing = showing.expect("known seats have a session");
        self.bookings.push(Booking {
            id,
            seats: seats.to_vec(),
            user: user.to_owned(),
            movie: showing.movie,
            room: showing.room,
            starts: showing.starts,
            cents: seats.iter().map(|_| showing.cents).sum(),
            made: now,
            ends: vec![end],
            fate: None,
        });
        self.stay(seats, id, now, end);
        Ok(vec![("reservation.created", seats.to_vec())])
    }

    fn pay(&mut self, id: ReservationId, now: i64) -> Result<Outline, Refusal> {
        let seats = self.payable(id, now)?.seats.clone();
        self.booking(id)?.fate = Some(Fate::Paid { at: now });
        self.stay(&seats, id, now, NEVER);
        Ok(vec![("payment.confirmed", seats)])
    }

    fn prolong(&mut self, id: ReservationId, now: i64, end: i64) -> Result<Outline, Refusal> {
        let booking = self.payable(id, now)?;
        // The first end and three more.
        if booking.ends.len() == 4 {
            return Err(Refusal::ExtensionRefused(id));
        }
        let end = if end < booking.end() { booking.end() } else { end };
        booking.ends.push(end);
        let seats = booking.seats.clone();
        self.stay(&seats, id, now, end);
        Ok(vec![("reservation.extended", seats)])
    }

    fn give_back(&mut self, id: ReservationId, now: i64) -> Result<Outline, Refusal> {
        let booking = self.booking(id)?;
        match booking.status(now) {
            ReservationStatus::Cancelled => return Ok(vec![]),
            ReservationStatus::Confirmed => return Err(Refusal::ReservationConfirmed(id)),
            ReservationStatus::Expired => return Err(Refusal::ReservationExpired(id)),
            ReservationStatus::Pending => booking.fate = Some(Fate::GivenBack),
        }
        Ok(self.free("reservation.cancelled", id, now))
    }

    fn lapse(&mut self, id: ReservationId, now: i64) -> Result<Outline, Refusal> {
        let booking = self.booking(id)?;
        if booking.fate.is_some() {
            return Ok(vec![]);
        }
        if booking.end() > now {
            let expires_at = Timestamp::from_millis(booking.end());
            return Err(Refusal::NotLapsed { reservation: id, expires_at });
        }
        booking.fate = Some(Fate::Lapsed);
        Ok(self.free("reservation.expired", id, now))
    }

    fn free(&mut self, name: &'static str, id: ReservationId, now: i64) -> Outline {
        let mut freed = Vec::new();
        for seat in self.bookings.iter().find(|it| it.id == id).map_or(&vec![], |it| &it.seats) {
            if self.stays.iter().rfind(|stay| stay.seat == *seat).is_some_and(|stay| stay.by == id)
            {
                freed.push(*seat);
            }
        }
        for stay in &mut self.stays {
            if stay.by == id && freed.contains(&stay.seat) {
                (stay.freed, stay.to) = (true, stay.to.min(now));
            }
        }
        self.touched.extend(&freed);
        let mut outline = vec![(name, vec![])];
        if !freed.is_empty() {
            outline.push(("seat.released", freed));
        }
        outline
    }

    fn stay(&mut self, seats: &[SeatId], by: ReservationId, from: i64, to: i64) {
        for &seat in seats {
            self.stays.push(Stay { seat, by, from, to, freed: false });
            self.touched.push(seat);
        }
    }

    /// An open session.
    fn showing(&mut self, id: SessionId) -> Option<&mut Showing> {
        self.showings.iter_mut().find(|showing| showing.id == id && showing.closed.is_none())
    }

    fn booking(&mut self, id: ReservationId) -> Result<&mut Booking, Refusal> {
        self.bookings.iter_mut().find(|it| it.id == id).ok_or(Refusal::ReservationNotFound(id))
    }

    fn payable(&mut self, id: ReservationId, now: i64) -> Result<&mut Booking, Refusal> {
        let booking = self.booking(id)?;
        match booking.status(now) {
            ReservationStatus::Confirmed => Err(Refusal::ReservationConfirmed(id)),
            ReservationStatus::Cancelled => Err(Refusal::ReservationCancelled(id)),
            ReservationStatus::Expired => Err(Refusal::ReservationExpired(id)),
            ReservationStatus::Pending => Ok(booking),
        }
    }

    /// When a taken seat becomes free; `None` for a free one.
    fn free_from(&self, seat: SeatId, now: i64) -> Option<i64> {
        self.stay_at(seat, now).map(|stay| stay.to)
    }

    fn stay_at(&self, seat: SeatId, now: i64) -> Option<&Stay> {
        let of_seat = self.stays.iter().filter(|stay| stay.seat == seat);
        of_seat.filter(|stay| stay.from <= now && now < stay.to).max_by_key(|stay| stay.to)
    }

    /// The refusal of a seat that is kept for this user or another.
    fn kept_from(&self, user: &str, stay: &Stay) -> SeatTaken {
        let holder = self.bookings.iter().find(|it| it.id == stay.by).map(|it| it.user.as_str());
        SeatTaken {
            holder: holder.map(UserId::new),
            own: (holder == Some(user)).then_some(stay.by),
            ..SeatTaken::held(stay.seat, Timestamp::from_millis(stay.to))
        }
    }

    /// The status that everyone should see.
    pub(crate) fn status(&self, seat: SeatId, now: i64) -> SeatStatus {
        match self.free_from(seat, now) {
            None => SeatStatus::Available,
            Some(NEVER) => SeatStatus::Sold,
            Some(_) => SeatStatus::Reserved,
        }
    }

    /// The state that should be stored: the latest stay, unless the seat was freed.
    pub(crate) fn state(&self, seat: SeatId) -> SeatState {
        match self.stays.iter().rfind(|stay| stay.seat == seat) {
            None | Some(Stay { freed: true, .. }) => SeatState::Available,
            Some(Stay { by, to: NEVER, .. }) => SeatState::Sold { by: *by },
            Some(Stay { by, to, .. }) => {
                SeatState::Held { by: *by, until: Timestamp::from_millis(*to) }
            }
        }
    }

    /// How often the seat changed.
    pub(crate) fn changes(&self, seat: SeatId) -> usize {
        self.touched.iter().filter(|touched| **touched == seat).count()
    }
}

impl Booking {
    pub(crate) fn end(&self) -> i64 {
        *self.ends.last().expect("a booking has a first end")
    }

    pub(crate) fn status(&self, now: i64) -> ReservationStatus {
        match self.fate {
            Some(Fate::Paid { .. }) => ReservationStatus::Confirmed,
            Some(Fate::GivenBack) => ReservationStatus::Cancelled,
            Some(Fate::Lapsed) => ReservationStatus::Expired,
            None if self.end() <= now => ReservationStatus::Expired,
            None => ReservationStatus::Pending,
        }
    }
}

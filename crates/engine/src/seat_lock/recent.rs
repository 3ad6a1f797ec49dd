//! Refusals of the database that are repeated for a moment.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poltrona_domain::{Seat, SeatId, SeatNo, SeatTaken, Timestamp, UserId};

use super::mark::Mark;
use crate::env::clock::Clock;

/// For how long a refusal of the database may be repeated.
const FRESH: Duration = Duration::from_secs(1);
/// After how long one request asks the database again, so that the refusal is renewed for the
/// others before it is too old.
const ASK_AGAIN: Duration = Duration::from_millis(700);
/// How many refusals are kept. Of seats that share a slot, the last one's is.
const SLOTS: usize = 65_536;

/// The database's latest refusals.
pub(super) struct Recent {
    clock: Clock,
    slots: Mutex<Box<[Slot]>>,
}

/// The place of the seats with one hash.
#[derive(Default)]
struct Slot {
    /// How often this instance changed them: a refusal from before a change is worth nothing, however
    /// late it comes.
    changes: u32,
    refusal: Option<Box<Refusal>>,
}

/// A refusal of a seat, when it came, and the mark that agreed with it.
struct Refusal {
    at: Timestamp,
    taken: SeatTaken,
    mark: Mark,
    /// The last seat of the session that is known to exist; with it all before it do.
    last: SeatNo,
    /// Whether somebody asks again.
    asking: bool,
}

impl Recent {
    /// Nothing yet.
    pub(super) fn new(clock: Clock) -> Self {
        let slots = std::iter::repeat_with(Slot::default).take(SLOTS).collect();
        Self { clock, slots: Mutex::new(slots) }
    }

    /// A commit of this instance changed these seats: the next request asks the database.
    pub(super) fn changed(&self, seats: &[Seat]) {
        let mut slots = self.slots();
        for seat in seats {
            let slot = &mut slots[place(seat.id)];
            *slot = Slot { changes: slot.changes.wrapping_add(1), refusal: None };
        }
    }

    /// How often these seats have changed, all together, to be read before the database is asked.
    pub(super) fn changes(&self, seats: &[SeatId]) -> u32 {
        changes(&self.slots(), seats)
    }

    /// The database refused a request for these seats, of which it has all, because of some of them;
    /// these marks in Redis agree. It counts unless a seat has changed since it was asked.
    pub(super) fn refused(&self, seats: &[SeatId], before: u32, because: Vec<(SeatTaken, Mark)>) {
        let at = self.clock.now();
        let mut slots = self.slots();
        let Some(last) = seats.iter().map(SeatId::no).max() else { return };
        if changes(&slots, seats) != before {
            return;
        }
        for (taken, mark) in because {
            let slot = &mut slots[place(taken.seat)];
            let known = slot.refusal.as_ref().filter(|it| it.taken.seat == taken.seat);
            let last = known.map_or(last, |it| it.last.max(last));
            // The refusal is repeated to other users.
            let taken = SeatTaken { own: None, ..taken };
            slot.refusal = Some(Box::new(Refusal { at, taken, mark, last, asking: false }));
        }
    }

    /// The refusal that the database gave of these seats less than a second ago, if it did, and these
    /// are the very marks that agreed with it then. `None` also for one caller in that second, who
    /// asks again.
    ///
    /// The database decides on a seat that may not exist, which it reports first, on a hold whose
    /// time is over, for the seat may be free, and on the user's own hold, whose reservation it names.
    pub(super) fn repeat(
        &self,
        seats: &[SeatId],
        marks: &[Vec<u8>],
        user: &UserId,
    ) -> Option<Vec<SeatTaken>> {
        let now = self.clock.now();
        let mut slots = self.slots();
        let (mut taken, mut last) = (Vec::new(), None);
        for (seat, mark) in seats.iter().zip(marks).filter(|(_, mark)| !mark.is_empty()) {
            let refusal = slots[place(*seat)].refusal.as_mut()?;
            let is_known = refusal.taken.seat == *seat && Some(refusal.mark) == Mark::read(mark);
            if !is_known || !refusal.may_be_repeated(user, now) {
                return None;
            }
            taken.push(refusal.taken.clone());
            last = last.max(Some(refusal.last));
        }
        seats.iter().all(|seat| Some(seat.no()) <= last).then_some(taken)
    }

    fn slots(&self) -> MutexGuard<'_, Box<[Slot]>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusal {
    fn may_be_repeated(&mut self, user: &UserId, now: Timestamp) -> bool {
        let is_over = self.taken.retry_at.is_some_and(|at| at <= now);
        let is_own = self.taken.holder.as_ref() == Some(user);
        if is_over || is_own || !is_within(FRESH, self.at, now) {
            return false;
        }
        let asks_again = !self.asking && !is_within(ASK_AGAIN, self.at, now);
        self.asking |= asks_again;
        !asks_again
    }
}

fn changes(slots: &[Slot], seats: &[SeatId]) -> u32 {
    seats.iter().fold(0, |sum, seat| sum.wrapping_add(slots[place(*seat)].changes))
}

fn place(seat: SeatId) -> usize {
    place_among(SLOTS, seat)
}

/// The slot of a seat, by its hash.
pub(super) fn place_among(slots: usize, seat: SeatId) -> usize {
    let hash = rapidhash::v3::rapidhash_v3(seat.as_uuid().as_bytes());
    usize::try_from(hash % slots as u64).unwrap_or_default()
}

/// Whether something is no older than this. A time that is ahead shows that the clock stepped back,
/// and does not count.
fn is_within(age: Duration, at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < at.plus(age)
}

#[cfg(test)]
mod tests;

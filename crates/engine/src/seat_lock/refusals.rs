//! Refusals of a database that this program alone writes to, repeated while they are true.
//!
//! A refusal depends on the rows of its session and on the time. While the session's [stamp](Stamps) is the
//! one that was taken before the ledger was asked, no commit has changed those rows; and until the first of
//! the holds ends, time changes nothing. So a request for the same seats would get the same answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use poltrona_domain::{Command, Refusal as Refused, SeatId, SeatTaken, Timestamp, UserId};

use super::recent::place_among;
use crate::env::clock::Clock;
use crate::ledger::{Error, Ledger, Reply, Request};
use crate::live::{Stamp, Stamps};
use crate::observe::metrics::{CommandOutcome, Metrics};

/// How many refusals are kept. Of requests whose first seats share a slot, the last one's is.
const SLOTS: usize = 4_096;

/// The latest refusals.
pub struct Refusals {
    stamps: Stamps,
    clock: Clock,
    metrics: Arc<Metrics>,
    slots: Mutex<Box<[Option<Refusal>]>>,
}

/// The ledger's refusal of a request for these seats.
struct Refusal {
    seats: Box<[SeatId]>,
    taken: Vec<SeatTaken>,
    stamp: Stamp,
    at: Timestamp,
}

impl Refusals {
    /// None yet.
    pub(super) fn new(stamps: Stamps, clock: Clock, metrics: Arc<Metrics>) -> Self {
        let slots = std::iter::repeat_with(|| None).take(SLOTS).collect();
        Self { stamps, clock, metrics, slots: Mutex::new(slots) }
    }

    /// Asks the ledger for a change, unless it is known to refuse.
    pub(super) async fn submit(&self, ledger: &Ledger, request: Request) -> Reply {
        let (seats, user) = match &request.command {
            // One with a key may have been granted already.
            Command::Reserve { seats, user, .. } if request.key.is_none() => (seats.ids(), user),
            _ => return ledger.submit(request).await,
        };
        if let Some(taken) = self.repeat(seats, user) {
            self.metrics.answered(&request.command, CommandOutcome::Refused);
            return Err(Refused::SeatsTaken(taken).into());
        }
        let (seats, stamp) = (Box::<[_]>::from(seats), self.stamp(seats));
        let reply = ledger.submit(request).await;
        if let (Err(Error::Refused(Refused::SeatsTaken(taken))), Some(stamp)) = (&reply, stamp) {
            self.refused(&seats, stamp, taken);
        }
        reply
    }

    /// The stamp of the seats' session, to be taken before the ledger is asked; `None` while it changes.
    fn stamp(&self, seats: &[SeatId]) -> Option<Stamp> {
        let stamp = self.stamps.of(seats.first()?.session());
        stamp.is_settled().then_some(stamp)
    }

    /// Keeps a refusal of the ledger's, unless the session has changed since the stamp was taken.
    fn refused(&self, seats: &[SeatId], stamp: Stamp, taken: &[SeatTaken]) {
        if !taken.iter().all(has_known_holder) || self.stamp(seats) != Some(stamp) {
            return;
        }
        // The refusal is repeated to other users.
        let taken = taken.iter().map(|it| SeatTaken { own: None, ..it.clone() }).collect();
        let refusal = Refusal { seats: seats.into(), taken, stamp, at: self.clock.now() };
        if let Some(first) = seats.first() {
            self.slots()[place_among(SLOTS, *first)] = Some(refusal);
        }
    }

    /// The ledger's refusal of these seats to this user, if it is known.
    fn repeat(&self, seats: &[SeatId], user: &UserId) -> Option<Vec<SeatTaken>> {
        let stamp = self.stamp(seats)?;
        let slots = self.slots();
        let known = slots[place_among(SLOTS, *seats.first()?)].as_ref()?;
        let same = known.stamp == stamp && *known.seats == *seats;
        (same && known.holds_for(user, self.clock.now())).then(|| known.taken.clone())
    }

    fn slots(&self) -> MutexGuard<'_, Box<[Option<Refusal>]>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusal {
    /// Whether the ledger would refuse this user now: not once a hold has ended, nor with a clock that was put
    /// back. To a holder it would name the reservation, which is another answer.
    fn holds_for(&self, user: &UserId, now: Timestamp) -> bool {
        let stands = |taken: &SeatTaken| {
            taken.retry_at.is_none_or(|at| now < at) && taken.holder.as_ref() != Some(user)
        };
        self.at <= now && self.taken.iter().all(stands)
    }
}

/// Whether the refusal of a seat says who holds it, if it is held.
const fn has_known_holder(taken: &SeatTaken) -> bool {
    taken.retry_at.is_none() || taken.holder.is_some()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use poltrona_domain::{SeatNo, SessionId};
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const END: Timestamp = Timestamp::from_millis(31_000);

    fn session() -> SessionId {
        SessionId::mint(Uuid::from_u128(1 << 64))
    }

    fn seat(no: u16) -> SeatId {
        session().seat(SeatNo::new(no).unwrap())
    }

    fn user(name: &str) -> UserId {
        UserId::new(name)
    }

    fn held_by_ana(no: u16) -> SeatTaken {
        SeatTaken { holder: Some(user("ana")), ..SeatTaken::held(seat(no), END) }
    }

    fn new(stamps: &Stamps, clock: &Clock) -> Refusals {
        Refusals::new(stamps.clone(), clock.clone(), Arc::new(Metrics::new().unwrap()))
    }

    /// Refusals of one seat, and their clock and stamps.
    fn refused(taken: &SeatTaken) -> (Refusals, Clock, Stamps) {
        let (stamps, clock) = (Stamps::new(), Clock::manual(NOW));
        let refusals = new(&stamps, &clock);
        let seats = [taken.seat];
        refusals.refused(&seats, refusals.stamp(&seats).unwrap(), std::slice::from_ref(taken));
        (refusals, clock, stamps)
    }

    #[test]
    fn the_same_request_gets_the_same_refusal() {
        let (refusals, ..) = refused(&held_by_ana(7));
        let repeated = |seats: &[u16], name: &str| {
            let seats: Vec<_> = seats.iter().map(|no| seat(*no)).collect();
            refusals.repeat(&seats, &user(name))
        };
        assert_eq!(repeated(&[7], "bia"), Some(vec![held_by_ana(7)]));
        assert_eq!(repeated(&[7], "ana"), None, "the holder's names the reservation");
        assert_eq!(repeated(&[8], "bia"), None);
        assert_eq!(repeated(&[7, 8], "bia"), None, "seat 8 may not exist");
    }

    #[test]
    fn to_others_the_holders_refusal_does_not_name_the_reservation() {
        let own = Some(poltrona_domain::ReservationId::from_uuid(Uuid::from_u128(9)));
        let (refusals, ..) = refused(&SeatTaken { own, ..held_by_ana(7) });
        assert_eq!(refusals.repeat(&[seat(7)], &user("bia")), Some(vec![held_by_ana(7)]));
    }

    #[test]
    fn a_change_of_the_session_ends_it_while_it_is_under_way_and_for_good() {
        let (refusals, _, stamps) = refused(&held_by_ana(7));
        let is_refused = || refusals.repeat(&[seat(7)], &user("bia")).is_some();
        assert!(is_refused());
        let changing = stamps.changing([session()]);
        assert!(!is_refused());
        drop(changing);
        assert!(!is_refused());
    }

    #[test]
    fn a_hold_is_refused_until_its_end_and_a_sale_for_good() {
        let (held, clock, _) = refused(&held_by_ana(7));
        let (sold, later, _) = refused(&SeatTaken::sold(seat(7)));
        let is_refused = |refusals: &Refusals| refusals.repeat(&[seat(7)], &user("bia")).is_some();
        clock.advance(Duration::from_millis(29_999));
        assert!(is_refused(&held));
        clock.advance(Duration::from_millis(1));
        assert!(!is_refused(&held));
        later.advance(Duration::from_hours(24));
        assert!(is_refused(&sold));
    }

    #[test]
    fn a_refusal_from_before_a_change_and_one_of_an_unknown_holder_do_not_count() {
        let (stamps, clock) = (Stamps::new(), Clock::manual(NOW));
        let refusals = new(&stamps, &clock);
        let (seats, bia) = ([seat(7)], user("bia"));
        let before = refusals.stamp(&seats).unwrap();
        drop(stamps.changing([session()]));
        refusals.refused(&seats, before, &[held_by_ana(7)]);
        assert_eq!(refusals.repeat(&seats, &bia), None);
        let now = refusals.stamp(&seats).unwrap();
        refusals.refused(&seats, now, &[SeatTaken::held(seat(7), END)]);
        assert_eq!(refusals.repeat(&seats, &bia), None);
    }
}

//! The rules.

use std::time::Duration;

use crate::actor::Actor;
use crate::command::{Command, SeatSelection};
use crate::event::Event;
use crate::facts::Facts;
use crate::id::{ReservationId, SaleId, SeatId, SessionId, UserId};
use crate::refusal::{Refusal, SeatTaken};
use crate::reservation::{Reservation, ReservationStatus};
use crate::sale::Sale;
use crate::seat::{Seat, SeatState, SeatStatus};
use crate::session::{Precondition, Session, SessionChange, Showing};
use crate::time::Timestamp;

/// Decides `command` at `now` by the rules, on the facts that a store loaded.
///
/// Pure: the same facts, command and time always give the same answer. An empty list is a success
/// that changes nothing, such as cancelling twice.
///
/// A thing out of the actor's reach is refused as one that does not exist.
pub fn decide(
    facts: &Facts,
    actor: &Actor,
    command: &Command,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let reservation = |id| reservation(facts, actor, id);
    match command {
        Command::OpenSession(session) => Ok(open_session(session, now)),
        Command::UpdateSession { session, change, only_if } => {
            update_session(facts, *session, change, only_if, now)
        }
        Command::CloseSession { session, only_if } => close_session(facts, *session, only_if, now),
        Command::Reserve { reservation, seats, user, hold } => {
            reserve(facts, *reservation, seats, user, *hold, now)
        }
        Command::Confirm { reservation: id, sale } => confirm(facts, reservation(*id)?, *sale, now),
        Command::Cancel { reservation: id } => cancel(facts, reservation(*id)?, now),
        Command::Extend { reservation: id, hold } => extend(facts, reservation(*id)?, *hold, now),
        Command::Expire { reservation: id } => expire(facts, reservation(*id)?, now),
    }
}

/// The reservation, if it exists within the actor's reach.
fn reservation<'a>(
    facts: &'a Facts,
    actor: &Actor,
    id: ReservationId,
) -> Result<&'a Reservation, Refusal> {
    let found = facts.reservations.get(&id).filter(|it| actor.reaches(&it.user));
    found.ok_or(Refusal::ReservationNotFound(id))
}

fn open_session(session: &Session, now: Timestamp) -> Vec<Event> {
    vec![Event::SessionCreated(Session {
        version: Session::FIRST_VERSION,
        changed_at: now,
        created_at: now,
        closed_at: None,
        ..session.clone()
    })]
}

fn update_session(
    facts: &Facts,
    id: SessionId,
    change: &SessionChange,
    only_if: &Precondition,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let session = required_session(facts, id, only_if)?;
    Ok(vec![Event::SessionUpdated(change.of(session, now))])
}

/// The session, if it exists and is as the caller requires.
fn required_session<'a>(
    facts: &'a Facts,
    id: SessionId,
    only_if: &Precondition,
) -> Result<&'a Session, Refusal> {
    let session = facts.open_session(id).ok_or(Refusal::SessionNotFound(id))?;
    if only_if.holds_for(session) { Ok(session) } else { Err(Refusal::SessionChanged(id)) }
}

/// A session closes only when nobody has a seat in it: a live hold is a promise, a sale is a debt.
fn close_session(
    facts: &Facts,
    id: SessionId,
    only_if: &Precondition,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let session = required_session(facts, id, only_if)?;
    let count = |status| {
        let of_session = facts.seats.values().filter(|seat| seat.id.session() == id);
        of_session.filter(|seat| seat.status_at(now) == status).count()
    };
    let (held, sold) = (count(SeatStatus::Reserved), count(SeatStatus::Sold));
    if held + sold > 0 {
        return Err(Refusal::SessionInUse { session: id, held, sold });
    }
    Ok(vec![Event::SessionClosed(Session { closed_at: Some(now), ..session.clone() })])
}

/// All the seats or none. A lapsed hold is taken over seat by seat: the old reservation keeps what
/// nobody else wanted, and is closed later by its own `Expire`.
fn reserve(
    facts: &Facts,
    id: ReservationId,
    selection: &SeatSelection,
    user: &UserId,
    hold: Duration,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let (session, seats) = selected(facts, selection)?;
    let taken: Vec<_> = seats.iter().filter_map(|seat| taken(facts, seat, user, now)).collect();
    if !taken.is_empty() {
        return Err(Refusal::SeatsTaken(taken));
    }
    let expires_at = now.plus(hold);
    let reservation = Reservation {
        id,
        session: session.id,
        showing: session.showing(),
        seats: seats.iter().map(|seat| seat.id.no()).collect(),
        user: user.clone(),
        total: session.price.times(seats.len()),
        status: ReservationStatus::Pending,
        created_at: now,
        expires_at,
        extensions: 0,
    };
    let state = SeatState::Held { by: id, until: expires_at };
    let seats = seats.iter().map(|seat| seat.changed_to(state)).collect();
    Ok(vec![Event::ReservationCreated { reservation, seats }])
}

/// The chosen seats and their session; an unknown seat is reported before a taken one.
fn selected<'a>(
    facts: &'a Facts,
    selection: &SeatSelection,
) -> Result<(&'a Session, Vec<&'a Seat>), Refusal> {
    let not_found = |ids: Vec<SeatId>| Refusal::SeatsNotFound(ids);
    let Some(session) = facts.open_session(selection.session()) else {
        return Err(not_found(selection.ids().to_vec()));
    };
    let unknown: Vec<_> =
        selection.ids().iter().filter(|id| !facts.seats.contains_key(id)).copied().collect();
    if !unknown.is_empty() {
        return Err(not_found(unknown));
    }
    Ok((session, selection.ids().iter().filter_map(|id| facts.seats.get(id)).collect()))
}

/// Why the user cannot have the seat; `None` when it is free.
fn taken(facts: &Facts, seat: &Seat, user: &UserId, now: Timestamp) -> Option<SeatTaken> {
    match seat.state {
        SeatState::Sold { .. } => Some(SeatTaken::sold(seat.id)),
        SeatState::Held { by, until } if now < until => {
            let holder = facts.holder(by).cloned();
            let own = (holder.as_ref() == Some(user)).then_some(by);
            Some(SeatTaken { holder, own, ..SeatTaken::held(seat.id, until) })
        }
        SeatState::Held { .. } | SeatState::Available => None,
    }
}

fn confirm(
    facts: &Facts,
    reservation: &Reservation,
    sale: SaleId,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let (id, seats) = (reservation.id, live(facts, reservation, now)?);
    // Closing refuses live holds, so the session of a live one is open; should a clock step back
    // behind the lapse that let the session close, the hold does not come back to life.
    facts.open_session(reservation.session).ok_or(Refusal::ReservationExpired(id))?;
    let Showing { movie, room, starts_at, .. } = reservation.showing.clone();
    let sale = Sale {
        id: sale,
        reservation: id,
        session: reservation.session,
        seats: reservation.seats.clone(),
        user: reservation.user.clone(),
        total: reservation.total,
        movie,
        room,
        starts_at,
        paid_at: now,
    };
    Ok(vec![Event::PaymentConfirmed {
        reservation: Reservation { status: ReservationStatus::Confirmed, ..reservation.clone() },
        sale,
        seats: seats.iter().map(|seat| seat.changed_to(SeatState::Sold { by: id })).collect(),
    }])
}

/// Extends a live hold, a bounded number of times, and never to less than it was.
fn extend(
    facts: &Facts,
    reservation: &Reservation,
    hold: Duration,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let (id, seats) = (reservation.id, live(facts, reservation, now)?);
    if reservation.extensions >= Reservation::MAX_EXTENSIONS {
        return Err(Refusal::ExtensionRefused(id));
    }
    let expires_at = now.plus(hold).max(reservation.expires_at);
    let reservation =
        Reservation { expires_at, extensions: reservation.extensions + 1, ..reservation.clone() };
    let state = SeatState::Held { by: id, until: expires_at };
    let seats = seats.iter().map(|seat| seat.changed_to(state)).collect();
    Ok(vec![Event::ReservationExtended { reservation, seats }])
}

fn cancel(facts: &Facts, reservation: &Reservation, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let id = reservation.id;
    match reservation.status_at(now) {
        ReservationStatus::Cancelled => Ok(Vec::new()),
        ReservationStatus::Confirmed => Err(Refusal::ReservationConfirmed(id)),
        ReservationStatus::Expired => Err(Refusal::ReservationExpired(id)),
        ReservationStatus::Pending => {
            let cancelled =
                Reservation { status: ReservationStatus::Cancelled, ..reservation.clone() };
            let released = release(facts, reservation, now);
            Ok([Event::ReservationCancelled { reservation: cancelled }]
                .into_iter()
                .chain(released)
                .collect())
        }
    }
}

/// Records a lapse. It may come late or twice: a reservation that is not pending any more is left
/// alone.
fn expire(facts: &Facts, reservation: &Reservation, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    if reservation.status != ReservationStatus::Pending {
        return Ok(Vec::new());
    }
    if now < reservation.expires_at {
        let expires_at = reservation.expires_at;
        return Err(Refusal::NotLapsed { reservation: reservation.id, expires_at });
    }
    let expired = Reservation { status: ReservationStatus::Expired, ..reservation.clone() };
    let released = release(facts, reservation, now);
    Ok([Event::ReservationExpired { reservation: expired }].into_iter().chain(released).collect())
}

/// The seats of a reservation that can still be paid.
///
/// Every seat must also still point to it. Its seats lapse together, so this adds nothing while
/// clocks run forward; should a clock step back, it keeps a hold that was taken over from being
/// paid.
fn live<'a>(
    facts: &'a Facts,
    reservation: &Reservation,
    now: Timestamp,
) -> Result<Vec<&'a Seat>, Refusal> {
    let id = reservation.id;
    match reservation.status_at(now) {
        ReservationStatus::Confirmed => return Err(Refusal::ReservationConfirmed(id)),
        ReservationStatus::Cancelled => return Err(Refusal::ReservationCancelled(id)),
        ReservationStatus::Expired => return Err(Refusal::ReservationExpired(id)),
        ReservationStatus::Pending => {}
    }
    let seats = still_held(facts, reservation);
    if seats.len() < reservation.seats.len() {
        return Err(Refusal::ReservationExpired(id));
    }
    Ok(seats)
}

/// The seats of a reservation that nobody took over.
fn still_held<'a>(facts: &'a Facts, reservation: &Reservation) -> Vec<&'a Seat> {
    let seats = reservation.seat_ids().filter_map(|seat| facts.seats.get(&seat));
    seats.filter(|seat| seat.is_held_by(reservation.id)).collect()
}

/// Frees the seats that a reservation still holds; `None` when it holds none.
fn release(facts: &Facts, reservation: &Reservation, now: Timestamp) -> Option<Event> {
    let seats: Vec<_> = still_held(facts, reservation)
        .iter()
        .map(|seat| seat.changed_to(SeatState::Available))
        .collect();
    (!seats.is_empty()).then(|| Event::SeatReleased {
        reservation: reservation.id,
        user: reservation.user.clone(),
        seats,
        at: now,
    })
}

//! Around the queue: the seat lock is asked before a wish joins it, and told what came of it.
//!
//! The lock's no spares the database a question; its yes decides nothing.

use poltrona_domain::{Command, Event, Refusal};

use super::{Error, Key, Ledger, Outcome, Reply};
use crate::failpoint::Failpoint;
use crate::observe::traces::Span;
use crate::seat_lock::{Claim, SeatLock, Verdict, Wish};

/// Asks for a change, unless the lock knows that it would be refused.
pub(super) async fn submit(ledger: &Ledger, command: Command, key: Option<Key>) -> Reply {
    // A seat is not marked for a wish that has no place in the queue.
    ledger.queue(&command).has_room(&command)?;
    let claim = match ask(ledger, &command, key.is_some()).await {
        Verdict::Refused(taken) => return Err(Refusal::SeatsTaken(taken).into()),
        Verdict::Granted(claim) => {
            Failpoint::Locked.reached();
            Some(claim)
        }
        Verdict::Unsure(claim) => claim,
    };
    let reply = ledger.enqueue(command, key).await;
    if let Some(claim) = claim {
        settle(claim, &reply);
    }
    if let Ok(Outcome::Done(events)) = &reply {
        ledger.seat_lock.note(events).wait().await;
    }
    reply
}

async fn ask(ledger: &Ledger, command: &Command, keyed: bool) -> Verdict {
    let Command::Reserve { reservation, seats, hold, .. } = command else {
        return Verdict::Unsure(None);
    };
    if matches!(ledger.seat_lock, SeatLock::Off) {
        return Verdict::Unsure(None);
    }
    let wish = Wish { reservation: *reservation, seats: seats.ids(), hold: *hold, keyed };
    let span = Span::child("seat_lock.take");
    let verdict = span.around(ledger.seat_lock.take(&wish)).await;
    let said = match &verdict {
        Verdict::Refused(_) => "refused",
        Verdict::Granted(_) => "granted",
        Verdict::Unsure(_) => "unsure",
    };
    span.set("poltrona.seat_lock.said", said);
    verdict
}

/// Tells a claim what the database said.
fn settle(claim: Claim, reply: &Reply) {
    match reply {
        Ok(Outcome::Done(events)) => {
            if let Some(reservation) = events.iter().find_map(Event::reservation) {
                claim.granted(reservation.expires_at);
            }
        }
        Err(Error::Refused(Refusal::SeatsTaken(taken))) => claim.contradicted(taken),
        Err(Error::Refused(Refusal::SeatsNotFound(_))) => claim.unknown_seats(),
        Err(Error::OutcomeUnknown) => claim.leave(),
        // Nothing was done, or it was done before and for another reservation.
        Ok(Outcome::Replayed(_)) | Err(_) => drop(claim),
    }
}

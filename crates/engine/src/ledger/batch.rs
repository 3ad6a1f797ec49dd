//! Deciding a batch: each command in order, on the facts that the ones before left.

use poltrona_domain::{Event, Facts, Timestamp, apply, decide};

use super::{Caller, Error, Key, NewAnswer, Outcome, Reply, StoredAnswer, Submission};
use crate::store::batch::{Answers, KeyOwner, Wanted, WantedKey};

/// What a batch came to.
#[derive(Default)]
pub(super) struct Decided {
    /// One for each command, in order; `None` for one that this transaction could not decide.
    pub(super) replies: Vec<Option<Reply>>,
    /// Answers to keep.
    pub(super) answers: Vec<NewAnswer>,
}

impl Decided {
    /// Everything that happened, in order.
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.replies.iter().flat_map(|reply| match reply {
            Some(Ok(Outcome::Done(events))) => events.as_slice(),
            _ => &[],
        })
    }

    /// The same, each with the `traceparent` of the request that caused it.
    pub(super) fn events_of(
        &self,
        batch: &[Submission],
    ) -> impl Iterator<Item = (&Event, Option<String>)> {
        let of = |(submission, reply): (&Submission, _)| {
            let events = match reply {
                &Some(Ok(Outcome::Done(ref events))) => events.as_slice(),
                _ => &[],
            };
            let traceparent = events.first().and_then(|_| submission.trace.traceparent());
            events.iter().map(move |event| (event, traceparent.clone()))
        };
        batch.iter().zip(&self.replies).flat_map(of)
    }
}

/// What must be known to decide `batch`.
pub(super) fn wanted(batch: &[Submission], hurried: bool) -> Wanted<'_> {
    let keys = batch.iter().filter_map(|submission| {
        let key = submission.key.as_ref()?;
        let owner = match &key.caller {
            Caller::Named(name) => KeyOwner::Named(name),
            Caller::OfReservation => KeyOwner::OfReservation(submission.command.reservation()?),
        };
        Some(WantedKey { owner, key: &key.key })
    });
    Wanted {
        commands: batch.iter().map(|submission| &submission.command).collect(),
        keys: keys.collect(),
        hurried,
    }
}

/// Whose key it is, in words; `None` while the reservation that would tell does not exist.
fn caller(key: &Key, submission: &Submission, facts: &Facts) -> Option<String> {
    match &key.caller {
        Caller::Named(name) => Some(name.clone()),
        Caller::OfReservation => {
            let reservation = facts.reservations.get(&submission.command.reservation()?)?;
            Some(reservation.user.as_str().to_owned())
        }
    }
}

/// Decides every command at `now`. The key is looked at before any rule: a success that was already
/// given is given again, whatever became of the seats since. Of two equal requests in one batch the
/// second gets the first's answer.
pub(super) fn decide_all(
    batch: &[Submission],
    facts: &mut Facts,
    answers: &mut Answers,
    unlocked: &[usize],
    now: Timestamp,
) -> Decided {
    let mut decided = Decided::default();
    for (place, submission) in batch.iter().enumerate() {
        if unlocked.contains(&place) {
            decided.replies.push(None);
            continue;
        }
        let named = submission.key.as_ref().and_then(|key| {
            caller(key, submission, facts).map(|caller| (key, (caller, key.key.clone())))
        });
        if let Some((key, name)) = &named
            && let Some(stored) = answers.get(name)
        {
            decided.replies.push(Some(replay(stored, key)));
            continue;
        }
        let reply = match decide(facts, &submission.command, now) {
            Err(refusal) => Err(Error::Refused(refusal)),
            Ok(events) => {
                for event in &events {
                    apply(facts, event);
                }
                if let Some((key, name)) = named {
                    let answer = (key.render)(&events);
                    let stored = StoredAnswer { fingerprint: key.fingerprint, answer };
                    answers.insert(name.clone(), stored.clone());
                    let (caller, key) = name;
                    decided.answers.push(NewAnswer { caller, key, stored });
                }
                Ok(Outcome::Done(events))
            }
        };
        decided.replies.push(Some(reply));
    }
    decided
}

fn replay(stored: &StoredAnswer, key: &Key) -> Reply {
    if stored.fingerprint == key.fingerprint {
        Ok(Outcome::Replayed(stored.answer.clone()))
    } else {
        Err(Error::KeyMismatch)
    }
}

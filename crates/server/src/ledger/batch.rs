//! Deciding a batch: each command in order, on the facts that the ones before left.

use std::collections::HashMap;

use poltrona_domain::{Event, Facts, Timestamp, apply, decide};

use super::{Caller, Error, Key, NewAnswer, Outcome, Reply, StoredAnswer, Submission};

/// Answers by caller and key.
pub(super) type Answers = HashMap<(String, String), StoredAnswer>;

/// What a batch came to.
#[derive(Default)]
pub(super) struct Decided {
    /// One for each command, in order.
    pub(super) replies: Vec<Reply>,
    /// Answers to keep.
    pub(super) answers: Vec<NewAnswer>,
}

impl Decided {
    /// Everything that happened, in order.
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.replies.iter().flat_map(|reply| match reply {
            Ok(Outcome::Done(events)) => events.as_slice(),
            _ => &[],
        })
    }
}

/// Whose key it is, in words; `None` while the reservation that would tell does not exist.
pub(super) fn caller(key: &Key, submission: &Submission, facts: &Facts) -> Option<String> {
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
    now: Timestamp,
) -> Decided {
    let mut decided = Decided::default();
    for submission in batch {
        let named = submission.key.as_ref().and_then(|key| {
            caller(key, submission, facts).map(|caller| (key, (caller, key.key.clone())))
        });
        if let Some((key, name)) = &named
            && let Some(stored) = answers.get(name)
        {
            decided.replies.push(replay(stored, key));
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
        decided.replies.push(reply);
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

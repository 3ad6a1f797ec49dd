//! Deciding a batch: each command in order, on the facts that the ones before left.

use std::ops::Range;
use std::sync::Arc;

use poltrona_domain::{Event, Facts, Timestamp, apply, decide};

use super::error::Error;
use super::feed::Commit;
use super::submission::{Ask, Done, Key, Outcome, Reply};
use crate::store::answer::{KeyLookup, NewAnswer, RecordedAnswer, StoredAnswer};
use crate::store::batch::{BatchReads, Loaded};

/// The outcome of a batch.
#[derive(Default)]
pub(super) struct Decided {
    /// Everything that happened, in order.
    pub(super) events: Vec<Event>,
    /// One for each command, in order; `None` for one that this transaction could not decide.
    pub(super) decisions: Vec<Option<Decision>>,
    /// Answers to record.
    pub(super) answers: Vec<NewAnswer>,
}

/// The outcome of one command.
pub(super) enum Decision {
    /// It caused these events of the batch.
    Done(Range<usize>),
    /// An equal request was answered before.
    Replayed(RecordedAnswer),
    /// It failed, and did nothing.
    No(Error),
}

impl Decision {
    /// The reply, once the batch is committed, or was rolled back because it changed nothing.
    pub(super) fn reply(self, commit: Option<&Arc<Commit>>) -> Reply {
        match self {
            Self::Done(events) => Ok(Outcome::Done(Done::of(commit.cloned(), events))),
            Self::Replayed(answer) => Ok(Outcome::Replayed(answer)),
            Self::No(error) => Err(error),
        }
    }
}

impl Decided {
    /// Every event, with the `traceparent` of the request that caused it.
    pub(super) fn traced_events(
        &self,
        asks: &[Ask],
    ) -> impl Iterator<Item = (&Event, Option<String>)> {
        let of_one = |(ask, decision): (&Ask, &Option<Decision>)| {
            let places = match decision {
                Some(Decision::Done(places)) => places.clone(),
                _ => 0..0,
            };
            let traceparent = if places.is_empty() { None } else { ask.trace.traceparent() };
            self.events[places].iter().map(move |event| (event, traceparent.clone()))
        };
        asks.iter().zip(&self.decisions).flat_map(of_one)
    }
}

/// The rows that a decision on `asks` needs.
pub(super) fn reads(asks: &[Ask]) -> BatchReads<'_> {
    let keys = asks.iter().filter_map(|ask| {
        let key = ask.request.key.as_ref()?;
        Some(KeyLookup { owner: key.scope.owner(&ask.request.command)?, key: &key.key })
    });
    BatchReads::of(asks.iter().map(|ask| &ask.request.command).collect(), keys.collect())
}

/// Decides every command. The key is checked before any rule: a recorded success is given again,
/// even if the seats changed since. Of two equal requests in one batch the second gets the first's
/// answer.
pub(super) fn decide_all(asks: &[Ask], loaded: &mut Loaded) -> Decided {
    let mut decided = Decided::default();
    for (place, ask) in asks.iter().enumerate() {
        let decision = if loaded.deferred.contains(&place) {
            None
        } else {
            Some(decide_one(ask, loaded, &mut decided))
        };
        decided.decisions.push(decision);
    }
    decided
}

fn decide_one(ask: &Ask, loaded: &mut Loaded, decided: &mut Decided) -> Decision {
    let Loaded { facts, answers, now, .. } = loaded;
    let key = ask.request.key.as_ref().and_then(|key| named(key, ask, facts));
    if let Some((key, name)) = &key
        && let Some(stored) = answers.get(name)
    {
        return replay(stored, key);
    }
    let events = match decide_and_apply(ask, facts, *now) {
        Ok(events) => events,
        Err(error) => return Decision::No(error),
    };
    if let Some((key, name)) = key {
        let stored = StoredAnswer { fingerprint: key.fingerprint, answer: (key.record)(&events) };
        answers.insert(name.clone(), stored.clone());
        let (caller, key) = name;
        decided.answers.push(NewAnswer { caller, key, stored });
    }
    let first = decided.events.len();
    decided.events.extend(events);
    Decision::Done(first..decided.events.len())
}

fn decide_and_apply(ask: &Ask, facts: &mut Facts, now: Timestamp) -> Result<Vec<Event>, Error> {
    let events = decide(facts, &ask.request.actor, &ask.request.command, now)?;
    for event in &events {
        apply(facts, event);
    }
    Ok(events)
}

/// A key and its full name, caller and key; `None` while the reservation that would name the caller
/// does not exist.
fn named<'a>(key: &'a Key, ask: &Ask, facts: &Facts) -> Option<(&'a Key, (String, String))> {
    let caller = key.scope.owner(&ask.request.command)?.name(facts)?.to_owned();
    Some((key, (caller, key.key.clone())))
}

fn replay(stored: &StoredAnswer, key: &Key) -> Decision {
    if stored.fingerprint == key.fingerprint {
        Decision::Replayed(stored.answer.clone())
    } else {
        Decision::No(Error::KeyMismatch)
    }
}

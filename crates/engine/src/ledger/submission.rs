//! A command on its way through the ledger, and what comes of it.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{Actor, Command, Event};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::error::Error;
use super::feed::Commit;
use super::trace::Trace;
use crate::store::answer::{KeyScope, RecordedAnswer};
use crate::store::background::BackgroundWrite;

/// A command, its caller and its idempotency key.
#[derive(Clone, Debug)]
pub struct Request {
    /// The caller.
    pub actor: Actor,
    /// The command.
    pub command: Command,
    /// The idempotency key that came with it.
    pub key: Option<Key>,
}

/// An idempotency key, and what makes two requests equal.
#[derive(Clone)]
pub struct Key {
    /// The owner of the key.
    pub scope: KeyScope,
    /// The key as the client sent it.
    pub key: String,
    /// A hash of the request's method, path and body.
    pub fingerprint: [u8; 32],
    /// Makes the answer that equal requests will get again.
    pub record: Record,
}

/// Makes the answer to a command of what happened.
pub type Record = Arc<dyn Fn(&[Event]) -> RecordedAnswer + Send + Sync>;

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, key, fingerprint, record: _ } = self;
        let fields = (scope, key, fingerprint);
        f.debug_tuple("Key").field(&fields).finish()
    }
}

/// The outcome of a command.
pub type Reply = Result<Outcome, Error>;

/// A success.
#[derive(Debug)]
pub enum Outcome {
    /// The command was decided now; its events are committed. None means that nothing had to change.
    Done(Done),
    /// An equal request was answered before; this is its answer.
    Replayed(RecordedAnswer),
}

/// The events of one command, out of those of its commit.
#[derive(Clone, Debug, Default)]
pub struct Done {
    commit: Option<Arc<Commit>>,
    events: Range<usize>,
}

impl Request {
    /// A command of the program's own.
    pub const fn of_program(command: Command) -> Self {
        Self { actor: Actor::Program, command, key: None }
    }
}

impl Done {
    /// The events at these places of a commit.
    pub(super) const fn of(commit: Option<Arc<Commit>>, events: Range<usize>) -> Self {
        Self { commit, events }
    }
}

impl Deref for Done {
    type Target = [Event];

    fn deref(&self) -> &[Event] {
        let events = self.commit.as_ref().and_then(|it| it.events.get(self.events.clone()));
        events.unwrap_or_default()
    }
}

/// A command in the queue.
pub(super) struct Submission {
    pub(super) ask: Ask,
    pub(super) waiting: Waiting,
}

/// The part of a submission that the decision needs.
pub(super) struct Ask {
    pub(super) request: Request,
    pub(super) trace: Trace,
}

/// The part of a submission that the answer needs.
pub(super) struct Waiting {
    /// Since when it waits.
    pub(super) since: Instant,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// Something else that is written, in a transaction of the one writer's.
pub(super) struct PendingWrite {
    pub(super) write: BackgroundWrite,
    pub(super) reply: oneshot::Sender<Result<usize, Error>>,
}

/// An answer that can be given.
pub(super) struct Answer {
    to: oneshot::Sender<Reply>,
    reply: Reply,
}

impl Waiting {
    /// Whether the command may begin: somebody waits for it, and not as long as is allowed.
    pub(super) fn may_begin(&self, now: Instant, allowed: Duration) -> bool {
        !self.reply.is_closed() && !self.is_over(now, allowed)
    }

    /// Whether somebody has waited as long as is allowed.
    pub(super) fn is_over(&self, now: Instant, allowed: Duration) -> bool {
        now.saturating_duration_since(self.since) >= allowed
    }
}

impl Submission {
    pub(super) const fn command(&self) -> &Command {
        &self.ask.request.command
    }

    /// The command is decided: its part of the trace ends.
    pub(super) fn decided(self, reply: Reply) -> Answer {
        Answer { to: self.waiting.reply, reply }
    }
}

/// Answers that nothing was done.
pub(super) fn give_up(commands: impl IntoIterator<Item = Submission>, error: &Error) {
    for command in commands {
        let _ = command.decided(Err(error.clone())).send();
    }
}

impl Answer {
    /// Whether a caller with this answer may expect seats to be free.
    pub(super) fn frees_seats(&self) -> bool {
        let is_release = |event: &Event| matches!(event, Event::SeatReleased { .. });
        matches!(&self.reply, Ok(Outcome::Done(events)) if events.iter().any(is_release))
    }

    /// Gives the answer; `false` when nobody waits for it any more. What is committed stays.
    pub(super) fn send(self) -> bool {
        self.to.send(self.reply).is_ok()
    }
}

//! Where commands wait: bounded, people first, and no session may crowd out the others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use poltrona_domain::{Command, SessionId};
use tokio::sync::Notify;

use super::error::Error;
use super::submission::{PendingWrite, Submission};

/// Commands and writes that wait for a worker, the only one that takes from it.
pub(super) struct Queue {
    lanes: Mutex<Lanes>,
    filled: Notify,
    depth: usize,
}

#[derive(Default)]
struct Lanes {
    /// The commands of callers.
    people: VecDeque<Submission>,
    /// Opening and closing whole rooms: ten thousand rows each, so one at a time, by turns with the
    /// others.
    rooms: VecDeque<Submission>,
    /// Lapses to record.
    background: VecDeque<Submission>,
    /// The writes of the relay, the projections and the retention.
    writes: VecDeque<PendingWrite>,
    per_session: HashMap<SessionId, usize>,
    room_was_last: bool,
    closed: bool,
    /// Whether nothing is to be taken for now.
    paused: bool,
}

/// The work of one transaction.
#[derive(Default)]
pub(super) struct Work {
    pub(super) commands: Vec<Submission>,
    pub(super) writes: Vec<PendingWrite>,
}

impl Queue {
    pub(super) fn new(depth: usize) -> Self {
        Self { lanes: Mutex::default(), filled: Notify::new(), depth }
    }

    /// Whether a command would be taken now.
    pub(super) fn has_room(&self, command: &Command) -> Result<(), Error> {
        self.lock().has_room(command, self.depth)
    }

    /// Takes a person's command, unless too many wait. One session fills at most half the queue, so
    /// that a storm on one film leaves room for the others.
    pub(super) fn push(&self, submission: Submission) -> Result<(), Error> {
        let mut lanes = self.lock();
        lanes.has_room(submission.command(), self.depth)?;
        if is_whole_room(submission.command()) {
            lanes.rooms.push_back(submission);
        } else {
            if let Some(session) = submission.command().session() {
                *lanes.per_session.entry(session).or_default() += 1;
            }
            lanes.people.push_back(submission);
        }
        drop(lanes);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes a lapse. There are never more than holds, and none may be forgotten, so no bound. Once
    /// closed it is dropped, which answers it: the next start will find it again.
    pub(super) fn push_background(&self, submission: Submission) {
        let mut lanes = self.lock();
        if !lanes.closed {
            lanes.background.push_back(submission);
            self.filled.notify_one();
        }
    }

    /// Takes a background write. Its few callers wait for each before they send the next, so no bound.
    /// Once closed it is dropped, which answers it.
    pub(super) fn push_write(&self, write: PendingWrite) {
        let mut lanes = self.lock();
        if !lanes.closed {
            lanes.writes.push_back(write);
            self.filled.notify_one();
        }
    }

    pub(super) fn len(&self) -> usize {
        let lanes = self.lock();
        lanes.people.len() + lanes.rooms.len() + lanes.background.len()
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Closes and drops everything that waits, which answers it: its outcome is unknown.
    pub(super) fn abandon(&self) {
        *self.lock() = Lanes { closed: true, ..Lanes::default() };
    }

    /// Keeps back what waits and what comes, or lets it be taken again.
    pub(super) fn pause(&self, paused: bool) {
        self.lock().paused = paused;
        self.filled.notify_one();
    }

    /// Waits for work and takes what is there: at most `max` commands, of which lapses get at least
    /// a quarter when they wait, and every write. `None` once closed and empty.
    pub(super) async fn take(&self, max: usize) -> Option<Work> {
        loop {
            {
                let mut lanes = self.lock();
                let work = if lanes.paused { None } else { lanes.take(max) };
                if work.is_some() || lanes.closed {
                    return work;
                }
            }
            self.filled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn has_room(&self, command: &Command, depth: usize) -> Result<(), Error> {
        if self.closed {
            return Err(Error::Unavailable);
        }
        let of_session = command.session().and_then(|session| self.per_session.get(&session));
        let has_room = if is_whole_room(command) {
            self.rooms.len() < depth.div_ceil(8)
        } else {
            self.people.len() < depth && *of_session.unwrap_or(&0) < depth.div_ceil(2)
        };
        if has_room { Ok(()) } else { Err(Error::Overloaded) }
    }

    fn take(&mut self, max: usize) -> Option<Work> {
        let others_wait =
            !self.people.is_empty() || !self.background.is_empty() || !self.writes.is_empty();
        let rooms_turn = !(self.room_was_last && others_wait);
        if rooms_turn && !self.rooms.is_empty() {
            self.room_was_last = true;
            return Some(Work {
                commands: self.rooms.pop_front().into_iter().collect(),
                writes: Vec::new(),
            });
        }
        self.room_was_last = false;
        let background = self.background.len();
        let quarter = max.div_ceil(4).min(max - 1);
        let people = self.people.len().min(max - background.min(quarter));
        let background = background.min(max - people);
        let mut commands: Vec<_> = self.people.drain(..people).collect();
        for submission in &commands {
            self.leave(submission.command());
        }
        commands.extend(self.background.drain(..background));
        let writes: Vec<_> = self.writes.drain(..).collect();
        (!commands.is_empty() || !writes.is_empty()).then_some(Work { commands, writes })
    }

    fn leave(&mut self, command: &Command) {
        let Some(session) = command.session() else { return };
        if let Some(waiting) = self.per_session.get_mut(&session) {
            *waiting -= 1;
            if *waiting == 0 {
                self.per_session.remove(&session);
            }
        }
    }
}

const fn is_whole_room(command: &Command) -> bool {
    matches!(command, Command::OpenSession(_) | Command::CloseSession { .. })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use poltrona_domain::ReservationId;
    use tokio::sync::oneshot;
    use tokio::time::Instant;
    use uuid::Uuid;

    use super::super::submission::{Ask, Request, Waiting};
    use super::super::trace::Trace;
    use super::*;
    use crate::store::background::BackgroundWrite;

    fn submission(command: Command) -> Submission {
        let ask = Ask { request: Request::of_program(command), trace: Trace::default() };
        let reply = oneshot::channel().0;
        Submission { ask, waiting: Waiting { deadline: Instant::now(), reply, on_decided: None } }
    }

    fn closing() -> Submission {
        let session = SessionId::mint(Uuid::from_u128(1 << 64));
        submission(Command::CloseSession { session })
    }

    fn cancelling() -> Submission {
        submission(Command::Cancel { reservation: ReservationId::from_uuid(Uuid::nil()) })
    }

    fn lapse() -> Submission {
        submission(Command::Expire { reservation: ReservationId::from_uuid(Uuid::nil()) })
    }

    fn take(queue: &Queue, max: usize) -> Option<Work> {
        queue.take(max).now_or_never().expect("there is work, or it is closed")
    }

    /// How many commands and writes each transaction takes until nothing waits.
    fn taken(queue: &Queue, max: usize) -> Vec<(usize, usize)> {
        queue.close();
        let works = std::iter::from_fn(|| take(queue, max));
        works.map(|work| (work.commands.len(), work.writes.len())).collect()
    }

    #[test]
    fn writes_take_turns_with_rooms_too() {
        let queue = Queue::new(100);
        for _ in 0..3 {
            queue.push(closing()).unwrap();
        }
        queue.push_write(PendingWrite {
            write: BackgroundWrite::DeleteOutbox { rows: Vec::new(), with_inbox: true },
            reply: oneshot::channel().0,
        });
        assert_eq!(taken(&queue, 64), [(1, 0), (0, 1), (1, 0), (1, 0)]);
    }

    #[test]
    fn lapses_get_a_quarter_of_a_batch_however_small_it_is() {
        let queue = Queue::new(100);
        for _ in 0..4 {
            queue.push(cancelling()).unwrap();
        }
        queue.push_background(lapse());
        let work = take(&queue, 2).unwrap();
        let is_lapse = |it: &&Submission| matches!(it.command(), Command::Expire { .. });
        let lapses = work.commands.iter().filter(is_lapse);
        assert_eq!((work.commands.len(), lapses.count()), (2, 1));
    }

    #[test]
    fn a_worker_that_waits_is_woken_by_work_and_by_the_end() {
        let queue = Queue::new(100);
        let mut waiting = Box::pin(queue.take(64));
        assert!(waiting.as_mut().now_or_never().is_none());
        queue.push(cancelling()).unwrap();
        assert_eq!(waiting.now_or_never().flatten().unwrap().commands.len(), 1);
        let mut waiting = Box::pin(queue.take(64));
        assert!(waiting.as_mut().now_or_never().is_none());
        queue.close();
        assert!(waiting.now_or_never().unwrap().is_none());
    }
}

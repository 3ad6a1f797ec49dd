//! Where commands wait: bounded, people first, and no session may crowd out the others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use poltrona_domain::{Command, SessionId};

use super::{Error, Submission, Task};

/// Commands and tasks that wait for a worker.
pub(super) struct Queue {
    lanes: Mutex<Lanes>,
    filled: Condvar,
    depth: usize,
}

#[derive(Default)]
struct Lanes {
    /// What people asked for.
    people: VecDeque<Submission>,
    /// Opening and closing whole rooms: ten thousand rows each, so one at a time, by turns with the
    /// others.
    rooms: VecDeque<Submission>,
    /// Lapses to record.
    background: VecDeque<Submission>,
    /// The relay's, the consumers' and the command line's writing.
    tasks: VecDeque<Task>,
    per_session: HashMap<SessionId, usize>,
    room_was_last: bool,
    closed: bool,
    /// Whether nothing is to be taken for now.
    held: bool,
}

/// What one transaction is to do.
#[derive(Default)]
pub(super) struct Work {
    pub(super) commands: Vec<Submission>,
    pub(super) tasks: Vec<Task>,
}

impl Queue {
    pub(super) fn new(depth: usize) -> Self {
        Self { lanes: Mutex::default(), filled: Condvar::new(), depth }
    }

    /// Whether a command would be taken now.
    pub(super) fn has_room(&self, command: &Command) -> Result<(), Error> {
        self.lock().has_room(command, self.depth)
    }

    /// Takes a person's command, unless too many wait. One session fills at most half the queue, so
    /// that a storm on one film leaves room for the others.
    pub(super) fn push(&self, submission: Submission) -> Result<(), Error> {
        let mut lanes = self.lock();
        lanes.has_room(&submission.command, self.depth)?;
        if is_whole_room(&submission.command) {
            lanes.rooms.push_back(submission);
        } else {
            if let Some(session) = submission.command.session() {
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

    /// Takes a task. Its few callers wait for each before they send the next, so no bound. Once
    /// closed it is dropped, which answers it.
    pub(super) fn push_task(&self, task: Task) {
        let mut lanes = self.lock();
        if !lanes.closed {
            lanes.tasks.push_back(task);
            self.filled.notify_one();
        }
    }

    pub(super) fn len(&self) -> usize {
        let lanes = self.lock();
        lanes.people.len() + lanes.rooms.len() + lanes.background.len()
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Closes and drops everything that waits, which answers it: its outcome is unknown.
    pub(super) fn abandon(&self) {
        *self.lock() = Lanes { closed: true, ..Lanes::default() };
    }

    /// Keeps back what waits and what comes, or lets it be taken again.
    pub(super) fn hold(&self, held: bool) {
        self.lock().held = held;
        self.filled.notify_all();
    }

    /// Waits for work and takes what is there: at most `max` commands, of which lapses get at least
    /// a quarter when they wait, and every task. `None` once closed and empty.
    pub(super) fn take(&self, max: usize) -> Option<Work> {
        let mut lanes = self.lock();
        loop {
            if !lanes.held
                && let Some(work) = lanes.take(max)
            {
                return Some(work);
            }
            if lanes.closed {
                return None;
            }
            lanes = self.filled.wait(lanes).unwrap_or_else(PoisonError::into_inner);
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
            !self.people.is_empty() || !self.background.is_empty() || !self.tasks.is_empty();
        let rooms_turn = !(self.room_was_last && others_wait);
        if rooms_turn && !self.rooms.is_empty() {
            self.room_was_last = true;
            return Some(Work {
                commands: self.rooms.pop_front().into_iter().collect(),
                tasks: Vec::new(),
            });
        }
        self.room_was_last = false;
        let background = self.background.len();
        let quarter = max.div_ceil(4).min(max - 1);
        let people = self.people.len().min(max - background.min(quarter));
        let background = background.min(max - people);
        let mut commands: Vec<_> = self.people.drain(..people).collect();
        for submission in &commands {
            self.leave(&submission.command);
        }
        commands.extend(self.background.drain(..background));
        let tasks: Vec<_> = self.tasks.drain(..).collect();
        (!commands.is_empty() || !tasks.is_empty()).then_some(Work { commands, tasks })
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
    use poltrona_domain::ReservationId;
    use tokio::sync::oneshot;
    use tokio::time::Instant;
    use uuid::Uuid;

    use super::super::trace::Trace;
    use super::*;
    use crate::store::Chore;

    fn submission(command: Command) -> Submission {
        let (reply, trace) = (oneshot::channel().0, Trace::default());
        Submission { command, key: None, deadline: Instant::now(), reply, trace }
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

    /// How many commands and tasks each transaction takes until nothing waits.
    fn taken(queue: &Queue, max: usize) -> Vec<(usize, usize)> {
        queue.close();
        let works = std::iter::from_fn(|| queue.take(max));
        works.map(|work| (work.commands.len(), work.tasks.len())).collect()
    }

    #[test]
    fn tasks_take_turns_with_rooms_too() {
        let queue = Queue::new(100);
        for _ in 0..3 {
            queue.push(closing()).unwrap();
        }
        queue.push_task(Task {
            chore: Chore::Strike { rows: Vec::new(), with_inbox: true },
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
        let work = queue.take(2).unwrap();
        let lapses = work.commands.iter().filter(|it| matches!(it.command, Command::Expire { .. }));
        assert_eq!((work.commands.len(), lapses.count()), (2, 1));
    }
}

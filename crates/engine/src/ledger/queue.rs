//! Where commands wait: bounded, people first, and no session may crowd out the others. The bound follows
//! the pace of the worker and the patience of the callers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poltrona_domain::{Command, SessionId};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::error::Error;
use super::pace::Pace;
use super::patience::{Audience, Patience};
use super::submission::{PendingWrite, Submission, give_up};
use crate::env::clock;

/// Commands and writes that wait for a worker, the only one that takes from it.
pub(super) struct Queue {
    lanes: Mutex<Lanes>,
    filled: Notify,
    limits: Limits,
}

/// How much a queue takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How many commands may wait.
    pub(super) depth: usize,
    /// How many a transaction takes.
    pub(super) batch_max: usize,
    /// How long a command may wait at most. One that would wait longer, at the worker's pace, is refused.
    /// Two transactions' worth may always wait: one slow disk access must not refuse everybody.
    pub(super) patience: Duration,
}

struct Lanes {
    /// The commands of callers.
    people: VecDeque<Submission>,
    /// Opening and closing whole rooms: ten thousand rows each, so one at a time, by turns with the
    /// others.
    rooms: VecDeque<Submission>,
    /// Lapses to record.
    background: VecDeque<Submission>,
    writes: Writes,
    per_session: HashMap<SessionId, usize>,
    room_was_last: bool,
    pace: Pace,
    patience: Patience,
    closed: bool,
    /// Whether nothing is to be taken for now.
    paused: bool,
}

/// The writes of the relay, the projections and the retention.
#[derive(Default)]
struct Writes {
    waiting: VecDeque<PendingWrite>,
    /// Whether they have let a transaction go before them.
    have_waited: bool,
}

/// The work of one transaction.
#[derive(Default)]
pub(super) struct Work {
    pub(super) commands: Vec<Submission>,
    /// Commands whose caller left or whose time is over. They do not count towards the batch.
    pub(super) late: Vec<Submission>,
    pub(super) writes: Vec<PendingWrite>,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        let lanes = Mutex::new(Lanes::new(limits.patience));
        Self { lanes, filled: Notify::new(), limits }
    }

    /// Whether a command would be taken now.
    pub(super) fn has_room(&self, command: &Command) -> Result<(), Error> {
        self.lock().has_room(command, &self.limits)
    }

    /// Takes a person's command, unless too many wait. One session fills at most half the queue, so
    /// that a storm on one film leaves room for the others.
    pub(super) fn push(&self, submission: Submission) -> Result<(), Error> {
        let mut lanes = self.lock();
        lanes.has_room(submission.command(), &self.limits)?;
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
            lanes.writes.waiting.push_back(write);
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

    /// Closes, and answers everything that waits, which was never begun: people here, the others by being dropped.
    pub(super) fn abandon(&self) {
        let closed = Lanes { closed: true, ..Lanes::new(self.limits.patience) };
        let Lanes { people, rooms, .. } = std::mem::replace(&mut *self.lock(), closed);
        give_up(people.into_iter().chain(rooms), &Error::Unavailable);
    }

    /// Answers commands whose time is over before a worker has begun them. Runs until it is dropped.
    pub(super) async fn give_up_overdue(&self) {
        loop {
            let now = Instant::now();
            let patience = self.limits.patience;
            let (overdue, oldest) = self.lock().overdue(now, patience);
            give_up(overdue, &Error::Overloaded);
            // A command that comes meanwhile may wait at least as long.
            let next = oldest.unwrap_or(now) + patience;
            clock::pause(next.saturating_duration_since(now)).await;
        }
    }

    /// Keeps back what waits and what comes, or lets it be taken again.
    pub(super) fn pause(&self, paused: bool) {
        self.lock().paused = paused;
        self.filled.notify_one();
    }

    /// Waits for work and takes what is there: at most a transaction's commands, as many lapses beside
    /// them, and every write. `None` once closed and empty.
    ///
    /// A transaction makes no more holds than it takes lapses, so that lapses catch up even while people
    /// reserve as fast as they can.
    pub(super) async fn take(&self) -> Option<Work> {
        loop {
            {
                let mut lanes = self.lock();
                let now = Instant::now();
                lanes.pace.ended(now);
                let work = if lanes.paused { None } else { lanes.take(self.limits.batch_max, now) };
                if work.as_ref().is_some_and(Work::is_transaction) {
                    lanes.pace.begun(now);
                }
                if work.is_some() || lanes.closed {
                    return work;
                }
            }
            self.filled.notified().await;
        }
    }

    /// The answers of the last transaction were given.
    pub(super) fn answered(&self, audience: Audience) {
        self.lock().patience.answered(audience, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn new(patience: Duration) -> Self {
        Self {
            people: VecDeque::new(),
            rooms: VecDeque::new(),
            background: VecDeque::new(),
            writes: Writes::default(),
            per_session: HashMap::new(),
            room_was_last: false,
            pace: Pace::default(),
            patience: Patience::new(patience),
            closed: false,
            paused: false,
        }
    }

    fn has_room(&self, command: &Command, limits: &Limits) -> Result<(), Error> {
        if self.closed {
            return Err(Error::Unavailable);
        }
        let has_room = if is_whole_room(command) {
            self.rooms.len() < limits.depth.div_ceil(8)
        } else {
            let waiting = self.people.len();
            let of_session = command.session().and_then(|session| self.per_session.get(&session));
            // As if others had as many: a session has half of the queue, however long that may be.
            let twice_its_own = 2 * of_session.unwrap_or(&0);
            let others = waiting.max(twice_its_own);
            others < limits.depth
                && (waiting < 2 * limits.batch_max || self.is_in_time(others, limits))
        };
        if has_room { Ok(()) } else { Err(Error::Overloaded) }
    }

    /// Whether the turn of a command behind so many others comes while its caller waits.
    fn is_in_time(&self, others: usize, limits: &Limits) -> bool {
        self.pace.wait(others, limits.batch_max, Instant::now()) <= self.patience.allowed()
    }

    /// Takes the commands that have waited as long as `patience`, and finds since when the oldest of the others waits.
    /// They wait in the order in which they came, to within the time that a push takes.
    fn overdue(&mut self, now: Instant, patience: Duration) -> (Vec<Submission>, Option<Instant>) {
        let mut overdue = Vec::new();
        for lane in [&mut self.people, &mut self.rooms] {
            let count = lane.iter().take_while(|it| it.waiting.is_over(now, patience)).count();
            overdue.extend(lane.drain(..count));
        }
        for submission in overdue.iter().filter(|it| !is_whole_room(it.command())) {
            self.leave(submission.command());
        }
        let oldest = [&self.people, &self.rooms].into_iter().filter_map(VecDeque::front);
        (overdue, oldest.map(|it| it.waiting.since).min())
    }

    fn take(&mut self, max: usize, now: Instant) -> Option<Work> {
        let mut late = Vec::new();
        let allowed = self.patience.allowed();
        let others_wait = !self.people.is_empty()
            || !self.background.is_empty()
            || !self.writes.waiting.is_empty();
        let rooms_turn = !(self.room_was_last && others_wait);
        let room = if rooms_turn {
            live(&mut self.rooms, 1, (now, allowed), &mut late)
        } else {
            Vec::new()
        };
        self.room_was_last = !room.is_empty();
        if self.room_was_last {
            return Some(Work { commands: room, late, writes: Vec::new() });
        }
        let late_rooms = late.len();
        let mut commands = live(&mut self.people, max, (now, allowed), &mut late);
        for submission in commands.iter().chain(&late[late_rooms..]) {
            self.leave(submission.command());
        }
        let lapses = self.background.len().min(max);
        commands.extend(self.background.drain(..lapses));
        let writes = self.writes.due(!commands.is_empty());
        let work = Work { commands, late, writes };
        (!work.is_empty()).then_some(work)
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

impl Writes {
    /// Those that go with the next transaction. They let one with commands go before them: the relay meanwhile
    /// learns of more commits, and delivers them together.
    fn due(&mut self, beside_commands: bool) -> Vec<PendingWrite> {
        self.have_waited = beside_commands && !self.have_waited && !self.waiting.is_empty();
        if self.have_waited { Vec::new() } else { self.waiting.drain(..).collect() }
    }
}

impl Work {
    /// Whether there is more to it than refusing those who are late.
    const fn is_transaction(&self) -> bool {
        !self.commands.is_empty() || !self.writes.is_empty()
    }

    const fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.late.is_empty() && self.writes.is_empty()
    }
}

/// Takes commands out of a lane until there are `max` that somebody waits for; the others go to `late`.
fn live(
    waiting: &mut VecDeque<Submission>,
    max: usize,
    (now, allowed): (Instant, Duration),
    late: &mut Vec<Submission>,
) -> Vec<Submission> {
    let mut live = Vec::new();
    while live.len() < max
        && let Some(submission) = waiting.pop_front()
    {
        if submission.waiting.may_begin(now, allowed) {
            live.push(submission);
        } else {
            late.push(submission);
        }
    }
    live
}

const fn is_whole_room(command: &Command) -> bool {
    matches!(command, Command::OpenSession(_) | Command::CloseSession { .. })
}

#[cfg(test)]
mod tests;

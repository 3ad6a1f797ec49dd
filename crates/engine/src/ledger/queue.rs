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
use super::submission::{PendingWrite, Submission};

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
    /// The writes of the relay, the projections and the retention.
    writes: VecDeque<PendingWrite>,
    per_session: HashMap<SessionId, usize>,
    room_was_last: bool,
    pace: Pace,
    patience: Patience,
    closed: bool,
    /// Whether nothing is to be taken for now.
    paused: bool,
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

    /// Closes and drops everything that waits, which answers it: it was never begun.
    pub(super) fn abandon(&self) {
        *self.lock() = Lanes { closed: true, ..Lanes::new(self.limits.patience) };
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
            writes: VecDeque::new(),
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

    fn take(&mut self, max: usize, now: Instant) -> Option<Work> {
        let mut late = Vec::new();
        let allowed = self.patience.allowed();
        let others_wait =
            !self.people.is_empty() || !self.background.is_empty() || !self.writes.is_empty();
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
        let writes: Vec<_> = self.writes.drain(..).collect();
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
        if submission.waiting.begin(now, allowed) {
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
mod tests {
    use futures_util::FutureExt as _;
    use poltrona_domain::{Precondition, ReservationId, SessionChange};
    use tokio::sync::oneshot;
    use tokio::time::Instant;
    use uuid::Uuid;

    use super::super::submission::{Ask, Claim, Request, Waiting};
    use super::super::trace::Trace;
    use super::*;
    use crate::store::background::BackgroundWrite;

    const LIMITS: Limits = Limits { depth: 100, batch_max: 64, patience: Duration::from_secs(5) };

    fn submission(command: Command) -> Submission {
        let ask = Ask { request: Request::of_program(command), trace: Trace::default() };
        // Its caller waits for as long as the test runs.
        let (reply, outcome) = oneshot::channel();
        std::mem::forget(outcome);
        let since = Instant::now();
        let (deadline, claim) = (since + LIMITS.patience, Claim::default());
        Submission { ask, waiting: Waiting { since, deadline, claim, reply, on_decided: None } }
    }

    fn closing() -> Submission {
        let session = SessionId::mint(Uuid::from_u128(1 << 64));
        submission(Command::CloseSession { session, only_if: Precondition::default() })
    }

    fn cancelling() -> Submission {
        submission(Command::Cancel { reservation: ReservationId::from_uuid(Uuid::nil()) })
    }

    fn lapse() -> Submission {
        submission(Command::Expire { reservation: ReservationId::from_uuid(Uuid::nil()) })
    }

    fn take(queue: &Queue) -> Option<Work> {
        queue.take().now_or_never().expect("there is work, or it is closed")
    }

    /// How many commands and writes each transaction takes until nothing waits.
    fn taken(queue: &Queue) -> Vec<(usize, usize)> {
        queue.close();
        let works = std::iter::from_fn(|| take(queue));
        works.map(|work| (work.commands.len(), work.writes.len())).collect()
    }

    #[test]
    fn writes_take_turns_with_rooms_too() {
        let queue = Queue::new(LIMITS);
        for _ in 0..3 {
            queue.push(closing()).unwrap();
        }
        queue.push_write(PendingWrite {
            write: BackgroundWrite::DeleteOutbox { rows: Vec::new(), with_inbox: true },
            reply: oneshot::channel().0,
        });
        assert_eq!(taken(&queue), [(1, 0), (0, 1), (1, 0), (1, 0)]);
    }

    #[test]
    fn a_batch_takes_as_many_lapses_as_commands() {
        let queue = Queue::new(Limits { batch_max: 2, ..LIMITS });
        for _ in 0..4 {
            queue.push(cancelling()).unwrap();
        }
        for _ in 0..5 {
            queue.push_background(lapse());
        }
        let is_lapse = |it: &&Submission| matches!(it.command(), Command::Expire { .. });
        let taken = || {
            let commands = take(&queue).unwrap().commands;
            (commands.len(), commands.iter().filter(is_lapse).count())
        };
        assert_eq!([taken(), taken(), taken()], [(4, 2), (4, 2), (1, 1)]);
    }

    #[test]
    fn a_worker_that_waits_is_woken_by_work_and_by_the_end() {
        let queue = Queue::new(LIMITS);
        let mut waiting = Box::pin(queue.take());
        assert!(waiting.as_mut().now_or_never().is_none());
        queue.push(cancelling()).unwrap();
        assert_eq!(waiting.now_or_never().flatten().unwrap().commands.len(), 1);
        let mut waiting = Box::pin(queue.take());
        assert!(waiting.as_mut().now_or_never().is_none());
        queue.close();
        assert!(waiting.now_or_never().unwrap().is_none());
    }
    #[test]
    fn late_commands_take_no_place_in_a_batch() {
        let queue = Queue::new(Limits { batch_max: 2, ..LIMITS });
        for late in [true, true, true, false, false, false] {
            let mut submission = cancelling();
            if late {
                submission.waiting.deadline = Instant::now();
            }
            queue.push(submission).unwrap();
        }
        let work = take(&queue).unwrap();
        assert_eq!((work.commands.len(), work.late.len()), (2, 3));
        let (reply, outcome) = oneshot::channel();
        drop(outcome);
        let mut gone = cancelling();
        gone.waiting.reply = reply;
        queue.push(gone).unwrap();
        queue.push(cancelling()).unwrap();
        let work = take(&queue).unwrap();
        assert_eq!((work.commands.len(), work.late.len()), (2, 1));
    }

    #[test]
    fn a_command_is_begun_or_given_up_and_never_both() {
        let queue = Queue::new(LIMITS);
        let (begun, given_up) = (cancelling(), cancelling());
        let claims = [&begun, &given_up].map(|submission| submission.waiting.claim.clone());
        assert!(claims[1].take(), "its caller leaves first");
        queue.push(begun).unwrap();
        queue.push(given_up).unwrap();
        let work = take(&queue).unwrap();
        assert_eq!((work.commands.len(), work.late.len()), (1, 1));
        assert!(!claims[0].take(), "too late to leave");
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_would_wait_too_long_is_refused_at_once() {
        let queue = Queue::new(Limits { batch_max: 2, ..LIMITS });
        // A transaction of two takes two seconds; three of them are more than anyone waits for.
        queue.push(cancelling()).unwrap();
        take(&queue).unwrap();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(queue.take().now_or_never().is_none(), "nothing waits, and the pace is known");
        let taken = (0..20).take_while(|_| queue.push(cancelling()).is_ok()).count();
        assert_eq!(taken, 6);
        assert!(matches!(queue.push(cancelling()), Err(Error::Overloaded)));
    }

    /// A queue whose transactions take one second each, of two commands.
    async fn of_two_a_second() -> Queue {
        let queue = Queue::new(Limits { batch_max: 2, ..LIMITS });
        queue.push(cancelling()).unwrap();
        take(&queue).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(queue.take().now_or_never().is_none(), "nothing waits, and the pace is known");
        queue
    }

    fn updating(session: u128) -> Submission {
        let session = SessionId::mint(Uuid::from_u128(session << 64));
        let (change, only_if) = (SessionChange::default(), Precondition::default());
        submission(Command::UpdateSession { session, change, only_if })
    }

    #[tokio::test(start_paused = true)]
    async fn one_session_has_half_of_the_time_that_may_be_waited() {
        let queue = of_two_a_second().await;
        let taken = |session| (0..20).take_while(|_| queue.push(updating(session)).is_ok()).count();
        assert_eq!([taken(1), taken(2)], [6, 6]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_no_longer_than_callers_wait() {
        let queue = of_two_a_second().await;
        let fill = || while queue.push(cancelling()).is_ok() {};
        fill();
        assert_eq!(queue.len(), 12);
        queue.answered(Audience { reached: 0, left: 32 });
        tokio::time::advance(Duration::from_secs(3)).await;
        // Whoever has waited longer than is allowed by now is sent away at once.
        let work = take(&queue).unwrap();
        assert_eq!((work.commands.len(), work.late.len()), (0, 12));
        fill();
        assert_eq!(queue.len(), 6, "two and a half seconds, and no more");
    }
}

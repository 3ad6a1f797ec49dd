//! Stories of the queue, without a worker.

use futures_util::FutureExt as _;
use poltrona_domain::{Precondition, ReservationId, SessionChange};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::submission::{Ask, Reply, Request, Waiting};
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
    Submission { ask, waiting: Waiting { since, reply } }
}

/// A command whose answer is looked at.
fn asked() -> (Submission, oneshot::Receiver<Reply>) {
    let (reply, outcome) = oneshot::channel();
    let mut submission = cancelling();
    submission.waiting.reply = reply;
    (submission, outcome)
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

fn write() -> PendingWrite {
    let write = BackgroundWrite::DeleteOutbox { rows: Vec::new(), effects: Vec::new() };
    PendingWrite { write, reply: oneshot::channel().0 }
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
    queue.push_write(write());
    assert_eq!(taken(&queue), [(1, 0), (0, 1), (1, 0), (1, 0)]);
}

#[test]
fn writes_let_one_transaction_of_commands_go_before_them() {
    let queue = Queue::new(Limits { batch_max: 2, ..LIMITS });
    queue.push_write(write());
    assert_eq!(take(&queue).unwrap().writes.len(), 1, "alone they wait for nothing");
    for _ in 0..6 {
        queue.push(cancelling()).unwrap();
    }
    queue.push_write(write());
    assert_eq!(taken(&queue), [(2, 0), (2, 1), (2, 0)]);
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
            submission.waiting.since -= LIMITS.patience;
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

#[tokio::test(start_paused = true)]
async fn a_command_is_begun_in_its_time_or_given_up() {
    let queue = Queue::new(LIMITS);
    let started = Instant::now();
    let (begun, mut begun_outcome) = asked();
    queue.push(begun).unwrap();
    let work = take(&queue).unwrap();
    let wait_long = async {
        clock::pause(LIMITS.patience / 2).await;
        let (waits, outcome) = asked();
        queue.push(waits).unwrap();
        outcome.await
    };
    tokio::select! {
        () = queue.give_up_overdue() => {}
        answer = wait_long => assert!(matches!(answer, Ok(Err(Error::Overloaded)))),
    }
    assert_eq!(started.elapsed(), LIMITS.patience * 3 / 2, "its time, and no more");
    assert_eq!((queue.len(), work.commands.len()), (0, 1));
    assert!(begun_outcome.try_recv().is_err(), "begun in time, it may last");
}

#[tokio::test(start_paused = true)]
async fn commands_that_were_given_up_leave_room_for_others() {
    let queue = Queue::new(Limits { depth: 4, ..LIMITS });
    let fill = || (0..4).take_while(|_| queue.push(updating(1)).is_ok()).count();
    assert_eq!((fill(), fill()), (2, 0), "half of the queue");
    queue.push(closing()).unwrap();
    assert!(matches!(queue.push(closing()), Err(Error::Overloaded)), "one whole room");
    let give_up = tokio::time::timeout(LIMITS.patience * 2, queue.give_up_overdue());
    assert!(give_up.await.is_err());
    assert_eq!(queue.len(), 0);
    assert_eq!(fill(), 2);
    queue.push(closing()).unwrap();
}

#[test]
fn a_queue_that_is_abandoned_answers_what_waits() {
    let queue = Queue::new(LIMITS);
    let (waits, mut outcome) = asked();
    queue.push(waits).unwrap();
    queue.abandon();
    assert!(matches!(outcome.try_recv(), Ok(Err(Error::Unavailable))));
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
    // Commands that have waited longer than is allowed by now are refused at once.
    let work = take(&queue).unwrap();
    assert_eq!((work.commands.len(), work.late.len()), (0, 12));
    fill();
    assert_eq!(queue.len(), 6, "two and a half seconds, and no more");
}

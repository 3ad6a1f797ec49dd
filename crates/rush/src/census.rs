//! The census after a run: when every hold must have lapsed and nobody else asks, every unsold seat
//! can be had, no sold one can, and every sale is where it belongs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::crowd::caller::Caller;
use crate::crowd::finish;
use crate::crowd::world::{Hall, World};

/// What a server may be late, by its promise, in letting a hold lapse.
const GRACE: Duration = Duration::from_secs(2);
/// The longest wait for holds to lapse.
const WAIT_MAX: Duration = Duration::from_mins(2);
/// How long the census itself may take.
const TIME_MAX: Duration = Duration::from_mins(2);
/// Who takes the census, at the same time.
const TAKERS: u32 = 16;
/// Sold seats that are tried at most; of more, every n-th.
const SOLD_TRIED_MAX: usize = 20_000;
/// Users whose sales are read at most; of more, every n-th.
const USERS_READ_MAX: usize = 20_000;

/// What the census came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Sessions whose maps were read.
    pub sessions: usize,
    /// Unsold seats that were tried.
    pub unsold: usize,
    /// Sold seats that were tried.
    pub sold: usize,
    /// Users whose sales were read.
    pub users: usize,
    /// Whether seats were not tried because holds last longer than anybody wants to wait.
    pub holds_outlast_it: bool,
    /// Whether its time ended before it did.
    pub unfinished: bool,
}

enum Task {
    Map(Rc<Hall>),
    Try(Rc<Hall>, usize),
    Sales(String),
}

/// How long the census must wait until every hold has lapsed, and whether that is all.
pub(crate) fn wait(world: &World) -> (Duration, bool) {
    let lapse = Duration::from_micros(world.last_lapse().saturating_sub(world.scribe.now()));
    let wait = if world.last_lapse() == 0 { Duration::ZERO } else { lapse + GRACE };
    (wait.min(WAIT_MAX), wait <= WAIT_MAX)
}

/// Waits, and takes it. `clients` is the number of the first client that is not of the crowd.
pub(crate) async fn take(world: &Rc<World>, clients: u32) -> Census {
    let (lasting, all_lapsed) = wait(world);
    sleep(lasting).await;
    let mut census = Census { holds_outlast_it: !all_lapsed, ..Census::default() };
    let end = Instant::now() + TIME_MAX;
    let halls = world.halls();
    census.sessions = halls.len();
    let maps = ask_all(world, clients, end, halls.iter().cloned().map(Task::Map).collect()).await;
    if all_lapsed {
        let (mut unsold, mut sold) = (Vec::new(), Vec::new());
        for (hall, map) in maps {
            for (place, letter) in map.chars().enumerate() {
                let seats = if letter == 'S' { &mut sold } else { &mut unsold };
                seats.push((Rc::clone(&hall), place));
            }
        }
        let every = sold.len().div_ceil(SOLD_TRIED_MAX).max(1);
        let sold: Vec<_> = sold.into_iter().step_by(every).collect();
        (census.unsold, census.sold) = (unsold.len(), sold.len());
        let tasks = unsold.into_iter().chain(sold);
        let tasks = tasks.map(|(hall, place)| Task::Try(hall, place)).collect();
        ask_all(world, clients, end, tasks).await;
    }
    let buyers = world.buyers();
    let every = buyers.len().div_ceil(USERS_READ_MAX).max(1);
    let users: VecDeque<_> = buyers.into_iter().step_by(every).map(Task::Sales).collect();
    census.users = users.len();
    ask_all(world, clients, end, users).await;
    census.unfinished = Instant::now() >= end;
    census
}

/// Does tasks, a few at a time, and returns the maps that were read.
async fn ask_all(
    world: &Rc<World>,
    clients: u32,
    end: Instant,
    tasks: VecDeque<Task>,
) -> Vec<(Rc<Hall>, String)> {
    let tasks = Rc::new(RefCell::new(tasks));
    let maps = Rc::new(RefCell::new(Vec::new()));
    let mut takers = JoinSet::new();
    for number in clients..clients + TAKERS {
        let mut caller = Caller::for_census(world, number, end);
        let (tasks, maps) = (Rc::clone(&tasks), Rc::clone(&maps));
        takers.spawn_local(async move {
            loop {
                let Some(task) = tasks.borrow_mut().pop_front() else { return Some(()) };
                if let Some(read) = do_one(&mut caller, task).await? {
                    maps.borrow_mut().push(read);
                }
            }
        });
    }
    finish(&mut takers).await;
    maps.take()
}

/// `None` when there is no time left.
async fn do_one(caller: &mut Caller, task: Task) -> Option<Option<(Rc<Hall>, String)>> {
    match task {
        Task::Map(hall) => {
            caller.user.clear();
            let told = caller.map(&hall).await?;
            Some(told.map.map(|map| (hall, map)))
        }
        Task::Try(hall, place) => {
            // A user for each seat: nobody has too many holds.
            caller.user = format!("c{}-{}-{place}", caller.world.tag, hall.id);
            if let Ok(hold) = caller.reserve(&hall, &[place]).await? {
                caller.cancel(&hold).await?;
            }
            Some(None)
        }
        Task::Sales(user) => {
            caller.user = user;
            caller.sales().await?;
            Some(None)
        }
    }
}

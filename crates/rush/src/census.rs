//! The census after a run: reads every map and the buyers' sales, and tries to reserve every seat,
//! when every hold must have lapsed and no other client sends requests. Judging its answers is left
//! to [`judge`](crate::judge).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::crowd::{Caller, World};
use crate::history::Session;

/// How late a server may let a hold lapse, by its promise.
const GRACE: Duration = Duration::from_secs(2);
/// The longest wait for holds to lapse.
const WAIT_MAX: Duration = Duration::from_mins(2);
/// How long the census itself may take.
const TIME_MAX: Duration = Duration::from_mins(2);
/// How many clients take the census at the same time.
const TAKERS: u32 = 16;
/// The most sold seats that are tried; if there are more, every n-th is.
const SOLD_TRIED_MAX: usize = 20_000;
/// The most users whose sales are read; if there are more, every n-th's are.
const USERS_READ_MAX: usize = 20_000;

/// How much the census covered.
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
    /// Whether seats were not tried because holds last longer than the census waits.
    pub holds_outlast_it: bool,
    /// Whether its time limit cut it short.
    pub unfinished: bool,
}

enum Task {
    Map(Rc<Session>),
    Try(Rc<Session>, usize),
    Sales(String),
}

/// How long the census waits for holds to lapse, and whether all have lapsed by then.
pub(crate) fn wait(world: &World) -> (Duration, bool) {
    let lapse = Duration::from_micros(world.last_lapse().saturating_sub(world.scribe.now()));
    let wait = if world.last_lapse() == 0 { Duration::ZERO } else { lapse + GRACE };
    (wait.min(WAIT_MAX), wait <= WAIT_MAX)
}

/// Waits for holds to lapse, and takes the census. `clients` is the number of its first client: the
/// crowd has those below.
pub(crate) async fn take(world: &Rc<World>, clients: u32) -> Census {
    let (lasting, all_lapsed) = wait(world);
    sleep(lasting).await;
    let mut census = Census { holds_outlast_it: !all_lapsed, ..Census::default() };
    let end = Instant::now() + TIME_MAX;
    let sessions = world.sessions();
    census.sessions = sessions.len();
    let maps =
        ask_all(world, clients, end, sessions.iter().cloned().map(Task::Map).collect()).await;
    if all_lapsed {
        let (mut unsold, mut sold) = (Vec::new(), Vec::new());
        for (session, map) in maps {
            for (place, letter) in map.chars().enumerate() {
                let seats = if letter == 'S' { &mut sold } else { &mut unsold };
                seats.push((Rc::clone(&session), place));
            }
        }
        let every = sold.len().div_ceil(SOLD_TRIED_MAX).max(1);
        let sold: Vec<_> = sold.into_iter().step_by(every).collect();
        (census.unsold, census.sold) = (unsold.len(), sold.len());
        let tasks = unsold.into_iter().chain(sold);
        let tasks = tasks.map(|(session, place)| Task::Try(session, place)).collect();
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
) -> Vec<(Rc<Session>, String)> {
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
    takers.join_all().await;
    maps.take()
}

/// `None` when there is no time left.
async fn do_one(caller: &mut Caller, task: Task) -> Option<Option<(Rc<Session>, String)>> {
    match task {
        Task::Map(session) => {
            caller.user.clear();
            let reply = caller.read_seats(&session).await?;
            Some(reply.map.map(|map| (session, map)))
        }
        Task::Try(session, place) => {
            // A user for each seat, so that none has too many holds.
            caller.user = format!("c{}-{}-{place}", caller.world.tag, session.id);
            if let Ok(hold) = caller.reserve(&session, &[place]).await? {
                caller.cancel(&hold).await?;
            }
            Some(None)
        }
        Task::Sales(user) => {
            caller.user = user;
            caller.read_sales().await?;
            Some(None)
        }
    }
}

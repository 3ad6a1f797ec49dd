//! An open loop: requests are due on a schedule that no answer can move, as those of people are who know
//! nothing of each other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::task::coop;
use tokio::time::{Instant, timeout_at};

use crate::client::{Answer, Connection};
use crate::requests::Queue;
use crate::times::Times;

/// A client that sends later than this after a request was due is no open loop.
const LATEST: Duration = Duration::from_millis(500);

/// How often the client looks whether a request is due.
const TICK: Duration = Duration::from_micros(250);

/// When requests are due.
#[derive(Clone, Copy)]
pub(crate) struct Schedule {
    /// Requests a second.
    pub(crate) rate: f64,
    /// How long before the window they begin.
    pub(crate) warm_up: Duration,
    /// How long what is answered counts. No more are sent when it is over.
    pub(crate) window: Duration,
    /// How long a caller waits for an answer before he hangs up.
    pub(crate) patience: Duration,
}

/// The answers.
#[derive(Default)]
pub(crate) struct Answered {
    /// How long successes took that were answered in the window, from when they were due.
    pub(crate) successes: Times,
    /// How long refusals took.
    pub(crate) refusals: Times,
    /// How many calls of each kind were answered in the window.
    kinds: BTreeMap<Kind, usize>,
    /// Successes, whenever they were answered.
    pub(crate) done: usize,
    /// Requests that may have been done or not.
    pub(crate) unknown: usize,
    /// The longest that the client sent a request after it was due.
    late: Duration,
}

/// One answer.
struct Call {
    /// To be used again, unless it broke.
    connection: Option<Connection>,
    due: Instant,
    kind: Kind,
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// 201.
    Success,
    /// 503 `overloaded`: surely not done.
    Overloaded,
    /// 409: surely not done.
    Conflict,
    /// 503 `outcome_unknown`.
    OutcomeUnknown,
    /// The caller hung up.
    Left,
    /// Anything else.
    Other,
}

impl Schedule {
    /// How many requests there are.
    pub(crate) fn requests(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of requests"
        )]
        let requests = ((self.warm_up + self.window).as_secs_f64() * self.rate) as usize;
        requests
    }

    /// When a request is due, after the start.
    fn due(&self, number: usize) -> Duration {
        let number = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        Duration::from_secs_f64(number / self.rate)
    }
}

impl Kind {
    fn of(answer: &Answer<'_>) -> Self {
        match (answer.status, answer.error_code()) {
            (201, _) => Self::Success,
            (409, _) => Self::Conflict,
            (503, Some("overloaded")) => Self::Overloaded,
            (503, Some("outcome_unknown")) => Self::OutcomeUnknown,
            _ => Self::Other,
        }
    }
}

impl Answered {
    fn add(&mut self, call: &Call, in_window: bool) {
        let took = call.due.elapsed();
        match call.kind {
            Kind::Success => self.done += 1,
            Kind::Overloaded | Kind::Conflict => {}
            Kind::OutcomeUnknown | Kind::Left | Kind::Other => self.unknown += 1,
        }
        if !in_window {
            return;
        }
        match call.kind {
            Kind::Success => self.successes.add(took),
            Kind::Overloaded => self.refusals.add(took),
            _ => {}
        }
        *self.kinds.entry(call.kind).or_default() += 1;
    }

    /// Fails when the client could not send its requests in time, so that latencies show its own delay.
    pub(crate) fn expect_offered(&self) -> anyhow::Result<()> {
        let late = self.late;
        ensure!(late < LATEST, "the client was {late:?} late: this machine cannot offer so much");
        Ok(())
    }

    /// How many calls of a kind were answered in the window.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).copied().unwrap_or_default()
    }
}

/// Sends the requests in their order, each when it is due, over a connection that nobody waits on; where
/// there is none, over a new one. Ends when every request is answered or given up.
pub(crate) async fn open_loop(
    address: SocketAddr,
    schedule: Schedule,
    requests: &Queue,
) -> anyhow::Result<Answered> {
    coop::unconstrained(run(address, schedule, requests)).await
}

async fn run(
    address: SocketAddr,
    schedule: Schedule,
    requests: &Queue,
) -> anyhow::Result<Answered> {
    let mut answered = Answered::default();
    let (mut idle, mut calls) = (Vec::new(), FuturesUnordered::new());
    let (ticker, start) = (Ticker::start()?, Instant::now());
    let window = start + schedule.warm_up..start + schedule.warm_up + schedule.window;
    let mut is_over = false;
    while !is_over || !calls.is_empty() {
        tokio::select! {
            biased;
            () = ticker.tick(), if !is_over => loop {
                let due = start + schedule.due(requests.taken());
                let Some(late) = Instant::now().checked_duration_since(due) else { break };
                let Some((_, request)) = requests.take() else {
                    is_over = true;
                    break;
                };
                answered.late = answered.late.max(late);
                let leaving = due + schedule.patience;
                calls.push(call(address, idle.pop(), request, due, leaving));
            },
            Some(mut call) = calls.next() => {
                answered.add(&call, window.contains(&Instant::now()));
                idle.extend(call.connection.take());
            }
        }
    }
    Ok(answered)
}

/// Ticks some times in a millisecond: the runtime's own timers are as far apart as a request may take.
struct Ticker {
    notify: Arc<Notify>,
    is_over: Arc<AtomicBool>,
}

impl Ticker {
    fn start() -> std::io::Result<Self> {
        let (notify, is_over) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let ticker = Self { notify: Arc::clone(&notify), is_over: Arc::clone(&is_over) };
        thread::Builder::new().name("ticker".to_owned()).spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                thread::sleep(TICK);
                notify.notify_one();
            }
        })?;
        Ok(ticker)
    }

    async fn tick(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

async fn call(
    address: SocketAddr,
    connection: Option<Connection>,
    request: &[u8],
    due: Instant,
    leaving: Instant,
) -> Call {
    let asking = async {
        let mut connection = match connection {
            Some(connection) => connection,
            None => Connection::open(address).await?,
        };
        let kind = Kind::of(&connection.ask(request).await?);
        anyhow::Ok((connection, kind))
    };
    let (connection, kind) = match timeout_at(leaving, asking).await {
        Ok(Ok((connection, kind))) => (Some(connection), kind),
        Ok(Err(_)) => (None, Kind::Other),
        Err(_) => (None, Kind::Left),
    };
    Call { connection, due, kind }
}

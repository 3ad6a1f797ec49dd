//! When the next request is due.
//!
//! In a closed loop a client asks again as soon as it was answered. In an open loop requests are
//! due at times that no answer can move: a client that is late sends at once, and the waiting is
//! counted from when the request was due.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;

/// How late a timer may wake without the server or the crowd having caused it.
const TIMER_SLACK: Duration = Duration::from_millis(2);

/// The pace of one client.
#[derive(Debug)]
pub(crate) enum Pace {
    /// As fast as the server answers.
    Closed,
    /// By a schedule.
    Open(Schedule),
}

/// Due times of one client.
#[derive(Debug)]
pub(crate) struct Schedule {
    due: Instant,
    every: Duration,
    chance: Option<fastrand::Rng>,
}

impl Schedule {
    /// Independent arrivals (Poisson), by a generator of their own, so that a rate does not change
    /// what is asked.
    pub(crate) const fn random(from: Instant, every: Duration, chance: fastrand::Rng) -> Self {
        Self { due: from, every, chance: Some(chance) }
    }

    /// Due times that all clients share.
    pub(crate) const fn together(from: Instant, every: Duration) -> Self {
        Self { due: from, every, chance: None }
    }

    fn next(&mut self) -> Instant {
        let gap = match &mut self.chance {
            // The wait until the next of many independent arrivals is exponential.
            Some(chance) => self.every.mul_f64(-(1.0 - chance.f64()).ln()),
            None => self.every,
        };
        self.due += gap;
        self.due
    }
}

impl Pace {
    /// Moves the next due time by a wait that the client intended: the server did not cause it. A
    /// schedule that all clients share stays as it is.
    pub(crate) fn rest(&mut self, lasting: Duration) {
        if let Self::Open(schedule) = self
            && schedule.chance.is_some()
        {
            schedule.due += lasting;
        }
    }

    /// Waits until a request is due and returns when it was; `None` if that is not before `end`.
    pub(crate) async fn next(&mut self, end: Instant) -> Option<Instant> {
        let Self::Open(schedule) = self else {
            let now = Instant::now();
            return (now < end).then_some(now);
        };
        let due = schedule.next();
        if due >= end || Instant::now() >= end {
            return None;
        }
        if due <= Instant::now() {
            return Some(due);
        }
        sleep_until(due.into()).await;
        let now = Instant::now();
        Some(if now < due + TIMER_SLACK { now } else { due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intended_wait_moves_a_clients_schedule_but_not_a_shared_one() {
        let (start, rest) = (Instant::now(), Duration::from_secs(7));
        let due = |schedule: Schedule| {
            let mut pace = Pace::Open(schedule);
            pace.rest(rest);
            match pace {
                Pace::Open(schedule) => schedule.due,
                Pace::Closed => start,
            }
        };
        let every = Duration::from_millis(1);
        assert_eq!(due(Schedule::random(start, every, fastrand::Rng::with_seed(1))), start + rest);
        assert_eq!(due(Schedule::together(start, every)), start);
    }
}

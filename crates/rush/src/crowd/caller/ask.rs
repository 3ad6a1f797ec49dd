//! Asking: a request goes to a target that is there, and what was asked and answered is written
//! down.

use std::time::Instant;

use tokio::time::sleep;

use super::{Caller, Fate, Told, Wish};
use crate::api;
use crate::client::{Connection, Lost};
use crate::crowd::world::{AWAY_PAUSE, CONNECT_LIMIT, REQUEST_LIMIT};
use crate::history::{Action, Completion, Invoke, Line, Outcome};
use crate::stats;

impl Caller {
    /// Asks, when it is due, and writes down what was asked and answered.
    pub(crate) async fn ask(&mut self, action: Action, wish: Wish) -> Option<Told> {
        let due = self.pace.next(self.end()).await?;
        let due = self.world.scribe.at(due);
        loop {
            let target = self.reach(wish.target.unwrap_or(self.number as usize)).await?;
            let invoke = self.invoke(action, &wish, target);
            let op = invoke.op;
            api::render(&invoke, &self.world.targets[target], &mut self.request);
            self.world.scribe.write(Line::Invoke(invoke));
            if let Some((outcome, done)) = self.exchange(action, &wish, target).await {
                return Some(self.note(action, op, due, outcome, done));
            }
            // What was surely not sent was surely not done, and is asked anew as another operation.
            let at = self.world.scribe.now();
            self.world.scribe.write(Line::Fail(Completion { at, op, ..Completion::default() }));
            self.world.unreached.set(self.world.unreached.get() + 1);
        }
    }

    fn invoke(&self, action: Action, wish: &Wish, target: usize) -> Invoke {
        Invoke {
            at: self.world.scribe.now(),
            op: self.world.scribe.next_op(),
            client: self.number,
            target: u16::try_from(target).unwrap_or(u16::MAX),
            action,
            user: self.user.clone(),
            session: wish.hall.as_ref().map(|hall| hall.id.clone()),
            seats: wish.seats.clone(),
            reservation: wish.reservation.clone(),
            key: wish.key.clone(),
            census: self.census_end.is_some(),
        }
    }

    /// Sends the request that was rendered; `None` if it surely was not sent.
    async fn exchange(
        &mut self,
        action: Action,
        wish: &Wish,
        target: usize,
    ) -> Option<(Outcome, Completion)> {
        let mut line = self.lines[target].take()?;
        let unknown = (Outcome::Info, Completion::default());
        if wish.fate == Fate::HungUp {
            let told = line.tell(&self.request).await;
            return (!matches!(told, Err(Lost::Unsent(_)))).then_some(unknown);
        }
        let answered = match line.ask(&self.request, REQUEST_LIMIT).await {
            Ok(_) if wish.fate == Fate::Unheard => unknown,
            Ok(answer) => {
                let seats = wish.hall.as_ref().map_or(&[][..], |hall| &hall.seats);
                api::read(action, wish.key.is_some(), seats, &answer)
            }
            Err(Lost::Unsent(_)) => return None,
            Err(Lost::Unknown(_)) => return Some(unknown),
        };
        self.lines[target] = Some(line);
        Some(answered)
    }

    /// Writes the completion down, and learns from it.
    fn note(
        &self,
        action: Action,
        op: u64,
        due: u64,
        outcome: Outcome,
        mut done: Completion,
    ) -> Told {
        let at = self.world.scribe.now();
        (done.op, done.at) = (op, at);
        if outcome != Outcome::Fail && matches!(action, Action::Reserve | Action::Extend) {
            let hold_ms = done.hold_ms.filter(|_| action == Action::Reserve);
            self.world.may_have_granted(at, hold_ms);
        }
        if outcome != Outcome::Fail && action == Action::Confirm {
            self.world.bought(&self.user);
        }
        if self.census_end.is_none() {
            let kind = match outcome {
                Outcome::Ok => stats::Outcome::Ok,
                Outcome::Fail => stats::Outcome::Refused,
                Outcome::Info if done.status >= 500 => stats::Outcome::Fault,
                Outcome::Info => stats::Outcome::Unknown,
            };
            self.world.figures.lock().record(action, kind, at, at.saturating_sub(due));
        }
        let told = Told {
            outcome,
            at,
            reservation: done.reservation.clone(),
            hold_ms: done.hold_ms.unwrap_or_default(),
            map: done.map.clone().filter(|_| self.census_end.is_some()),
        };
        self.world.scribe.write(match outcome {
            Outcome::Ok => Line::Ok(done),
            Outcome::Fail => Line::Fail(done),
            Outcome::Info => Line::Info(done),
        });
        told
    }

    /// A target that this client is connected to: the preferred one, or the next that answers.
    async fn reach(&mut self, preferred: usize) -> Option<usize> {
        let count = self.lines.len();
        loop {
            for target in (preferred..preferred + count).map(|target| target % count) {
                if self.lines[target].as_ref().is_some_and(Connection::is_usable) {
                    return Some(target);
                }
                self.lines[target] = None;
                if self.world.is_away(target) {
                    continue;
                }
                let connecting = Connection::open(&self.world.targets[target], CONNECT_LIMIT);
                if let Ok(line) = connecting.await {
                    self.lines[target] = Some(line);
                    return Some(target);
                }
                self.world.found_away(target);
            }
            if Instant::now() >= self.end() {
                return None;
            }
            sleep(AWAY_PAUSE).await;
        }
    }
}

//! The connections of one client, at most one to each target, and requests over them.

use std::rc::Rc;
use std::time::Instant;

use tokio::time::sleep;

use super::limits::{AWAY_PAUSE, CONNECT_LIMIT, REQUEST_LIMIT};
use super::request::{OnAnswer, Request};
use super::world::World;
use crate::api;
use crate::client::{Connection, Lost};
use crate::history::{Action, Completion, Invoke, Outcome};

/// The connections of one client.
#[derive(Debug)]
pub(super) struct Connections {
    world: Rc<World>,
    /// The connection to each target, while it is open.
    open: Vec<Option<Connection>>,
    rendered: Vec<u8>,
}

impl Connections {
    pub(super) fn new(world: &Rc<World>) -> Self {
        let open = world.targets.iter().map(|_| None).collect();
        Self { world: Rc::clone(world), open, rendered: Vec::new() }
    }

    /// Connects to the preferred target, or else to the next that can be reached, and returns its
    /// place; `None` if there is none before `end`.
    pub(super) async fn reach(&mut self, preferred: usize, end: Instant) -> Option<usize> {
        let count = self.open.len();
        loop {
            for target in (preferred..preferred + count).map(|target| target % count) {
                if self.open[target].as_ref().is_some_and(Connection::is_usable) {
                    return Some(target);
                }
                self.open[target] = None;
                if self.world.is_away(target) {
                    continue;
                }
                let connecting = Connection::open(&self.world.targets[target], CONNECT_LIMIT);
                if let Ok(connection) = connecting.await {
                    self.open[target] = Some(connection);
                    return Some(target);
                }
                self.world.found_away(target);
            }
            if Instant::now() >= end {
                return None;
            }
            sleep(AWAY_PAUSE).await;
        }
    }

    /// Renders the request that is sent next.
    pub(super) fn render(&mut self, invoke: &Invoke, target: usize) {
        api::render(invoke, &self.world.targets[target], &mut self.rendered);
    }

    /// Sends the rendered request; `None` if it surely was not sent.
    pub(super) async fn exchange(
        &mut self,
        action: Action,
        request: &Request,
        target: usize,
    ) -> Option<(Outcome, Completion)> {
        let mut connection = self.open[target].take()?;
        let unknown = (Outcome::Info, Completion::default());
        if request.on_answer == OnAnswer::HangUp {
            let sent = connection.send_only(&self.rendered).await;
            return (!matches!(sent, Err(Lost::Unsent(_)))).then_some(unknown);
        }
        let answered = match connection.ask(&self.rendered, REQUEST_LIMIT).await {
            Ok(_) if request.on_answer == OnAnswer::Discard => unknown,
            Ok(answer) => {
                let seats = request.session.as_ref().map_or(&[][..], |session| &session.seats);
                api::read(action, request.key.is_some(), seats, &answer)
            }
            Err(Lost::Unsent(_)) => return None,
            Err(Lost::Unknown(_)) => return Some(unknown),
        };
        self.open[target] = Some(connection);
        Some(answered)
    }
}

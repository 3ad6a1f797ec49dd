//! The requests that a client can make, each with its effect on the run's figures.

use std::rc::Rc;

use super::caller::Caller;
use super::request::{Hold, Reply, Request};
use crate::history::{Action, Outcome, Session};
use crate::scenario::Scenario;

impl Caller {
    /// The session with this number in a scenario, opened when it is first asked for.
    pub(crate) async fn session(
        &self,
        of: Scenario,
        index: u32,
        seats: usize,
    ) -> Option<Rc<Session>> {
        self.world.session(of, index, seats).await
    }

    /// Reserves seats of a session, by their places in it; only the first if the server takes one
    /// seat at a time.
    pub(crate) async fn reserve(
        &mut self,
        session: &Rc<Session>,
        places: &[usize],
    ) -> Option<Result<Hold, Reply>> {
        let request = self.request_seats(session, places);
        let reply = self.ask(Action::Reserve, request.clone()).await?;
        Some(self.granted(request, reply))
    }

    /// The request of [`Self::reserve`].
    pub(crate) fn request_seats(&self, session: &Rc<Session>, places: &[usize]) -> Request {
        let count = if self.world.abilities.groups { places.len() } else { 1 };
        let seats = places.iter().take(count).map(|place| session.seats[*place].clone()).collect();
        Request { session: Some(Rc::clone(session)), seats, ..Request::default() }
    }

    /// The hold that was granted; the reply if none was.
    pub(crate) fn granted(&self, request: Request, reply: Reply) -> Result<Hold, Reply> {
        match (request.session, reply.reservation.clone()) {
            (Some(session), Some(reservation)) if reply.outcome == Outcome::Ok => {
                let until = reply.at + reply.hold_ms * 1_000;
                let hold = Hold { session, seats: request.seats, reservation, until };
                self.world.figures.lock().held(reply.at, until, hold.size());
                Ok(hold)
            }
            _ => Err(reply),
        }
    }

    /// Pays.
    pub(crate) async fn pay(&mut self, hold: &Hold) -> Option<Reply> {
        let reply = self.ask(Action::Confirm, hold.request()).await?;
        self.paid(hold, &reply);
        Some(reply)
    }

    /// Notes that a hold was paid, if it was.
    pub(crate) fn paid(&self, hold: &Hold, reply: &Reply) {
        if reply.outcome == Outcome::Ok {
            self.world.figures.lock().sold(reply.at, hold.until, hold.size());
        }
    }

    /// Cancels a hold, if the server can.
    pub(crate) async fn cancel(&mut self, hold: &Hold) -> Option<()> {
        if self.world.abilities.cancel {
            let reply = self.ask(Action::Cancel, hold.request()).await?;
            if reply.outcome == Outcome::Ok {
                self.world.figures.lock().released(reply.at, hold.until, hold.size());
            }
        }
        Some(())
    }

    /// Extends a hold, if the server can.
    pub(crate) async fn extend(&mut self, hold: &mut Hold) -> Option<()> {
        if self.world.abilities.extend {
            let reply = self.ask(Action::Extend, hold.request()).await?;
            if reply.outcome == Outcome::Ok {
                let later = reply.at + self.world.hold_micros();
                self.world.figures.lock().extended(hold.until, later, hold.size());
                hold.until = later;
            }
        }
        Some(())
    }

    /// Reads a reservation.
    pub(crate) async fn read_reservation(&mut self, hold: &Hold) -> Option<Reply> {
        self.ask(Action::Reservation, hold.request()).await
    }

    /// Reads a session's map.
    pub(crate) async fn read_seats(&mut self, session: &Rc<Session>) -> Option<Reply> {
        let request = Request { session: Some(Rc::clone(session)), ..Request::default() };
        self.ask(Action::Seats, request).await
    }

    /// Reads the user's sales.
    pub(crate) async fn read_sales(&mut self) -> Option<Reply> {
        self.ask(Action::Sales, Request::default()).await
    }
}

//! A client's requests and their replies, and the holds that they make.

use std::rc::Rc;

use crate::history::{Micros, Outcome, Session};

/// A request of a client; its user is the client's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) session: Option<Rc<Session>>,
    pub(crate) seats: Vec<String>,
    pub(crate) reservation: Option<String>,
    pub(crate) key: Option<String>,
    /// The preferred target, when it is not the client's own.
    pub(crate) target: Option<usize>,
    pub(crate) on_answer: OnAnswer,
}

/// A client's use of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnAnswer {
    /// It is read.
    #[default]
    Read,
    /// It arrives and is thrown away: its outcome is unknown.
    Discard,
    /// The client hangs up as soon as it has sent the request: its outcome is unknown.
    HangUp,
}

/// An answer, as far as a client uses it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) outcome: Outcome,
    pub(crate) at: Micros,
    pub(crate) reservation: Option<String>,
    pub(crate) hold_ms: u64,
    /// The seat map; only for the census.
    pub(crate) map: Option<String>,
}

/// Seats that a client holds.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub(crate) session: Rc<Session>,
    pub(crate) seats: Vec<String>,
    pub(crate) reservation: String,
    /// When it lapses, on the run's clock.
    pub(crate) until: Micros,
}

impl Hold {
    /// A request about its reservation.
    pub(crate) fn request(&self) -> Request {
        Request {
            session: Some(Rc::clone(&self.session)),
            seats: self.seats.clone(),
            reservation: Some(self.reservation.clone()),
            ..Request::default()
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a session has fewer seats")]
    pub(crate) fn size(&self) -> u32 {
        self.seats.len() as u32
    }
}

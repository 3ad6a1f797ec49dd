//! The rules of the box office, and nothing else.
//!
//! A [`Command`] asks for a change; [`decide`] says what the rules answer, given the [`Facts`] that
//! a store has loaded and the time: a list of [`Event`]s, or a [`Refusal`]. [`apply`] folds an event
//! into the facts. Everything here is pure: no I/O, no clock, no randomness. New ids and the time
//! arrive as arguments, so the same question always gets the same answer.

mod apply;
mod command;
mod decide;
mod event;
mod facts;
mod id;
mod layout;
mod money;
mod refusal;
mod reservation;
mod sale;
mod seat;
mod session;
mod time;

pub use apply::apply;
pub use command::{Command, SeatSelection, SelectionError};
pub use decide::decide;
pub use event::Event;
pub use facts::Facts;
pub use id::{ReservationId, SaleId, SeatId, SeatNo, SessionId, UserId};
pub use layout::{Layout, LayoutError};
pub use money::{Cents, MoneyError};
pub use refusal::{Refusal, SeatTaken};
pub use reservation::{Reservation, ReservationStatus};
pub use sale::Sale;
pub use seat::{Seat, SeatState, SeatStatus};
pub use session::{Session, SessionChange};
pub use time::Timestamp;

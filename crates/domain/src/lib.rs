//! The rules of the box office, and nothing else.
//!
//! A [`Command`] asks for a change, for an [`Actor`]. Its [`ReadSet`] names the rows that a store has
//! to lock and load. [`decide`] says what the rules answer, given those [`Facts`] and the time: a list
//! of [`Event`]s, or a [`Refusal`]. [`apply`] folds an event into the facts, and [`Changes`] are the
//! rows that a store then has to write. Everything here is pure: no I/O, no clock, no randomness. New
//! ids and the time arrive as arguments, so the same question always gets the same answer.
//!
//! The modules are in order, lowest first: each uses only those above it.

mod time;
mod decimal;
mod money;
mod id;
mod actor;
mod layout;
mod seat;
mod session;
mod reservation;
mod sale;
mod refusal;
mod command;
mod event;
mod facts;
mod read_set;
mod changes;
mod decide;
mod apply;

pub use actor::Actor;
pub use apply::apply;
pub use changes::{ChangedSeat, ChangedSession, Changes};
pub use command::{Command, SeatSelection, SelectionError};
pub use decide::decide;
pub use decimal::{Decimal, DecimalError};
pub use event::{Event, EventKind};
pub use facts::Facts;
pub use id::{ReservationId, SaleId, SeatId, SeatNo, SessionId, UserId};
pub use layout::{Layout, LayoutError};
pub use money::{Cents, MoneyError};
pub use read_set::ReadSet;
pub use refusal::{Refusal, SeatTaken};
pub use reservation::{Reservation, ReservationStatus};
pub use sale::Sale;
pub use seat::{Seat, SeatState, SeatStatus};
pub use session::{Precondition, Session, SessionChange, Showing};
pub use time::Timestamp;

//! The measurements of a run: how many answers of which kind, how long they took, and how both
//! went over time. Writing them for people is left to [`report`](crate::report).
//!
//! The crowd notes each answer in a [`Recorder`], which is read as [`Stats`] and [`Series`]. Memory
//! depends on neither the rate nor the length of the run. Latencies count from when a request was
//! meant to be sent, so that a server that stalls cannot hide the clients it kept waiting; every
//! outcome counts, for a refusal after a second is a second of waiting too.

mod counts;
mod totals;
mod series;
mod recorder;

pub use counts::{Counts, Outcome};
pub use recorder::{Glance, Recorder, Shared};
pub use series::{Point, SLOTS, Series};
pub use totals::{ActionRow, Latency, Row, Stats};

pub(crate) use totals::rounded;

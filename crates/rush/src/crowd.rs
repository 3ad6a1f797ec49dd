//! The crowd: many clients on one thread, each with its own choices. Judging their history is left
//! to [`judge`](crate::judge).
//!
//! One thread is enough, because asking costs a fraction of what answering costs; and the clock,
//! the numbering and the sessions that all share need no locks.

mod limits;
mod opening;
mod probe;
mod scribe;
mod world;
mod request;
mod connections;
mod pace;
mod closing;
mod caller;
mod actions;
mod play;
mod plan;

pub(crate) use caller::Caller;
pub(crate) use closing::close_sessions;
pub(crate) use plan::Plan;
pub(crate) use probe::Abilities;
pub(crate) use scribe::{BATCHES_MAX, Scribe};
pub(crate) use world::World;

pub use probe::Away;

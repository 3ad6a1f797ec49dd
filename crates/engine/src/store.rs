//! The source of truth: a store loads the facts of a batch, guards what it writes, and saves.
//!
//! No rule lives here. There are two stores with the same tables: [`sqlite`], embedded in the
//! program, and [`postgres`], a server that many instances share. [`Store::open`] chooses one,
//! once, by its [`Location`]; everything else goes through the [`Store`].

pub mod error;
pub mod answer;
pub mod batch;
pub mod background;
pub mod query;
pub mod migrations;
mod held_as;
mod search;
mod options;
pub mod sqlite;
pub mod postgres;
pub mod location;
pub mod writer;
mod opened;
mod queries;

pub use error::Error;
pub use location::Location;
pub use opened::{OpenError, Opened, Store, Trouble};
pub use options::Options;

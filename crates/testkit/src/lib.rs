//! Parts that the tests and benchmarks of every crate share. Never a dependency of the program.
//!
//! [`engines`] starts servers, [`app`] opens a box office in the test's own process, [`program`]
//! starts the built program in another and [`client`] talks to it; [`sql`] looks into the database
//! of either, and [`books`] checks that the tables agree. A failure here fails its test.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a failure here fails a test")]
#![allow(clippy::return_self_not_must_use, reason = "an answer that was checked may be dropped")]

pub mod module_order;
pub mod dice;
pub mod files;
pub mod wait;
pub mod process;
pub mod client;
pub mod program;
pub mod sql;
pub mod engines;
pub mod books;
pub mod place;
pub mod app;

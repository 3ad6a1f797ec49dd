//! The report of a run: its settings, its figures, and the verdict, as [`text`], as JSON, or as one
//! [page](html) that needs no network. Measuring is left to [`stats`](crate::stats), and judging to
//! [`judge`](crate::judge).

pub(crate) mod figures;
mod machine;
mod verdict;
mod ids;
mod json;
mod summary;
pub mod text;
pub mod html;

pub use json::{FORMAT, Report, Run};
pub use machine::{Machine, started};
pub use verdict::{Check, Evidence, Verdict, Violation};

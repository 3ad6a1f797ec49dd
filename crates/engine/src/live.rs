//! Which answers to reads are still right.

pub mod stamps;

pub use stamps::{Changing, Stamp, Stamps};

//! The parts put together for each thing that the program can do with them.

pub mod options;
pub mod running;
pub mod dead_letters;
pub mod migrate;
pub mod seed;
mod serve;

pub use running::Running;
pub use serve::serve;

//! The operations of the program (serve, seed, migrate, …), each put together from its parts.

pub mod options;
pub mod running;
pub mod dead_letters;
pub mod migrate;
pub mod seed;
mod serve;

pub use running::Running;
pub use serve::serve;

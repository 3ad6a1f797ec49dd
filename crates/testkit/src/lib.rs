//! What the tests and benchmarks of every crate share. Never a dependency of the program.

pub mod module_order;

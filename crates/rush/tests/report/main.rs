//! Reports of made-up runs, in each of their forms, and the order of the crate's modules.

mod modules;
mod page;
mod sample;
mod written;

//! What is so of a PostgreSQL alone, whatever the other stories are told of: instances that share it,
//! its locks, its clock, and what befalls it.

mod opening;
mod clocks;
mod faults;
mod hosts;
mod instances;
mod migrating;
mod pooler;
mod searching;
mod settings;
mod starting;
mod sweeping;
mod waiting;

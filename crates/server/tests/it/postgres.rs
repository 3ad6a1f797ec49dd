//! Stories that always run on PostgreSQL, whichever store the others use: instances that share it,
//! its locks, its clock, and its faults.

mod opening;
mod clocks;
mod faults;
mod hosts;
mod instances;
mod migrating;
mod plans;
mod pooler;
mod searching;
mod settings;
mod starting;
mod sweeping;
mod waiting;

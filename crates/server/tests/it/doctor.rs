//! The doctor finds each fault, and the fix that it prints works.
//!
//! Fixes are run as they are printed, by a shell, where an administrator would run them.

mod findings;
mod postgres;
mod rabbitmq;
mod redis;
mod sqlite;

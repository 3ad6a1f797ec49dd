//! The doctor finds what is wrong, and what it says to do about it works.
//!
//! Commands are run as they are told, by a shell, where an administrator would run them.

mod findings;
mod postgres;
mod rabbitmq;
mod redis;
mod sqlite;

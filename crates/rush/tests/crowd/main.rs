//! The crowd itself: what it sends, and how it takes what comes back.

#![allow(clippy::unwrap_used, reason = "helpers fail their test as well as tests do")]

#[path = "../liars/office.rs"]
mod office;

mod lines;
mod same_seed;

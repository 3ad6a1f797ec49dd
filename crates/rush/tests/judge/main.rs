//! The judge, proven: each check on honest histories and on each way of lying, and random honest
//! servers that it must never convict.

#![allow(clippy::unwrap_used, reason = "helpers fail their test as well as tests do")]

mod chance;
mod honest;
mod kept;
mod lies;
mod random;
mod story;
mod theatre;

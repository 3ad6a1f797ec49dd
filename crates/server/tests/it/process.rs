//! The program as it is run: the built binary in a folder of its own, on a port of its own, and
//! what happens to it there: `kill -9`, signals, slow clients, a full disk, wrong settings.
//!
//! Rules are tested elsewhere; these tests look at what only a whole process can get wrong. Nothing
//! sleeps: whatever takes its time is waited for with [`wait_until`](poltrona_testkit::wait::wait_until).

#![allow(clippy::unwrap_used, reason = "helpers fail their test as well as tests do")]

mod fences;
mod balancer;
mod commands;
mod connections;
mod crash;
mod deleted;
mod durability;
mod doctor;
mod full_disk;
mod offered;
mod pages;
mod progress;
mod readme;
mod rush;
mod shutdown;
mod smuggling;
mod stack;
mod startup;
mod systemd;
mod tls;
mod traces;

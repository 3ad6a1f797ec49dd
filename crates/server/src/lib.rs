//! The program `poltrona`: a box office that sells cinema seats over HTTP, and never one twice.
//!
//! Imports point one way: [`http`] and the consumers → [`ledger`] → [`store`], [`seat_lock`], [`bus`] → the pure
//! crate `poltrona_domain`. `ARCHITECTURE.md` tells the whole in ten minutes.

pub mod app;
pub mod bus;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod envelope;
pub mod expiry;
pub mod failpoint;
pub mod http;
pub mod ids;
pub mod ledger;
pub mod observe;
pub mod read_models;
pub mod relay;
pub mod retention;
pub mod seat_lock;
pub mod store;
pub mod telemetry;
pub mod wire;

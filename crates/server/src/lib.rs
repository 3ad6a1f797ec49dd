//! The program `poltrona`: a box office that sells cinema seats over HTTP, and never one twice.
//!
//! `poltrona_engine` decides, stores and publishes; `poltrona_domain` has the rules.
//! `ARCHITECTURE.md` describes both. The modules are in order: each uses only those above it.

pub mod config;
pub mod failure;
pub mod banner;
pub mod systemd;
mod open_files;
pub mod telemetry;
pub mod demo;
pub mod http;
pub mod app;
pub mod doctor;
pub mod cli;

//! The program `poltrona`: a box office that sells cinema seats over HTTP, and never one twice.
//!
//! What decides, keeps and announces is `poltrona_engine`'s; the rules are `poltrona_domain`'s.
//! `ARCHITECTURE.md` tells the whole in ten minutes.

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod http;
pub mod telemetry;

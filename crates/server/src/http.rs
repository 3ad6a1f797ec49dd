//! The API over HTTP: a table of routes, a handler for each, and layers around them.

pub mod rule;
pub mod code;
pub mod error;
mod text;
mod negotiation;
mod preferences;
mod kind;
pub mod represent;
pub mod coalesce;
mod schema;
mod pattern;
mod seat_map;
pub mod meters;
mod request_log;
pub mod state;
mod response;
mod call;
pub mod body;
pub mod fields;
pub mod extract;
pub mod route;
mod precondition;
mod api;
mod layer;
mod examples;
pub mod routes;
pub mod openapi;
mod paths;
mod docs;
mod router;
mod head_timeout;
mod connections;
pub mod server;

pub use router::{Router, router};

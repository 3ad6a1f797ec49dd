//! This API on the wire: an [`Invoke`](crate::history::Invoke) becomes a request, and an answer
//! becomes a [`Completion`](crate::history::Completion). Sending is left to
//! [`client`](crate::client).
//!
//! Servers that implement only part of the API are understood too: one `seatId` in place of
//! `seatIds`, no totals, prices as text, held seats that are `AVAILABLE` but locked.

mod request;
mod answer;

pub use answer::{Created, read, read_session};
pub use request::{render, render_closing, render_health, render_session};

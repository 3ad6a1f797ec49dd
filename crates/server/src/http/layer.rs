//! The layers around the handlers: each does one thing, in one file.
//!
//! From outside: [`identify`], [`cors`], [`traced`] where there are traces, [`around`], the routes,
//! and around each handler [`of_route`], as its row in the table wants it.

pub(super) mod identify;
pub(super) mod cors;
mod normalise;
mod time_limit;
mod etag;
mod compress;
mod record;
pub(super) mod around;
pub(super) mod of_route;
pub(super) mod traced;

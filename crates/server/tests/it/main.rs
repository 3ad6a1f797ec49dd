//! Tests of the whole program, each a story through its public surfaces.
//!
//! Each test is one story: it opens a box office of its own, on a clock that stands still until the
//! story moves it, asks what a client would ask, and looks at what a client would see. `process`
//! runs the real program; everything else calls the API in process, without sockets. A PostgreSQL,
//! a Redis or a RabbitMQ comes from `engines`.

mod allocations;
mod architecture;
mod bodies;
mod cancelling;
mod closing_sessions;
mod compression;
mod contract;
mod departures;
mod determinism;
mod deploy;
mod documents;
mod edge;
mod escapes;
mod events;
mod expiry;
mod extending;
mod groups;
mod health;
mod idempotency;
mod kept;
mod mutations;
mod openapi;
mod overload;
mod paging;
mod payments;
mod searching;
mod postgres;
mod process;
mod races;
mod read_models;
mod reservations;
mod restarts;
mod seat_lock;
mod seats;
mod sessions;
mod traces;
mod upgrades;
mod rabbitmq;
mod doctor;
mod updating_sessions;
mod validation;

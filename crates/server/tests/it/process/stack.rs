//! Three instances over a PostgreSQL, a Redis and a RabbitMQ of a test's own, a crowd before them,
//! and faults meanwhile.
//!
//! `poltrona rush` is the crowd and judges the answers; then the database is audited.

mod instances;
mod books;
mod faults;
mod killed;
mod races;
mod restarts;

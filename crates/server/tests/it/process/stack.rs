//! Three instances over a PostgreSQL, a Redis and a RabbitMQ of a test's own, a crowd before them, and
//! what is done to them meanwhile.
//!
//! `poltrona rush` is the crowd and judges what it was told; then the books are looked at.

mod instances;
mod books;
mod faults;
mod killed;
mod races;
mod restarts;

//! The engine seen from outside: counters and times, spans, and the limit on lines of the log.
//!
//! Owns the meters and the spans. The program decides where they go, to a page or to a collector.

pub mod broker_meters;
pub mod line_limit;
pub mod metrics;
pub mod traceparent;
pub mod traces;

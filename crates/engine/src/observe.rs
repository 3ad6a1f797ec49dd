//! The engine seen from outside: counters and times, and spans.
//!
//! Owns what is counted and what is worth a span. Where either goes, to a page or to a collector, is the
//! program's to say.

pub mod broker_meters;
pub mod metrics;
pub mod traceparent;
pub mod traces;

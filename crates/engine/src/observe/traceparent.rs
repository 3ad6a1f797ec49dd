//! The name of a span in messages between programs: W3C's `traceparent`, in the headers of HTTP and
//! AMQP and in the events (<https://www.w3.org/TR/trace-context/#traceparent-header>).
//!
//! `00-<trace, 32 hex digits>-<span, 16>-<flags, 2>`; the lowest flag says that the trace is recorded.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The name of the header, and of the attribute of an event.
pub const NAME: &str = "traceparent";
/// The header with what other tracing systems add, which is handed on as it came.
pub const STATE: &str = "tracestate";

/// The span that a `traceparent` names; `None` where it names none.
pub fn read(text: &str) -> Option<SpanContext> {
    let mut parts = text.trim().splitn(5, '-');
    let mut hex = |digits: usize| parts.next().filter(|part| is_hex(part, digits));
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    // A later version may add parts, version 00 may not; `ff` is no version.
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// The id of the trace that a `traceparent` names, as log lines have it.
pub fn trace(text: &str) -> Option<String> {
    read(text).map(|context| context.trace_id().to_string())
}

/// The `traceparent` that names a span.
pub fn write(context: &SpanContext) -> String {
    let flags = (context.trace_flags() & TraceFlags::SAMPLED).to_u8();
    format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id())
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_written_as_it_was_read() {
        let quiet = RECORDED.replace("-01", "-00");
        for (text, recorded) in [(RECORDED, true), (&quiet, false)] {
            let context = read(text).unwrap();
            assert_eq!(write(&context), text);
            assert!(context.is_remote());
            assert_eq!(context.is_sampled(), recorded);
        }
    }

    #[test]
    fn later_versions_are_understood_as_far_as_this_one_goes() {
        let later = RECORDED.replacen("00", "02", 1).replace("-01", "-09") + "-more-of-it";
        assert_eq!(write(&read(&later).unwrap()), RECORDED);
    }

    #[test]
    fn what_is_malformed_names_nothing() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for text in [
            String::new(),
            RECORDED.replacen("00", "ff", 1),
            RECORDED.replacen("00", "0", 1),
            format!("{RECORDED}-more"),
            RECORDED.replace("-01", ""),
            RECORDED.replace("-01", "-1"),
            RECORDED.replace("-01", "-+1"),
            RECORDED.to_uppercase(),
            RECORDED.replace(trace, &trace[1..]),
            RECORDED.replace(trace, &"0".repeat(32)),
            RECORDED.replace("00f067aa0ba902b7", &"0".repeat(16)),
        ] {
            assert!(read(&text).is_none(), "{text}");
        }
    }
}

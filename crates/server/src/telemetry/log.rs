//! The log: lines on stderr, written by a thread of their own.
//!
//! A bounded buffer stands before that thread, so that a slow terminal or pipe never delays a sale.
//! When the buffer is full lines are dropped, and the end of the program reports how many.

use std::io::{self, IsTerminal as _};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt as _;

use super::layer::{Lines, Shape};
use crate::config::{Config, LogFormat, log_filter};
use poltrona_engine::env::clock::Clock;

/// How many lines may wait for a slow reader: one second at full speed, at one line a request.
const BUFFERED_LINES: usize = 65_536;

/// Writes log lines while it is alive; dropping it writes the buffered ones.
#[must_use = "lines are written only while this is alive"]
pub struct Telemetry {
    writer: Option<WorkerGuard>,
    dropped: ErrorCounter,
    console: NonBlocking,
}

impl Telemetry {
    /// A writer of other text for people: to stderr, after the lines that were logged before it. No
    /// line gets into the middle of one write.
    pub fn console(&self) -> NonBlocking {
        self.console.clone()
    }

    /// How many lines were dropped so far because stderr was read too slowly.
    pub fn dropped_lines(&self) -> usize {
        self.dropped.dropped_lines()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // Dropping the guard waits for the buffered lines, so that the count below comes last.
        drop(self.writer.take());
        let dropped = self.dropped_lines();
        if dropped > 0 {
            eprintln!("{dropped} log lines were dropped, for stderr was read too slowly");
        }
    }
}

/// Sends log lines and panics to stderr in the configured format, in colour if `colours` is set and
/// stderr is a terminal. Only the first call in a process has an effect.
pub fn init(config: &Config, colours: bool) -> Telemetry {
    let terminal = io::stderr().is_terminal();
    let shape = shape(config.log_format, terminal, colours);
    let (stderr, writer) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(BUFFERED_LINES)
        .thread_name("log")
        .finish(io::stderr());
    let (dropped, console) = (stderr.error_counter(), stderr.clone());
    let subscriber = tracing_subscriber::registry()
        .with(log_filter(&config.log_level))
        .with(Lines::new(shape, Clock::System, stderr));
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Telemetry { writer: Some(writer), dropped, console }
}

fn shape(format: LogFormat, terminal: bool, colours: bool) -> Shape {
    match format {
        LogFormat::Json => Shape::Json,
        LogFormat::Auto if !terminal => Shape::Json,
        LogFormat::Auto | LogFormat::Pretty => Shape::Pretty { colour: terminal && colours },
    }
}

/// Logs a panic as a line like any other, so that log readers find it.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    tracing::error!(target: "panic", place, thread, "{message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_for_people_on_a_terminal_and_for_machines_elsewhere() {
        let plain = Shape::Pretty { colour: false };
        let coloured = Shape::Pretty { colour: true };
        assert_eq!(shape(LogFormat::Auto, true, true), coloured);
        assert_eq!(shape(LogFormat::Auto, true, false), plain);
        assert_eq!(shape(LogFormat::Auto, false, true), Shape::Json);
        assert_eq!(shape(LogFormat::Pretty, false, true), plain);
        assert_eq!(shape(LogFormat::Json, true, true), Shape::Json);
    }
}

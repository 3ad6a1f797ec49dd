//! Data on stdout.

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;

use crate::failure::Failure;
use poltrona_engine::text;

/// Prints lines, ending with a line break. Characters that act on a terminal are escaped.
pub(super) fn print(lines: &str) -> Result<(), Failure> {
    print_bytes(format!("{}\n", for_terminal(lines)).as_bytes())
}

/// Lines without what would act on a terminal.
pub fn for_terminal(lines: &str) -> String {
    lines.lines().map(text::printable).collect::<Vec<_>>().join("\n")
}

/// Prints bytes as they are.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // A reader such as `head` has read enough, and closed the pipe.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome.context("cannot write to stdout")?),
    }
}

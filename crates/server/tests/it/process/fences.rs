//! The fences of a Markdown file: its commands, and what it says that they print.
//!
//! `sh` fences are run in their order by one shell. A `text` or `json` fence right below one is what it
//! prints. Commands in `console` fences and in sentences are for another day: what they name must exist.

mod document;
mod shell;

pub(super) use document::{Document, code_spans, section};
pub(super) use shell::{check, run, script};

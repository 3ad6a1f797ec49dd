//! A report as one page that needs nothing else: no script, no font, no picture from elsewhere.
//!
//! The page declares by its own policy that it loads nothing, so that a browser enforces it; all
//! text that a server may have supplied is escaped.

mod axis;
mod outline;
mod escape;
mod plot;
mod over_time;
mod ranges;
mod timeline;
mod judged;
mod page;

pub use page::write;

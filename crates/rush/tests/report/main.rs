//! Reports of made-up runs, in each of their forms.

mod page;
mod sample;
mod written;

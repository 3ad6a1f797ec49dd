//! Reports of made-up runs, in each of their forms.

mod sample;
mod written;

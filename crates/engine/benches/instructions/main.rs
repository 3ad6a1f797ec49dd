//! The hot paths, each run once and short, for `scripts/check-instructions`, which has Valgrind count their
//! instructions. A count repeats where times do not: the same build, inputs and clock give the same number
//! on any machine of a kind, whatever else runs there.
//!
//! Without arguments it prints the names of the cases; with one of them it runs that case. Only what runs
//! within [`measured`] counts.

mod engine;
mod rules;

use std::hint::black_box;
use std::process::ExitCode;

/// The cases by name.
const CASES: &[(&str, fn())] = &[
    ("rules/reserve", rules::reserve),
    ("rules/confirm", rules::confirm),
    ("rules/expire", rules::expire),
    ("sqlite/reserve", engine::reserve),
    ("sqlite/refuse", engine::refuse),
    ("sqlite/confirm", engine::confirm),
    ("sqlite/expire", engine::expire),
    ("sqlite/retry", engine::retry),
];

fn main() -> ExitCode {
    let name = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let Some(name) = name else {
        for (name, _) in CASES {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, run)) = CASES.iter().find(|(case, _)| *case == name) else {
        eprintln!("no case is called {name}; without a name, all names are printed");
        return ExitCode::from(2);
    };
    run();
    ExitCode::SUCCESS
}

/// Runs the part of a case that counts. Valgrind finds this function by its name.
#[inline(never)]
fn measured<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

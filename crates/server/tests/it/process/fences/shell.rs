//! `sh` fences run by one shell, and their output held against what the page shows.

use std::process::Command;

use poltrona_testkit::program::printed;

use super::document::{Fence, shows};

/// Printed between two fences' outputs.
const NEXT: char = '\u{1e}';

/// The fences' commands as one script, each line of them as `adapted` has it.
pub(in crate::process) fn script(fences: &[Fence], adapted: impl Fn(&str) -> String) -> String {
    let fence = |fence: &Fence| {
        let lines: String =
            fence.commands.lines().flat_map(|line| [adapted(line), "\n".to_owned()]).collect();
        format!("{lines}printf '{NEXT}'\n")
    };
    fences.iter().map(fence).collect()
}

/// Runs a script of fences; gives the output of each.
pub(in crate::process) fn run(mut shell: Command, script: &str) -> Vec<String> {
    let output = printed(shell.args(["-euo", "pipefail", "-c", script]).output().unwrap());
    let mut outputs: Vec<_> = output.split(NEXT).map(str::to_owned).collect();
    assert_eq!(outputs.pop().as_deref(), Some(""), "{output}");
    outputs
}

/// Fails unless each fence printed what its page shows.
pub(in crate::process) fn check(fences: &[Fence], outputs: &[String]) {
    assert_eq!(outputs.len(), fences.len(), "{outputs:?}");
    for (fence, output) in fences.iter().zip(outputs) {
        if let Some(shown) = &fence.shown {
            assert!(shows(shown, output), "{shown}\nwas shown, and it is\n{output}");
        }
    }
}

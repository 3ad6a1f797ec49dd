//! `poltrona rush`: the verdict is on stdout, and the exit code repeats it.

use poltrona_rush::{Args, Exit};

use crate::failure::Failure;

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match poltrona_rush::run(args)? {
        Exit::Kept => Ok(()),
        Exit::Broken => Err(Failure::Broken),
        Exit::Away => Err(Failure::Away("no target can be reached".to_owned())),
    }
}

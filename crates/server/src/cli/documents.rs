//! `poltrona openapi`, `completions` and `man`: documents about the program.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command, ValueEnum};

use super::print::{print, print_bytes};
use crate::failure::Failure;
use crate::http::openapi;

#[derive(Debug, Args)]
pub(super) struct OpenapiArgs {
    /// The format of the document.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Json,
    Yaml,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell to print the script for.
    shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// A folder for one page a command; it is created when it is missing.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn openapi(args: &OpenapiArgs) -> Result<(), Failure> {
    match args.format {
        Format::Json => print(&openapi::json()),
        Format::Yaml => print(&openapi::yaml()),
    }
}

/// Prints the script for `program`, the whole command line.
pub(super) fn completions(args: &CompletionsArgs, program: &mut Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, program, "poltrona", &mut script);
    print_bytes(&script)
}

/// Prints the page of `program`, the whole command line, or writes the pages of all commands.
pub(super) fn man(args: &ManArgs, program: Command) -> Result<(), Failure> {
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(program, folder))
            .with_context(|| format!("cannot write manual pages to {}", folder.display()))?;
        return Ok(());
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(program).render(&mut page).map_err(anyhow::Error::from)?;
    print_bytes(&page)
}

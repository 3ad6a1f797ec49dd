//! Measures the box office: the real program, in a process of its own, driven over HTTP.
//!
//! `cargo bench -p poltrona --bench bench -- [CASE…]` runs the cases and prints a table for
//! each; `--help` lists them. What is measured is measured beside something that it can be compared
//! with, in the same minute on the same machine, and the ratio is what counts. After each case the
//! seats are counted in the database: a figure that was reached by selling a seat twice, or by
//! forgetting one, ends the program with an error.
//!
//! The client is one thread, so that it costs less than what it measures; tables say what it cost.

mod times;
mod machine;
mod report;
mod requests;
mod metrics;
mod client;
mod remote;
mod setup;
mod postgres;
mod data;
mod house;
mod census;
mod ceiling;
mod fill;
mod server;
mod load;
mod open_loop;
mod testbed;
mod task;
mod cases;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use poltrona_engine::env::clock::Clock;
use poltrona_engine::wire::Time;

use cases::Case;
use machine::{Folder, Machine};
use remote::{Remote, RemotePid};
use report::{Measured, Program, Record, Settings};
use setup::Setup;
use testbed::Testbed;

/// The ceiling's server runs in this program, and is to allocate as the real one does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the box office, and prints tables.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// The cases to measure. Without any: all but `growth`, or, with --url, that comparison.
    #[arg(value_enum)]
    cases: Vec<Case>,
    /// How often each thing is measured, by turns with what it is compared with.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// How long each measurement lasts, after a warm-up of half that.
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,
    /// Folder for the databases, on the disk to be measured; what it holds is deleted.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The program to measure, to compare builds.
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_poltrona"))]
    program: PathBuf,
    /// Another program, such as an older build: whatever is measured is measured on both by turns, with the
    /// ratios of throughput and CPU time.
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// A running server with this API to measure beside ours, such as `reference=http://127.0.0.1:3001`.
    #[arg(long = "url", value_name = "NAME=URL")]
    urls: Vec<Remote>,
    /// A process of that server, such as `reference=1234`, to read its CPU time.
    #[arg(long = "pid", value_name = "NAME=PID")]
    pids: Vec<RemotePid>,
    /// Write all that was measured to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put the tables into docs/performance.md, and the figures into docs/performance.json.
    #[arg(long)]
    write: bool,
    /// Measure nothing; fail if docs/performance.md differs from docs/performance.json, or, with --write,
    /// make the page's tables anew.
    #[arg(long)]
    check_page: bool,
    /// A further flag for `poltrona serve`, such as `--with=--log-level=warn`.
    #[arg(long = "with", value_name = "FLAG", allow_hyphen_values = true)]
    with: Vec<String>,
    /// Measure the least that tells whether the aim is reached, and fail if it is not: of `overload`.
    #[arg(long)]
    check: bool,
    /// Count the reservations' fsyncs with `strace` too.
    #[arg(long)]
    strace: bool,
    /// Given by `cargo bench`, and not by `cargo test`.
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((ceiling::ARGUMENT, rest)) =
        arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return ceiling::serve(rest);
    }
    // `cargo test --all-targets` runs this too, with the tests' arguments.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured but by `cargo bench`");
        return Ok(());
    }
    let options = Options::parse();
    if options.check_page && options.write {
        return report::write_page(&Record::default());
    }
    if options.check_page {
        return report::check_page();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(options))
}

async fn measure(options: Options) -> anyhow::Result<()> {
    let folder = Folder::make(&options.data.unwrap_or_else(beside_the_program))?;
    let machine = Machine::inspect(&folder)?;
    println!("{machine}");
    let setup = Setup {
        program: program(&options.program)?,
        beside: options.beside.as_deref().map(program).transpose()?,
        remotes: options.urls.into_iter().map(|remote| remote.with(&options.pids)).collect(),
        with: options.with,
        runs: options.runs,
        window: Duration::try_from_secs_f64(options.seconds).context("--seconds")?,
        strace: options.strace,
        check: options.check,
        folder,
    };
    let cases = if options.cases.is_empty() { Case::default_of(&setup) } else { options.cases };
    let programs = programs(&setup)?;
    let settings =
        Settings { runs: setup.runs, seconds: options.seconds, with: setup.with.clone() };
    let (testbed, mut record) = (Testbed::new(setup), Record::default());
    for case in cases {
        let sections =
            case.run(&testbed).await.with_context(|| format!("the case {case:?} is void"))?;
        let measured = sections.into_iter().map(|section| Measured {
            at: Time(Clock::System.now()).to_string(),
            machine: machine.clone(),
            programs: programs.clone(),
            settings: settings.clone(),
            section,
        });
        record.add(measured.collect());
        // After each case, for a later one may fail.
        if let Some(file) = &options.json {
            record.write(file)?;
        }
        if options.write {
            report::write_page(&record)?;
        }
    }
    Ok(())
}

fn program(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("no program at {}", path.display()))
}

/// The counters of the programs under measurement.
fn programs(setup: &Setup) -> anyhow::Result<Vec<Program>> {
    let built = program(Path::new(env!("CARGO_BIN_EXE_poltrona"))).ok();
    let program = |side: &setup::Side| {
        let path = side.program.as_deref().unwrap_or(&setup.program);
        let version = Command::new(path).arg("--version").env_clear().output()?.stdout;
        let version = String::from_utf8_lossy(&version).trim().to_owned();
        let commit = (built.as_deref() == Some(path)).then(commit).flatten();
        anyhow::Ok(Program { side: side.name.clone(), version, commit })
    };
    setup.programs().iter().map(program).collect()
}

/// The commit that is checked out, with a `+` when files differ from it.
fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty=+", "--exclude=*"]);
    let output = git.current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    Some(text).filter(|text| output.status.success() && !text.is_empty())
}

/// `target/bench-data`: where the program was built there is room, and a real disk.
fn beside_the_program() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_poltrona")).ancestors().nth(2);
    target.unwrap_or(Path::new("target")).join("bench-data")
}

//! The command line carried out: a whole run (probe, crowd, census, verdict, report), or the
//! judging of a kept history.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::args::{Args, Command};
use crate::census::{self, Census};
use crate::client::Target;
pub use crate::crowd::Away;
use crate::crowd::{Abilities, BATCHES_MAX, Plan, Scribe, World, close_sessions};
use crate::history::{Line, Run};
use crate::judge::{self, Verdict};
use crate::progress::{Progress, Subject};
use crate::report::{self, Report};
use crate::scenario::Scenario;
use crate::stats;

/// The version that a history and a report name.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every promise was kept, as far as the history shows.
    Kept = 0,
    /// A promise was broken, or the command failed.
    Broken = 1,
    /// No target can be reached.
    Away = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The figures, and the verdict in a report's form.
    pub report: Report,
    /// The verdict.
    pub verdict: Verdict,
    /// How much the census covered.
    pub census: Census,
}

/// Carries out the command line, and writes its result on stdout.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(Command::Judge { file, json }) = &args.command {
        return judge_again(file, *json);
    }
    let outcome = match rush(args) {
        Err(error) if error.is::<Away>() => {
            eprintln!("{error}");
            return Ok(Exit::Away);
        }
        done => done?,
    };
    keep(&outcome.report, args)?;
    let mut stdout = io::stdout().lock();
    if args.quiet {
        outcome.report.notes.iter().for_each(|note| eprintln!("note: {note}"));
        writeln!(stdout, "{}", outcome.report.summary())?;
    } else {
        report::text::write(&outcome.report, &mut stdout)?;
    }
    Ok(if outcome.verdict.is_clean() { Exit::Kept } else { Exit::Broken })
}

/// Runs a crowd against the targets and judges its history. Fails with an [`Away`] when no target
/// can be reached.
pub fn rush(args: &Args) -> anyhow::Result<Outcome> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (targets, abilities) = runtime.block_on(probe(&args.target))?;
    let history = args.history.as_deref().map(create).transpose()?;
    let (to, from) = mpsc::sync_channel(BATCHES_MAX);
    let judge = thread::Builder::new().name("judge".to_owned());
    let judge = judge.spawn(move || judge_lines(&from, history))?;
    let scribe = Scribe::new(to);
    scribe.write(Line::Run(Run {
        scenario: args.scenario.to_string(),
        seed: args.seed,
        targets: args.target.clone(),
        clients: args.clients,
        version: VERSION.to_owned(),
    }));
    let started = report::started();
    let server = abilities.server.clone();
    let figures = stats::Shared::new(args.seconds);
    let world = Rc::new(World::new(scribe, figures.clone(), targets, abilities));
    let (census, seconds, mut notes) =
        LocalSet::new().block_on(&runtime, crowd_and_census(args, &world));
    world.scribe.flush();
    // The judge's input ends when the last writer is dropped.
    drop(world);
    let verdict = judge.join().map_err(|_| anyhow!("the judge panicked"))??;
    notes.extend(census_notes(&census));
    let run = report::Run {
        scenario: args.scenario.to_string(),
        seed: args.seed,
        clients: args.clients,
        targets: args.target.clone(),
        seconds,
        rate: args.rate.map(f64::from),
        started,
        version: VERSION.to_owned(),
        server,
    };
    // A report has the verdict as JSON, which is equal after it is written and read again.
    let judged = serde_json::from_value(serde_json::to_value(&verdict)?)?;
    let mut report = Report::new(run, &figures.lock(), Some(judged));
    report.notes = notes;
    Ok(Outcome { report, verdict, census })
}

/// Resolves the targets, and probes their abilities.
async fn probe(urls: &[String]) -> anyhow::Result<(Vec<Target>, Abilities)> {
    let mut targets = Vec::new();
    for url in urls {
        targets.push(Target::find(url).await.map_err(|error| Away::new(format!("{error:#}")))?);
    }
    let abilities = Abilities::probe(&targets).await?;
    Ok((targets, abilities))
}

/// Runs the crowd, then takes the census; Ctrl-C ends either early.
async fn crowd_and_census(args: &Args, world: &Rc<World>) -> (Census, f64, Vec<String>) {
    let plan = Plan {
        mix: args.scenario.clone(),
        clients: args.clients,
        seed: args.seed,
        lasting: args.lasting(),
        rate: args.rate,
        think: Duration::from_millis(args.think),
    };
    let mut notes = notes(args, world);
    let began = Instant::now();
    let progress = Progress::start(
        args.quiet,
        Subject {
            name: plan.mix.to_string(),
            began,
            seconds: args.seconds,
            recorder: world.figures.clone(),
        },
    );
    tokio::select! {
        () = plan.run(world) => {}
        _ = tokio::signal::ctrl_c() => notes.push("the run was cut short".to_owned()),
    }
    progress.finish();
    let seconds = began.elapsed().as_secs_f64();
    let wait = census::wait(world).0;
    if !args.quiet {
        eprintln!("waiting {:.1} s for holds to lapse, then taking the census", wait.as_secs_f64());
    }
    let census = tokio::select! {
        census = census::take(world, args.clients) => census,
        _ = tokio::signal::ctrl_c() => Census { unfinished: true, ..Census::default() },
    };
    if !args.keep {
        let stay = close_sessions(world).await;
        if stay > 0 {
            notes.push(format!(
                "{stay} sessions of the run are still open: a seat in them is sold or held, or the \
                 server did not close them"
            ));
        }
    }
    if world.unreached.get() > 0 {
        notes.push(format!("a target could not be reached {} times", world.unreached.get()));
    }
    (census, seconds, notes)
}

fn notes(args: &Args, world: &World) -> Vec<String> {
    let missing = world.abilities.missing();
    let mut notes: Vec<_> =
        missing.map(|what| format!("the server does not know {what}")).collect();
    let hold = world.hold();
    if args.scenario.has(Scenario::Abandon) && hold >= args.lasting() {
        notes.push(format!("a hold lasts {} s: none lapses in this run", hold.as_secs_f64()));
    }
    notes
}

fn census_notes(census: &Census) -> Vec<String> {
    let mut notes = Vec::new();
    if census.holds_outlast_it {
        notes.push("holds last too long to wait for: no seat was tried in the census".to_owned());
    }
    if census.unfinished {
        notes.push("the census ended before everything was looked at".to_owned());
    }
    notes
}

/// Judges lines as they come, and writes them to the history's file, if there is one.
fn judge_lines(
    from: &Receiver<Vec<Line>>,
    mut history: Option<BufWriter<File>>,
) -> anyhow::Result<Verdict> {
    let lines = from.iter().flatten().map(|line| {
        if let Some(history) = &mut history {
            line.write(history).context("cannot write the history")?;
        }
        Ok(line)
    });
    let verdict = judge::judge(lines)?;
    if let Some(mut history) = history {
        history.flush().context("cannot write the history")?;
    }
    Ok(verdict)
}

fn judge_again(file: &Path, json: bool) -> anyhow::Result<Exit> {
    let verdict = judge::judge_file(file)?;
    let mut stdout = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut stdout, &verdict)?;
        writeln!(stdout)?;
    } else {
        writeln!(stdout, "{verdict}")?;
    }
    Ok(if verdict.is_clean() { Exit::Kept } else { Exit::Broken })
}

fn keep(report: &Report, args: &Args) -> anyhow::Result<()> {
    if let Some(path) = &args.report {
        report.write_json(create(path)?)?;
    }
    if let Some(path) = &args.html {
        report::html::write(report, create(path)?)?;
    }
    Ok(())
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 18, file))
}

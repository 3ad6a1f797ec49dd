//! The parts put together: how the program starts, what it is while it runs, and how it stops.

pub mod dead_letters;
mod open;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use poltrona_domain::{Command, SessionId};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::banner::{BannerInfo, banner};
use crate::config::Config;
use crate::failure::Failure;
use crate::http::coalesce::Coalesced;
use crate::http::seats::SeatMap;
use crate::http::server::Server;
use crate::telemetry::collector::{self, Collecting};
use crate::{demo, http, systemd};
use poltrona_engine::bus::{Bus, rabbitmq};
use poltrona_engine::clock::Clock;
use poltrona_engine::expiry::Expiry;
use poltrona_engine::ledger::{Ledger, Listeners, Settings, Workers};
use poltrona_engine::observe::metrics::Metrics;
use poltrona_engine::observe::traces::Traces;
use poltrona_engine::relay::{Outbox, Relay};
use poltrona_engine::retention;
use poltrona_engine::seat_lock::{self, SeatLock};
use poltrona_engine::store::migrations::{self, Migration};
use poltrona_engine::store::sqlite::folder::Folder;
use poltrona_engine::store::{Readers, postgres, sqlite};

/// How often what was timed is folded into the metrics.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// How many sessions are opened at a time by `seed`: each is a transaction of its own, and the last in
/// the queue must not lose its patience on a slow disk.
const SEED_AT_ONCE: u32 = 16;

/// What every request can reach.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// The way to change anything.
    pub ledger: Ledger,
    /// The way to look at anything.
    pub readers: Readers,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The way of events to their consumers.
    pub bus: Bus,
    /// Which holds will lapse.
    pub expiry: Arc<Expiry>,
    /// Who refuses early.
    pub seat_lock: SeatLock,
    /// Who is told where time goes.
    pub traces: Traces,
    /// Seat maps that are being read.
    pub seat_maps: Coalesced<SessionId, SeatMap>,
    /// Cancelled when the program is on its way out.
    pub stop: CancellationToken,
}

/// [`App`], shared by all requests.
pub type SharedApp = Arc<App>;

/// A box office that is open: its store is reached, and its background work runs.
pub struct Running {
    /// What requests reach.
    pub app: SharedApp,
    /// Cancelled when the disk failed and the program must end.
    pub fatal: CancellationToken,
    background: TaskTracker,
    stop_background: CancellationToken,
    workers: Workers,
    collecting: Collecting,
    // Last, so that the folder is unlocked, or deleted, when everything else is closed.
    _folder: Option<Folder>,
}

impl Running {
    /// Opens the store and starts the background work.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let opened = open::store(&config, clock).await?;
        let open::Opened { writers, chores, readers, outbox, clock, folder } = opened;
        let metrics = Arc::new(Metrics::new()?);
        let (traces, collecting) = collector::traces(&config, &metrics)?;
        let expiry = Arc::new(Expiry::new(clock.clone()));
        let fatal = CancellationToken::new();
        let (background, stop_background) = (TaskTracker::new(), CancellationToken::new());
        let lock = seat_lock::Settings {
            redis_url: config.redis_url.as_ref().map(|url| url.expose().to_owned()),
            timeout: config.redis_timeout,
            hold_ttl: config.hold_ttl,
        };
        let seat_lock = SeatLock::start(&lock, &clock, &metrics, &background, &stop_background)?;
        let settings = Settings {
            batch_max: config.batch_max,
            queue_depth: config.queue_depth,
            // Half of what the client is given, so that what waited in vain is said to be undone
            // rather than unknown.
            patience: config.request_timeout / 2,
            seat_lock: seat_lock.clone(),
        };
        let listeners = Listeners {
            metrics: Arc::clone(&metrics),
            // With a broker, a delay queue brings the lapses.
            expiry: config.rabbitmq_url.is_none().then(|| Arc::clone(&expiry)),
            news: outbox.news(),
            fatal: fatal.clone(),
        };
        let (ledger, workers) = Ledger::start(writers, chores, &settings, listeners)?;
        let bus = match config.rabbitmq() {
            Some(uri) => {
                let parts = rabbitmq::Parts {
                    clock: clock.clone(),
                    ledger: ledger.clone(),
                    readers: readers.clone(),
                    expiry: Arc::clone(&expiry),
                    metrics: Arc::clone(&metrics),
                    traces: traces.clone(),
                };
                Bus::rabbitmq(uri, config.event_exchange, parts)
            }
            None => Bus::local(ledger.clone()),
        };
        let app = Arc::new(App {
            config,
            clock,
            ledger,
            readers,
            metrics,
            bus,
            expiry,
            seat_lock,
            traces,
            seat_maps: Coalesced::new(),
            stop: CancellationToken::new(),
        });
        start_background(&app, outbox, &background, &stop_background);
        Ok(Self { app, fatal, background, stop_background, workers, collecting, _folder: folder })
    }

    /// Ends the background work, then the workers, then what tells of both; what was committed but not yet delivered waits in
    /// the outbox for the next start.
    pub async fn stop(self) {
        self.app.stop.cancel();
        self.stop_background.cancel();
        self.background.close();
        self.background.wait().await;
        self.app.ledger.close();
        self.workers.join().await;
        self.collecting.stop(self.app.config.shutdown_grace).await;
    }
}

fn start_background(
    app: &SharedApp,
    outbox: Outbox,
    background: &TaskTracker,
    stop: &CancellationToken,
) {
    let relay = Relay {
        outbox,
        ledger: app.ledger.clone(),
        bus: app.bus.clone(),
        expiry: Arc::clone(&app.expiry),
        traces: app.traces.clone(),
    };
    app.bus.start(background, stop);
    relay.start(background, stop);
    let expiry = || Arc::clone(&app.expiry);
    background.spawn(expiry().catch_up(app.readers.clone(), stop.clone()));
    background.spawn(expiry().run(app.ledger.clone(), stop.clone()));
    background.spawn(retention::run(app.clock.clone(), app.ledger.clone(), stop.clone()));
    background.spawn({
        let (metrics, stop) = (Arc::clone(&app.metrics), stop.clone());
        async move {
            while stop.run_until_cancelled(tokio::time::sleep(FOLD_EVERY)).await.is_some() {
                metrics.fold();
            }
        }
    });
}

/// Serves until told to stop by a signal, or until the disk fails.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let started = Instant::now();
    // Before "ready" is said, for whoever reads it may answer with a signal.
    let mut signals = Signals::listen()?;
    // The port first: a second program started by mistake should say so before anything else.
    let server = Server::bind(&config).await?;
    let running = tokio::select! {
        running = Box::pin(Running::start(config, Clock::System)) => running?,
        () = signals.next() => {
            systemd::stopping();
            info!(target: "server", "stopped before it was ready");
            return Ok(());
        }
    };
    let app = Arc::clone(&running.app);
    if app.config.demo {
        demo::open(&app.ledger, &app.readers, app.clock.now())
            .await
            .context("opening the demo's sessions")?;
    }
    greet(&app, &server, started.elapsed());
    systemd::ready(&server.base_url());
    let (stop, fatal) = (app.stop.clone(), running.fatal.clone());
    let router = http::router(Arc::clone(&app));
    let serving = server.run(router, &app);
    let ending = async {
        tokio::select! {
            () = signals.next() => info!(target: "server", "stopping: answering what was accepted"),
            () = fatal.cancelled() => {}
        }
        systemd::stopping();
        stop.cancel();
        signals.next().await;
        warn!(target: "server", "told again: not waiting for what is left");
    };
    tokio::select! {
        () = serving => {}
        () = ending => {}
    }
    let failed = running.fatal.is_cancelled();
    running.stop().await;
    anyhow::ensure!(
        !failed,
        "the disk failed, or the database file went away; mend it and start again"
    );
    info!(target: "server", "stopped");
    Ok(())
}

/// SIGTERM and Ctrl-C, which end the process no more once they are listened for.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next that comes, or has come.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says what runs where: a banner for people, a line for logs.
fn greet(app: &App, server: &Server, ready_in: Duration) {
    use std::io::{IsTerminal as _, Write as _};
    let base_url = server.base_url();
    info!(target: "server", url = base_url, version = env!("CARGO_PKG_VERSION"), "ready");
    let mut stderr = std::io::stderr();
    if !stderr.is_terminal() {
        return;
    }
    let config = &app.config;
    let (mode, data) = match config.postgres().map(open::target) {
        Some(Ok(server)) => ("one of many (PostgreSQL)", server.describe()),
        _ if config.ephemeral => ("embedded (SQLite)", "ephemeral, gone when it stops".to_owned()),
        _ => ("embedded (SQLite)", config.data_dir.display().to_string()),
    };
    let text = banner(&BannerInfo {
        version: env!("CARGO_PKG_VERSION"),
        mode: mode.to_owned(),
        data,
        base_url,
        demo: app.config.demo.then(|| demo::SUMMARY.to_owned()),
        ready_in,
        notes: Vec::new(),
    });
    // A terminal that went away is no reason not to serve.
    let _ = stderr.write_all(text.as_bytes());
}

/// The OpenAPI document, JSON.
pub fn openapi_json() -> String {
    http::openapi::json()
}

/// The OpenAPI document, YAML.
pub fn openapi_yaml() -> String {
    http::openapi::yaml()
}

/// Applies the migrations that the database lacks; says what was done.
pub async fn migrate_up(config: &Config) -> anyhow::Result<String> {
    let applied = if let Some(url) = config.postgres() {
        postgres::migrate::up(&mut connect(url).await?).await?
    } else {
        let folder = Folder::lock(&config.data_dir);
        let folder = folder.map_err(|error| Failure::Usage(error.to_string()))?;
        sqlite::migrate::up(&mut sqlite::connect(&folder.database())?)?
    };
    if applied.is_empty() {
        return Ok("nothing to do: the database has every migration".to_owned());
    }
    let line = |step: &&Migration| format!("applied {:04} {}", step.version, step.name);
    Ok(applied.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Says which migrations the database has.
pub async fn migrate_status(config: &Config) -> anyhow::Result<String> {
    let file = sqlite::folder::database_in(&config.data_dir);
    let (place, steps) = match config.postgres() {
        Some(url) => {
            let steps = postgres::migrate::status(&connect(url).await?).await?;
            (open::target(url)?.describe(), steps)
        }
        None if file.exists() => {
            let steps = sqlite::migrate::status(&sqlite::connect_read_only(&file)?)?;
            (file.display().to_string(), steps)
        }
        None => (format!("{}, which is not there yet", file.display()), migrations::statuses(0)),
    };
    let line = |step: &migrations::Status| {
        let state = if step.applied { "applied" } else { "to come" };
        format!("{:04} {:<24} {state}", step.version, step.name)
    };
    let lines = steps.iter().map(line).collect::<Vec<_>>().join("\n");
    Ok(format!("Database: {place}\n{lines}"))
}

async fn connect(url: &str) -> anyhow::Result<tokio_postgres::Client> {
    let target = open::target(url)?;
    let away = |error| Failure::Away(format!("{}: {error}", target.describe()));
    Ok(target.connect().await.map_err(away)?)
}

/// Opens sessions in the data folder, telling how many are done.
pub async fn seed(
    config: &Config,
    sessions: u32,
    seats: u16,
    progress: &mut dyn FnMut(u32),
) -> anyhow::Result<()> {
    let running = Running::start(config.clone(), Clock::System).await?;
    let seeded = seed_into(&running.app, sessions, seats, progress).await;
    running.stop().await;
    seeded
}

async fn seed_into(
    app: &App,
    sessions: u32,
    seats: u16,
    progress: &mut dyn FnMut(u32),
) -> anyhow::Result<()> {
    let open = |number| {
        let session = demo::invented(number, seats, app.clock.now());
        async move { anyhow::Ok(app.ledger.submit(Command::OpenSession(session?), None).await?) }
    };
    let mut opening = FuturesUnordered::new();
    let (mut next, mut done) = (0, 0);
    while done < sessions {
        while next < sessions && next - done < SEED_AT_ONCE {
            opening.push(open(next));
            next += 1;
        }
        if let Some(opened) = opening.next().await {
            opened?;
            done += 1;
            progress(done);
        }
    }
    Ok(())
}

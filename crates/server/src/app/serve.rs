//! `poltrona serve`: listening, starting, answering until the end.

use std::io::{IsTerminal as _, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use poltrona_engine::env::clock::pause;
use poltrona_engine::{Engine, Env};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::running::Running;
use crate::banner::{BannerInfo, banner};
use crate::config::Config;
use crate::http::server::Server;
use crate::{demo, http, open_files, systemd};

/// How long the banner waits for the log lines of the demo's sessions, and how often it looks.
const DEMO_LOGGED: (u32, Duration) = (100, Duration::from_millis(5));

/// Serves until a signal ends the program, or the disk fails. The banner goes to `console`.
pub async fn serve(config: Config, console: impl Write) -> anyhow::Result<()> {
    let started = Instant::now();
    // Before "ready" is logged, for its reader may answer with a signal.
    let mut signals = Signals::listen()?;
    open_files::raise_limit(config.max_connections);
    // The port first: a second program started by mistake should fail before anything else.
    let server = Server::bind(&config)?;
    let running = tokio::select! {
        running = Box::pin(Running::start(config, Env::system())) => running?,
        () = signals.next() => {
            systemd::stopping();
            info!(target: "server", "stopped before it was ready");
            return Ok(());
        }
    };
    let app = Arc::clone(&running.app);
    if app.config.demo {
        demo::open(&app.engine).await.context("opening the demo's sessions")?;
    }
    greet(&running, &server, started.elapsed(), console).await;
    systemd::ready(&server.base_url());
    let (stop, fatal) = (app.stop.clone(), running.fatal().clone());
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
        warn!(target: "server", "a second signal: not waiting for what is left");
    };
    tokio::select! {
        () = serving => {}
        () = ending => {}
    }
    let failed = running.fatal().is_cancelled();
    running.stop().await;
    anyhow::ensure!(
        !failed,
        "the disk failed, or the database file went away; fix it and start again"
    );
    info!(target: "server", "stopped");
    Ok(())
}

/// SIGTERM and Ctrl-C; once listened for, they no longer end the process.
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

    /// Waits for the next signal, unless one has come already.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Reports where the server runs: a line for logs, then a banner for people.
async fn greet(running: &Running, server: &Server, ready_in: Duration, mut console: impl Write) {
    let base_url = server.base_url();
    info!(target: "server", url = base_url, version = env!("CARGO_PKG_VERSION"), "ready");
    if !std::io::stderr().is_terminal() {
        return;
    }
    let app = &running.app;
    if app.config.demo {
        logged(&app.engine).await;
    }
    let is_shared = app.engine.store.is_shared();
    let mode = if is_shared { "one of many (PostgreSQL)" } else { "embedded (SQLite)" };
    let text = banner(&BannerInfo {
        version: env!("CARGO_PKG_VERSION"),
        mode: mode.to_owned(),
        data: running.location.describe(),
        base_url,
        demo: app.config.demo.then(|| demo::SUMMARY.to_owned()),
        ready_in,
        notes: Vec::new(),
    });
    // The server goes on if the terminal is gone.
    let _ = console.write_all(text.as_bytes());
}

/// Waits until the events so far are delivered, and so logged, but not for long: a broker may be
/// away.
async fn logged(engine: &Engine) {
    let (times, every) = DEMO_LOGGED;
    for _ in 0..times {
        if engine.store.backlog().await.is_ok_and(|backlog| backlog.rows == 0) {
            return;
        }
        pause(every).await;
    }
}

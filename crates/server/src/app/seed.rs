//! Opening many sessions at once.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use poltrona_domain::Command;
use poltrona_engine::Env;
use poltrona_engine::ledger::Request;

use super::running::Running;
use crate::config::Config;
use crate::demo;
use crate::http::state::App;

/// How many sessions `seed` opens at a time: each is a transaction of its own, and the last in the
/// queue must not time out on a slow disk.
const SEED_AT_ONCE: u32 = 16;

/// Opens sessions in the database; reports to `progress` how many are done.
pub async fn seed(
    config: &Config,
    sessions: u32,
    seats: u16,
    progress: &mut dyn FnMut(u32),
) -> anyhow::Result<()> {
    let running = Running::start(config.clone(), Env::system()).await?;
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
        let session = demo::invented(&app.engine.env, number, seats);
        async move {
            let request = Request::of_program(Command::OpenSession(session?));
            anyhow::Ok(app.engine.submit(request).await?)
        }
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

//! Migrations on the command line.

use poltrona_engine::env::clock::Clock;
use poltrona_engine::store::migrations::{self, Migration};
use poltrona_engine::store::postgres::Target;
use poltrona_engine::store::sqlite::folder::{Folder, database_in};
use poltrona_engine::store::{Location, postgres, sqlite};

use super::options;
use crate::config::Config;
use crate::failure::Failure;

/// Applies the migrations that the database lacks; returns a line for each.
pub async fn up(config: &Config) -> anyhow::Result<String> {
    let applied = match options::location(config, &options::tls(config)?)? {
        Location::Server(target) => postgres::migrate::up(&mut connect(&target).await?).await?,
        Location::Folder(_) | Location::Ephemeral => {
            let folder = Folder::lock(&config.data_dir);
            let folder = folder.map_err(|error| Failure::Usage(error.to_string()))?;
            sqlite::migrate::up(&mut sqlite::connect(&folder.database())?, &Clock::System)?
        }
    };
    if applied.is_empty() {
        return Ok("nothing to do: the database has every migration".to_owned());
    }
    let line = |step: &&Migration| format!("applied {:04} {}", step.version, step.name);
    Ok(applied.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Returns a line for each migration: whether the database has it.
pub async fn status(config: &Config) -> anyhow::Result<String> {
    let (place, steps) = match options::location(config, &options::tls(config)?)? {
        Location::Server(target) => {
            let steps = postgres::migrate::status(&connect(&target).await?).await?;
            (target.describe(), steps)
        }
        Location::Folder(_) | Location::Ephemeral => {
            let file = database_in(&config.data_dir);
            if file.exists() {
                let steps = sqlite::migrate::status(&sqlite::connect_read_only(&file)?)?;
                (file.display().to_string(), steps)
            } else {
                let place = format!("{}, which is not there yet", file.display());
                (place, migrations::statuses(0))
            }
        }
    };
    let line = |step: &migrations::Status| {
        let state = if step.applied { "applied" } else { "to come" };
        format!("{:04} {:<24} {state}", step.version, step.name)
    };
    let lines = steps.iter().map(line).collect::<Vec<_>>().join("\n");
    Ok(format!("Database: {place}\n{lines}"))
}

async fn connect(target: &Target) -> anyhow::Result<tokio_postgres::Client> {
    let away = |error| Failure::Away(format!("{}: {}", target.describe(), postgres::words(&error)));
    Ok(target.connect().await.map_err(away)?)
}

//! `poltrona healthcheck`, for container health checks.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;

use super::client::{self, Client};
use super::flags::Settings;
use super::start::load;
use crate::failure::Failure;

const LIMIT: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Server to ask [default: the one that the settings describe].
    #[arg(long, value_name = "URL", value_parser = client::address)]
    url: Option<Uri>,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(Args { url, settings }: Args) -> Result<(), Failure> {
    let url = match url {
        Some(url) => url,
        None => client::address(&load(settings)?.config.base_url()).map_err(Failure::Usage)?,
    };
    client::run(check(&url))
}

/// Asks `/readyz` of the server at `url`, or the path that `url` has.
async fn check(url: &Uri) -> Result<(), Failure> {
    let url = match url.path() {
        "" | "/" => client::on(url, "/readyz"),
        _ => url.to_string(),
    };
    let request = Request::get(&url).body(Full::<Bytes>::default()).context("cannot ask")?;
    match Client::new(LIMIT).send(request).await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) => {
            Err(Failure::Away(format!("{url} is not ready: it answered {}", answer.status)))
        }
        Err(why) => Err(Failure::Away(format!("{url} cannot be reached: {why}"))),
    }
}

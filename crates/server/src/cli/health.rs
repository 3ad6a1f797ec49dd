//! Whether a running server is ready, for container health checks.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;

use super::client::{self, Client};
use crate::failure::Failure;

const LIMIT: Duration = Duration::from_secs(3);

/// Asks the server at `url`; a URL with a path is asked as it stands.
pub(super) async fn check(url: &Uri) -> Result<(), Failure> {
    let url = match url.path() {
        "" | "/" => client::on(url, "/readyz"),
        _ => url.to_string(),
    };
    let request = Request::get(&url).body(Full::<Bytes>::default()).context("cannot ask")?;
    match Client::new(LIMIT).send(request).await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) => Err(Failure::Away(format!("{url} is not ready: it said {}", answer.status))),
        Err(why) => Err(Failure::Away(format!("{url} cannot be reached: {why}"))),
    }
}

//! Opening a session at a target.

use super::limits::{CONNECT_LIMIT, REQUEST_LIMIT};
use crate::api::{self, Created};
use crate::client::{Connection, Lost, Target};

/// Opens a session over a connection of its own, so that no client's requests wait for it.
pub(crate) async fn open_session(
    target: &Target,
    movie: &str,
    price_cents: i64,
    seats: usize,
) -> anyhow::Result<Created> {
    let request = api::render_session(movie, price_cents, seats, target);
    let mut connection = Connection::open(target, CONNECT_LIMIT).await?;
    let answer = connection.ask(&request, REQUEST_LIMIT).await;
    let answer = answer.map_err(Lost::into_error)?;
    let made = api::read_session(&answer)?;
    anyhow::ensure!(made.seats.len() == seats, "{} seats instead of {seats}", made.seats.len());
    Ok(made)
}

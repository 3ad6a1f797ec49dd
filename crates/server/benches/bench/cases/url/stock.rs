//! Fresh seats of a server, opened over its API. Ids are read from its seat maps.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use serde::Deserialize;

use crate::client::Connection;
use crate::load::closed_loop;
use crate::requests;

/// How many seats a session has: as many as a seat map of the other cases.
const SEATS: usize = 200;
/// How many sessions are opened at once.
const OPENERS: usize = 8;
/// How long opening may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// A seat, and where it is listed.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) id: String,
    pub(super) session: String,
}

/// A row of a seat map.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    pub(super) id: String,
    status: String,
    #[serde(default)]
    is_locked: bool,
}

/// A session that was opened.
#[derive(Deserialize)]
struct Opened {
    id: String,
}

impl Listed {
    /// Whether nobody else can have it. A held seat may be listed as available and locked.
    pub(super) fn is_taken(&self) -> bool {
        self.status != "AVAILABLE" || self.is_locked
    }

    pub(super) fn is_sold(&self) -> bool {
        self.status == "SOLD"
    }
}

/// Opens sessions until there are so many fresh seats, and returns them.
pub(super) async fn open(address: SocketAddr, wanted: usize) -> anyhow::Result<Vec<Seat>> {
    let sessions = wanted.div_ceil(SEATS);
    let body = format!(
        r#"{{"movie":"Cidade de Deus","room":"Sala 1","startsAt":"2090-01-01T20:00:00.000Z","ticketPrice":25.5,"totalSeats":{SEATS}}}"#
    );
    let request = requests::post("/sessions", &body);
    let (begun, seats) = (Cell::new(0), RefCell::new(Vec::new()));
    let call = async |connection: &mut Connection| {
        if begun.replace(begun.get() + 1) >= sessions {
            return Ok(false);
        }
        let answer = connection.ask(&request).await?;
        answer.expect(201)?;
        let session = serde_json::from_slice::<Opened>(answer.body)?.id;
        let listed = map(connection, &session).await?;
        ensure!(listed.len() == SEATS, "{} seats are listed instead of {SEATS}", listed.len());
        let fresh = listed.into_iter().map(|seat| Seat { id: seat.id, session: session.clone() });
        seats.borrow_mut().extend(fresh);
        Ok(true)
    };
    closed_loop(&[address], OPENERS.min(sessions), PATIENCE, &call).await?;
    Ok(seats.into_inner())
}

/// Reads a seat map.
pub(super) async fn map(connection: &mut Connection, session: &str) -> anyhow::Result<Vec<Listed>> {
    let answer = connection.ask(&requests::get(&format!("/seats/{session}"))).await?;
    answer.expect(200)?;
    Ok(serde_json::from_slice(answer.body)?)
}

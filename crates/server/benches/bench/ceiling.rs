//! The ceiling: the least work that gives the same answers, to see how much ours costs beside it.
//!
//! A server over the same HTTP libraries that answers ready bytes, parses and forgets, or sells a
//! seat with the least that is durable, in [`sqlite`] or in [`postgres`]. It validates, publishes
//! and logs nothing, and keeps no history.

mod sale;
pub(crate) mod sqlite;
pub(crate) mod postgres;

use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http::{StatusCode, header};
use poltrona_engine::env::clock::Clock;
use poltrona_engine::env::ids::Ids;
use poltrona_engine::wire::Time;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::data::Data;
use sale::{HOLD, Sale, Wish};

/// The argument that makes this program the ceiling's server.
pub(crate) const ARGUMENT: &str = "ceiling-server";

/// Of the size of the real answer to `GET /health`.
const HELLO: &str = r#"{"status":"ok","timestamp":"2026-11-24T09:59:10.433Z","service":"poltrona","version":"0.1.0"}"#;

/// Fails unless so many seats are held, each by a reservation.
pub(crate) fn expect(data: &Data, acknowledged: usize) -> anyhow::Result<()> {
    let database = data.open();
    let held: usize =
        database.get("SELECT count(*) FROM seats WHERE status = 'RESERVED' AND version = 1");
    let reservations: usize = database.get("SELECT count(*) FROM reservations");
    ensure!(
        held == acknowledged && reservations == acknowledged,
        "{held} seats are held by {reservations} reservations, {acknowledged} were acknowledged"
    );
    Ok(())
}

#[derive(Clone)]
struct Ceiling {
    sales: Sender<Sale>,
    bytes: Bytes,
}

/// Serves until killed. `arguments`: the port, the database (a file, or the URL of a PostgreSQL),
/// the size of `/bytes`.
pub(crate) fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let [port, database, size] = arguments else { anyhow::bail!("PORT DATABASE BYTES") };
    let port: u16 = port.parse()?;
    let (sales, waiting) = channel();
    if database.starts_with("postgres:") {
        postgres::start(database, waiting)?;
    } else {
        sqlite::start(Path::new(database), waiting)?;
    }
    let ceiling = Ceiling { sales, bytes: vec![b'x'; size.parse()?].into() };
    let router = Router::new()
        .route("/hello", get(async || json(StatusCode::OK, HELLO)))
        .route(
            "/bytes",
            get(async |State(ceiling): State<Ceiling>| json(StatusCode::OK, ceiling.bytes)),
        )
        .route("/parse", post(parse))
        .route("/reservations", post(reserve))
        .with_state(ceiling);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router).await.context("serving")
    })
}

async fn parse(body: Bytes) -> Response {
    let Ok(wish) = serde_json::from_slice(&body) else { return refused() };
    sold(Ids::Random.fresh(), &wish)
}

async fn reserve(State(ceiling): State<Ceiling>, body: Bytes) -> Response {
    let Ok(wish) = serde_json::from_slice::<Wish>(&body) else { return refused() };
    let (reservation, (reply, outcome)) = (Ids::Random.fresh(), oneshot::channel());
    let answer = Wish { seat_id: wish.seat_id, user_id: wish.user_id.clone() };
    // If the writer has ended, no reply comes, and the request is refused just below.
    let _ = ceiling.sales.send(Sale { reservation, wish, reply });
    if outcome.await.unwrap_or(false) { sold(reservation, &answer) } else { refused() }
}

/// An answer of the real one's size.
fn sold(reservation: Uuid, wish: &Wish) -> Response {
    let (seat, user, now) = (wish.seat_id, &wish.user_id, Clock::System.now());
    let body = format!(
        r#"{{"id":"{reservation}","seatId":"{seat}","userId":"{user}","status":"PENDING","expiresAt":"{}","createdAt":"{}","sessionId":"{seat}","seatIds":["{seat}"],"seatNumbers":["A1"],"total":25.5}}"#,
        Time(now.plus(HOLD)),
        Time(now),
    );
    json(StatusCode::CREATED, body)
}

fn refused() -> Response {
    json(StatusCode::CONFLICT, "{}")
}

fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.into())
        .into_response()
}

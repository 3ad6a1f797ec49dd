//! Liveness, readiness and metrics of the program.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::http::extract::Query;
use crate::http::represent;
use crate::http::response::json;
use crate::http::state::SharedApp;
use poltrona_engine::observe::metrics::{Engines, Readings};
use poltrona_engine::store::Trouble;
use poltrona_engine::wire::Time;

/// How long the database may take to answer before it is reported as unreachable.
const PING_LIMIT: Duration = Duration::from_secs(1);
/// How long it may take to count its backlog.
const BACKLOG_LIMIT: Duration = Duration::from_secs(2);

/// The name and version of a running program.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Time,
    service: &'static str,
    version: &'static str,
}

/// Whether the program can serve.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready`; `degraded`: reads are answered, sales are slower, or refused while the disk is
    /// full; `draining` or `unavailable`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Checks>,
}

/// The state of each dependency.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checks {
    /// `ok`; or why nothing is sold: `unreachable`; `full`, the last write found no room on the
    /// disk; `not_committing`, a COMMIT is not answered, as when synchronous standbys are gone;
    /// `several_primaries`, more than one of the server's hosts takes writes.
    database: &'static str,
    /// `ok` or `unreachable`; absent when none is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<&'static str>,
    /// `ok`, `unreachable`, or `unusable`: it is reached, but takes no events; absent when none is
    /// configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    rabbitmq: Option<&'static str>,
    /// Why RabbitMQ is `unusable`: the queue that refuses messages, or has other arguments than the
    /// program declares, and the command that removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rabbitmq_obstacle: Option<String>,
}

/// The program's name and version.
#[utoipa::path(
    get, path = "/health", tag = "health", operation_id = "health",
    responses((status = 200, description = "The program runs.", body = Health))
)]
pub(crate) async fn health(State(app): State<SharedApp>) -> Response {
    let health = Health {
        status: "ok",
        timestamp: Time(app.engine.env.clock.now()),
        service: "poltrona",
        version: env!("CARGO_PKG_VERSION"),
    };
    json(StatusCode::OK, represent::json(&health))
}

/// Liveness: the process runs. A supervisor restarts it otherwise.
#[utoipa::path(
    get, path = "/livez", tag = "health", operation_id = "livez",
    responses((status = 200, description = "Alive.", body = String, content_type = "text/plain"))
)]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Readiness: the database answers and the program is not stopping.
///
/// `degraded` is ready too, although Redis or RabbitMQ is away, or the disk is full.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "readyz",
    params(("verbose" = Option<String>, Query, description = "Adds the result of each check.")),
    responses(
        (status = 200, description = "Ready, if only degraded.", body = Readiness),
        (status = 503, description = "Not ready.", body = Readiness),
    )
)]
pub(crate) async fn readyz(State(app): State<SharedApp>, query: Query) -> Response {
    let reachable = matches!(timeout(PING_LIMIT, app.engine.store.ping()).await, Ok(Ok(())));
    let rabbitmq_obstacle = app.engine.bus.obstacle();
    let is_usable = |is_up| is_up && rabbitmq_obstacle.is_none();
    let (redis, rabbitmq) = (app.engine.seat_lock.state(), app.engine.bus.is_up().map(is_usable));
    let (trouble, is_full) = (app.engine.store.trouble(), app.engine.ledger.is_full());
    let is_whole = redis != Some(false) && rabbitmq != Some(false) && !is_full;
    let (code, status) = match (app.stop.is_cancelled(), reachable && trouble.is_none(), is_whole) {
        (true, ..) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        // The program serves without the others, so a balancer should still send requests here.
        (false, true, false) => (StatusCode::OK, "degraded"),
        (false, true, true) => (StatusCode::OK, "ready"),
    };
    let word = |reachable| if reachable { "ok" } else { "unreachable" };
    let [redis, rabbitmq] = [redis, rabbitmq].map(|it| it.map(word));
    let database = match (reachable, trouble) {
        (false, _) | (_, Some(Trouble::Silent)) => "unreachable",
        (_, Some(Trouble::NotCommitting)) => "not_committing",
        (_, Some(Trouble::SeveralPrimaries)) => "several_primaries",
        (true, None) if is_full => "full",
        (true, None) => "ok",
    };
    let rabbitmq = if rabbitmq_obstacle.is_some() { Some("unusable") } else { rabbitmq };
    let checks = Checks { database, redis, rabbitmq, rabbitmq_obstacle };
    let readiness = Readiness { status, checks: query.given("verbose").then_some(checks) };
    json(code, represent::json(&readiness))
}

/// Metrics for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, description = "Prometheus' text format.", body = String,
               content_type = "text/plain"))
)]
pub(crate) async fn metrics(State(app): State<SharedApp>) -> Response {
    // Without the database its backlog is unknown; the other metrics are sent all the same, before
    // the client times out.
    let backlog = timeout(BACKLOG_LIMIT, app.engine.store.backlog());
    let (ping, backlog) = tokio::join!(timeout(PING_LIMIT, app.engine.store.ping()), backlog);
    let engines = Engines {
        database: Some(matches!(ping, Ok(Ok(())))),
        redis: app.engine.seat_lock.state(),
        rabbitmq: app.engine.bus.is_up(),
    };
    let trouble = app.engine.store.trouble();
    let mut readings = Readings {
        not_committing: trouble == Some(Trouble::NotCommitting),
        several_primaries: trouble == Some(Trouble::SeveralPrimaries),
        queue_depth: app.engine.ledger.waiting(),
        holds: app.engine.expiry.watched(),
        engines,
        log_bytes: app.engine.store.log_bytes(),
        ..Readings::default()
    };
    if let Ok(Ok(backlog)) = backlog {
        readings.outbox_rows = usize::try_from(backlog.rows).unwrap_or(usize::MAX);
        let oldest = backlog.oldest.map(|oldest| oldest.until(app.engine.env.clock.now()));
        readings.outbox_age = oldest.unwrap_or_default();
    }
    let page = app.engine.metrics.render(&readings);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], page).into_response()
}

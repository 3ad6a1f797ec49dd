//! `poltrona seed`: creates sessions with made-up films, in the database or through a running server.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use serde_json::json;

use super::client::{self, Client};
use super::flags::Settings;
use super::progress::Progress;
use super::start::{block_on, start};
use crate::app;
use crate::failure::Failure;
use poltrona_engine::env::clock::Clock;

const LIMIT: Duration = Duration::from_secs(30);

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Films, the room each runs in, and what a seat costs.
const FILMS: [(&str, &str, f64); 4] = [
    ("Central do Brasil", "Sala 1", 32.0),
    ("Cidade de Deus", "Sala 2", 36.5),
    ("O Auto da Compadecida", "Sala 3", 28.0),
    ("Bacurau", "Sala 4", 34.0),
];

/// When the sessions of a day begin: 14, 17 and 20 o'clock in São Paulo, in hours after midnight
/// UTC.
const SHOWS: [i64; 3] = [17, 20, 23];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Number of sessions to create.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sessions: u32,
    /// Number of seats of each session.
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u16).range(16..=10_000))]
    seats: u16,
    /// Create them through this running server instead of in the database.
    #[arg(long, value_name = "URL", value_parser = client::address)]
    target: Option<Uri>,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let Args { sessions, seats, target, settings } = args;
    let progress = Progress::of("sessions", sessions);
    if let Some(target) = target {
        return client::run(over_http(&target, sessions, seats, &progress));
    }
    let (config, _telemetry) = start(settings)?;
    let seeded = block_on(app::seed::seed(&config, sessions, seats, &mut |_| progress.step()));
    seeded.map_err(|failure| match failure {
        Failure::Usage(why) => {
            Failure::Usage(format!("{why}; with a server running, seed through it: --target URL"))
        }
        other => other,
    })
}

/// Creates `sessions` sessions of `seats` seats each, from tomorrow on. Each request has its own
/// idempotency key, so that one that a proxy sends twice creates one session.
async fn over_http(
    server: &Uri,
    sessions: u32,
    seats: u16,
    progress: &Progress,
) -> Result<(), Failure> {
    let client = Client::new(LIMIT);
    let url = client::on(server, "/sessions");
    let now = Clock::System.now().as_millis();
    let run = format!("seed-{}-{now}", std::process::id());
    for number in 0..sessions {
        let request = Request::post(&url)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("{run}-{number}"))
            .body(Full::from(Bytes::from(session(number, seats, now))))
            .context("cannot ask")?;
        let done = format!("{number} of {sessions} sessions were created");
        let answer = client
            .send(request)
            .await
            .map_err(|why| Failure::Away(format!("{url} cannot be reached: {why}; {done}")))?;
        if answer.status != StatusCode::CREATED {
            let why = message(&answer.body);
            let refused = anyhow::anyhow!("{url} answered {}{why}; {done}", answer.status);
            return Err(Failure::Failed(refused));
        }
        progress.step();
    }
    Ok(())
}

/// The body of the request for one session: each film at each hour, then the next day.
fn session(number: u32, seats: u16, now: i64) -> String {
    let shows_a_day = FILMS.len() * SHOWS.len();
    let number = number as usize;
    let (movie, room, price) = FILMS[number % FILMS.len()];
    let hour = SHOWS[number / FILMS.len() % SHOWS.len()];
    let day = i64::try_from(number / shows_a_day).unwrap_or(i64::MAX);
    let starts_at = (now / DAY_MS + 1 + day) * DAY_MS + hour * HOUR_MS;
    let starts_at = jiff::Timestamp::from_millisecond(starts_at).unwrap_or_default();
    json!({
        "movie": movie,
        "room": room,
        "startsAt": format!("{starts_at:.3}"),
        "ticketPrice": price,
        "totalSeats": seats,
    })
    .to_string()
}

/// The message of a refusal, with a blank before it; empty without one in the API's form.
fn message(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match &body["message"] {
        serde_json::Value::Null => String::new(),
        // As JSON, it has no line break.
        message => format!(" {message}"),
    }
}

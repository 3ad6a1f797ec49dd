//! State that every request can reach.

use std::sync::Arc;

use poltrona_domain::SessionId;
use poltrona_engine::Engine;
use tokio_util::sync::CancellationToken;

use super::coalesce::Coalesced;
use super::meters::HttpMeters;
use super::request_log::RequestLog;
use super::seat_map::{SeatMap, SessionPage};
use crate::config::Config;

/// State that every request can reach.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The engine, which decides, stores and publishes.
    pub engine: Engine,
    /// The meters of connections and requests.
    pub meters: Arc<HttpMeters>,
    /// The log of requests.
    pub(super) request_log: RequestLog,
    /// Seat maps that are being read.
    pub(super) seat_maps: Coalesced<SessionId, SeatMap>,
    /// Sessions that are being read.
    pub(super) sessions: Coalesced<SessionId, SessionPage>,
    /// Cancelled when the program begins to stop.
    pub stop: CancellationToken,
}

/// [`App`], shared by all requests.
pub type SharedApp = Arc<App>;

impl App {
    /// The state of a program that takes requests.
    pub fn new(config: Config, engine: Engine) -> Self {
        let meters = Arc::new(HttpMeters::new(Arc::clone(&engine.metrics)));
        Self {
            config,
            engine,
            meters,
            request_log: RequestLog::default(),
            seat_maps: Coalesced::new(),
            sessions: Coalesced::new(),
            stop: CancellationToken::new(),
        }
    }
}

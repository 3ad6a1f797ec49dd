//! State that every request can reach.

use std::sync::Arc;

use poltrona_domain::SessionId;
use poltrona_engine::Engine;
use poltrona_engine::store::Trouble;
use tokio_util::sync::CancellationToken;

use super::coalesce::Coalesced;
use super::code::Code;
use super::error::ApiError;
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
    /// Fails while the database is silent and a query tests it: a read that is shared would wait for
    /// that query.
    pub(super) fn check_database(&self) -> Result<(), ApiError> {
        match self.engine.store.trouble() {
            Some(Trouble::Silent) => Err(ApiError::new(Code::StoreUnavailable)),
            _ => Ok(()),
        }
    }

    /// The state of a program that takes requests.
    pub fn new(config: Config, engine: Engine) -> Self {
        let meters = Arc::new(HttpMeters::new(Arc::clone(&engine.metrics)));
        Self {
            config,
            engine,
            meters,
            request_log: RequestLog::new(),
            seat_maps: Coalesced::new(),
            sessions: Coalesced::new(),
            stop: CancellationToken::new(),
        }
    }
}

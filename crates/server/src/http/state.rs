//! State that every request can reach.

use std::sync::Arc;

use poltrona_domain::SessionId;
use poltrona_engine::Engine;
use poltrona_engine::store::Trouble;
use tokio_util::sync::CancellationToken;

use super::code::Code;
use super::error::ApiError;
use super::kept::{Kept, Render, View};
use super::meters::HttpMeters;
use super::ready::Ready;
use super::request_log::RequestLog;
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
    /// Answers about sessions and their seats.
    kept: Kept,
    /// Cancelled when the program begins to stop.
    pub stop: CancellationToken,
}

/// [`App`], shared by all requests.
pub type SharedApp = Arc<App>;

impl App {
    /// An answer about a session and its seats, kept or read.
    pub(super) async fn ready(
        &self,
        view: View,
        session: SessionId,
        render: Render<'_>,
    ) -> Result<Arc<Ready>, ApiError> {
        if let Some(known) = self.kept.known(&self.engine, view, session) {
            return Ok(known);
        }
        self.check_database()?;
        let found = self.kept.read(&self.engine, (view, session), render).await?;
        found.ok_or(ApiError::new(Code::SessionNotFound))
    }

    /// Fails while the database is silent and a query tests it: a read that is shared would wait for
    /// that query.
    fn check_database(&self) -> Result<(), ApiError> {
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
            kept: Kept::new(),
            stop: CancellationToken::new(),
        }
    }
}

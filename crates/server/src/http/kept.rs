//! Answers that are kept, and given again for as long as they are right.
//!
//! Where this program alone writes, a session's [stamp](poltrona_engine::live) shows that nothing has
//! changed since an answer was read, and the store is not asked. Where other instances write, a query
//! asks for the revision of the session's seats, and gets the seats only when that has changed;
//! concurrent requests share it. Either way, no answer is older than its request.

use std::sync::Arc;

use poltrona_domain::{Session, SessionId, Timestamp};
use poltrona_engine::Engine;
use poltrona_engine::live::Stamp;
use poltrona_engine::store;
use poltrona_engine::store::query::{Room, Snapshot};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::coalesce::Coalesced;
use super::error::ApiError;
use super::ready::{self, Ready, Source};

/// The bytes that all answers may take together.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How many answers there may be, about: maps of a hundred seats.
const ANSWERS: usize = 2_048;

/// The view of a session that an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum View {
    /// Its seats alone.
    Map,
    /// The session with its seats.
    Page,
}

/// Which answer.
type Key = (View, SessionId);

/// An answer, shared by concurrent requests; `None` for a session that does not exist.
pub(super) type Found = Option<Arc<Ready>>;

/// A result that concurrent requests share.
type Shared = Result<Found, Arc<ApiError>>;

/// Answers about sessions and their seats.
pub(super) struct Kept {
    answers: Cache<Key, Arc<Ready>, BySize>,
    reads: Coalesced<Key, Shared>,
}

/// Writes the JSON of an answer, by the time at which holds are read.
pub(super) type Render<'a> =
    &'a (dyn Fn(&Room, Timestamp) -> serde_json::Result<Vec<u8>> + Send + Sync);

#[derive(Clone)]
struct BySize;

impl Weighter<Key, Arc<Ready>> for BySize {
    fn weight(&self, _: &Key, ready: &Arc<Ready>) -> u64 {
        ready.size() as u64
    }
}

impl Kept {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { answers: Cache::with_weighter(ANSWERS, BYTES_MAX, BySize), reads: Coalesced::new() }
    }

    /// The answer that is kept, if it is right without asking the store.
    pub(super) fn known(&self, engine: &Engine, view: View, session: SessionId) -> Found {
        let stamp = engine.stamps.as_ref()?.of(session);
        let kept = self.answers.get(&(view, session))?;
        let is_right =
            kept.source.stamp == Some(stamp) && kept.source.times.contains(&engine.env.clock.now());
        is_right.then_some(kept)
    }

    /// The answer as it is now, read or read again.
    pub(super) async fn read(
        &self,
        engine: &Engine,
        (view, session): Key,
        render: Render<'_>,
    ) -> Result<Found, ApiError> {
        let read = || async {
            // A read that ended while this one waited for its turn may have left it.
            match self.known(engine, view, session) {
                Some(known) => Ok(Some(known)),
                None => self.read_now(engine, (view, session), render).await,
            }
        };
        let found = self.reads.get((view, session), read).await;
        found.map_err(|error| ApiError::clone(&error))
    }

    async fn read_now(&self, engine: &Engine, key: Key, render: Render<'_>) -> Shared {
        let shared = |error: store::Error| Arc::new(ApiError::from(error));
        let (view, session) = key;
        let kept = self.answers.get(&key);
        let known = kept.as_ref().and_then(|kept| kept.source.revision);
        let stamp = engine.stamps.as_ref().map(|stamps| stamps.of(session));
        let Snapshot { mut rows, mut at } =
            engine.store.room(session, known).await.map_err(shared)?;
        if let (Some(kept), Some(room)) = (kept, &rows)
            && room.seats.is_none()
        {
            if kept.is_right(room, at) {
                return Ok(Some(kept));
            }
            // The rows are the same, and show something else by now.
            Snapshot { rows, at } = engine.store.room(session, None).await.map_err(shared)?;
        }
        let Some(room) = rows else { return Ok(None) };
        let body = render(&room, at).map_err(|error| shared(error.into()))?;
        let source = Source {
            times: ready::times(room.seats.as_deref().unwrap_or_default(), at),
            session: (view == View::Page).then_some(room.session),
            stamp,
            revision: room.revision,
        };
        let ready = Arc::new(Ready::new(body.into(), source));
        if stamp.is_some_and(Stamp::is_settled) || room.revision.is_some() {
            self.answers.insert(key, Arc::clone(&ready));
        }
        Ok(Some(ready))
    }
}

impl Ready {
    /// Whether the answer is right for a session whose seats have not changed.
    fn is_right(&self, room: &Room, at: Timestamp) -> bool {
        let is_shown = |session: &Session| *session == room.session;
        self.source.session.as_ref().is_none_or(is_shown) && self.source.times.contains(&at)
    }
}

//! Stamps: a session's changes when this program alone writes, counted so that a reader can tell
//! whether what it read a moment ago is still all there is.
//!
//! A reader takes the stamp *before* it reads the store, and may give the answer again for as long as
//! the stamp is the same. The ledger changes the stamps of the sessions that a batch changes before its
//! COMMIT ([`Stamps::changing`]), and again when the transaction has ended, whatever its outcome, and
//! before anyone is answered. So
//!
//! - a stamp that says [settled](Stamp::is_settled) was taken when no commit of that session was under
//!   way, and the reader's snapshot has every commit that ended before it was taken;
//! - while it stays the same, no other commit has begun, so none can have become visible: the snapshot is
//!   the newest;
//! - who has seen the answer to a change sees another stamp than the one before the change.
//!
//! There are `SLOTS` stamps, and sessions share them by their hash: a change of one may make another
//! be read again, and nothing worse. Memory is bounded, and nobody keeps lists of what to forget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poltrona_domain::SessionId;

/// How many stamps there are: a power of two, 32 KiB of them.
const SLOTS: usize = 1 << 12;
/// The lower half of a stamp counts the changes that are under way, the upper all that ever began.
const BEGUN: u64 = 1 << 32;
const UNDER_WAY: u64 = BEGUN - 1;

/// The stamps of all sessions. Clones share them.
#[derive(Clone)]
pub struct Stamps(Arc<[AtomicU64]>);

/// A session's stamp at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64);

/// Changes that are under way until this is dropped.
#[must_use = "the changes are under way until it is dropped"]
pub struct Changing {
    stamps: Stamps,
    slots: Vec<usize>,
}

impl Stamps {
    /// Stamps of sessions that were never changed.
    pub fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    /// The stamp of a session now.
    pub fn of(&self, session: SessionId) -> Stamp {
        Stamp(self.0[slot(session)].load(Ordering::SeqCst))
    }

    /// Notes that these sessions are about to change, until the returned guard is dropped.
    pub fn changing(&self, sessions: impl IntoIterator<Item = SessionId>) -> Changing {
        let slots: Vec<_> = sessions.into_iter().map(slot).collect();
        for slot in &slots {
            self.0[*slot].fetch_add(BEGUN + 1, Ordering::SeqCst);
        }
        Changing { stamps: self.clone(), slots }
    }
}

impl Default for Stamps {
    fn default() -> Self {
        Self::new()
    }
}

impl Stamp {
    /// Whether no change was under way.
    pub const fn is_settled(self) -> bool {
        self.0 & UNDER_WAY == 0
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        for slot in &self.slots {
            self.stamps.0[*slot].fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// The stamp of a session by its place: half of its id is random.
fn slot(session: SessionId) -> usize {
    let hash = rapidhash::v3::rapidhash_v3(session.as_uuid().as_bytes());
    usize::try_from(hash % SLOTS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use uuid::Uuid;

    use super::*;

    fn session(number: u128) -> SessionId {
        SessionId::mint(Uuid::from_u128(number << 64))
    }

    #[test]
    fn a_stamp_is_another_during_a_change_and_after_it() {
        let stamps = Stamps::new();
        let (changed, other) = (session(1), session(2));
        let before = stamps.of(changed);
        assert!(before.is_settled());
        let changing = stamps.changing([changed]);
        let during = stamps.of(changed);
        assert!(!during.is_settled() && during != before);
        drop(changing);
        let after = stamps.of(changed);
        assert!(after.is_settled() && after != before && after != during);
        assert_eq!(stamps.of(other), Stamp(0), "it was not touched");
    }

    #[test]
    fn a_change_that_panics_has_ended_too() {
        let stamps = Stamps::new();
        let before = stamps.of(session(1));
        let panicking = catch_unwind(AssertUnwindSafe(|| {
            let _changing = stamps.changing([session(1)]);
            panic!("half way");
        }));
        assert!(panicking.is_err());
        let after = stamps.of(session(1));
        assert!(after.is_settled() && after != before);
    }

    #[test]
    fn changes_may_overlap_and_name_a_session_twice() {
        let stamps = Stamps::new();
        let first = stamps.changing([session(1), session(1)]);
        let second = stamps.changing([session(1)]);
        drop(first);
        assert!(!stamps.of(session(1)).is_settled(), "the second is under way");
        drop(second);
        assert!(stamps.of(session(1)).is_settled());
        assert_eq!(stamps.of(session(1)), Stamp(3 * BEGUN));
    }
}

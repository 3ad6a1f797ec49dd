//! Names for a test's objects on a shared server, and their removal.

use tokio::runtime;
use tokio::time::timeout;
use uuid::Uuid;

use crate::wait::PATIENCE;

/// A name that no other test uses on a shared server.
#[expect(clippy::disallowed_methods, reason = "nothing that the program sees depends on it")]
pub(super) fn fresh_name() -> String {
    format!("story_{}", Uuid::now_v7().simple())
}

/// Runs the work of a destructor to its end, on a thread and a runtime of its own: a destructor
/// cannot await, and to block the runtime around it could stop the work.
///
/// Fails the test when the work fails, unless it has failed already: then its engine may be gone.
pub(super) fn finally(work: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let work = async { timeout(PATIENCE, work).await.expect("an end") };
        runtime.expect("a runtime").block_on(work);
    });
    let ended = thread.join();
    assert!(ended.is_ok() || std::thread::panicking(), "what a test made could not be removed");
}

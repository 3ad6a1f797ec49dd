//! The audit of the stack's database, once everything has come to rest.

use poltrona_testkit::books;
use poltrona_testkit::sql::Connection;
use poltrona_testkit::wait::wait_until;

use super::instances::Stack;

impl Stack {
    /// Waits until nothing is left to do and the consumers have had every event; then fails if the
    /// database is inconsistent or had a deadlock.
    pub(super) fn balances(&self) {
        let database = self.database();
        wait_until("nothing is left to do", || (books::to_do(&database) == 0).then_some(()));
        assert_eq!(books::faults(&database), [""; 0]);
        // The consumers lag a little.
        let agree = || books::projection_faults(&database).is_empty().then_some(());
        wait_until("the tables for reports agree with a recount", agree);
        let deadlocks = "SELECT coalesce(sum(deadlocks), 0)::bigint FROM pg_stat_database";
        assert_eq!(database.count(deadlocks), 0);
        assert!(!self.postgres.log().contains("deadlock detected"));
    }

    /// How many sales there are.
    pub(super) fn sales(&self) -> i64 {
        self.database().count("SELECT count(*) FROM sales")
    }

    fn database(&self) -> Connection {
        Connection::connect(&self.postgres.url())
    }
}

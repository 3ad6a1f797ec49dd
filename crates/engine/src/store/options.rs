//! Options of a store.

/// Options of a store.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many workers the ledger has. Embedded, there is always one.
    pub workers: usize,
    /// How many connections serve reads.
    pub read_connections: usize,
    /// Whether to apply the migrations that a server lacks. Embedded, they always are.
    pub run_migrations: bool,
}

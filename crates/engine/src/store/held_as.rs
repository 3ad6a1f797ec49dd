//! Reservations with the session as it was when they were made, for both stores.

/// The columns that a reservation is read from, in order, of a join below.
pub(super) const RESERVATION: &str = "r.id, r.session_id, r.seat_nos, r.user_id, r.total_cents, r.status, r.created_at, \
     r.expires_at, r.extensions, coalesce(v.version, s.version), coalesce(v.movie, s.movie), \
     coalesce(v.room, s.room), coalesce(v.starts_at, s.starts_at)";

/// Reservations, each with its session, and with the earlier version of it under which the seats were held,
/// if any. `version` is that version's number, in terms of `r`; NULL, or no earlier one, means the session as it
/// is now.
macro_rules! joined {
    ($version:literal) => {
        concat!(
            "reservations r JOIN sessions s ON s.id = r.session_id LEFT JOIN session_versions v \
             ON v.session_id = r.session_id AND v.version = ",
            $version
        )
    };
}

/// In SQLite: one that names no version was held as the session is now, for a change of the session names it.
pub(super) const IN_SQLITE: &str = joined!("r.session_version");
/// In PostgreSQL: one that names no version is older than versions, and so is of the first.
pub(super) const IN_POSTGRES: &str = joined!("coalesce(r.session_version, 1)");

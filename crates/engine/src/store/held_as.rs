//! Reservations with what their seats were held as, for the queries of both stores.

/// The columns that a reservation is read from, in order, of [`RESERVATIONS`].
pub(super) const RESERVATION: &str = "r.id, r.session_id, r.seat_nos, r.user_id, r.total_cents, r.status, r.created_at, \
     r.expires_at, r.extensions, coalesce(v.version, s.version), coalesce(v.movie, s.movie), \
     coalesce(v.room, s.room), coalesce(v.starts_at, s.starts_at)";
/// Reservations, each with its session, and with an earlier version of that where the seats were held as
/// it. A reservation that names no version is older than versions are: it was held as the first.
pub(super) const RESERVATIONS: &str = "reservations r JOIN sessions s ON s.id = r.session_id \
     LEFT JOIN session_versions v \
     ON v.session_id = r.session_id AND v.version = coalesce(r.session_version, 1)";

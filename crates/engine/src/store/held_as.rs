//! Reservations with the session as it was when they were made, for both stores.

/// The columns that a reservation is read from, in order, of [`RESERVATIONS`].
pub(super) const RESERVATION: &str = "r.id, r.session_id, r.seat_nos, r.user_id, r.total_cents, r.status, r.created_at, \
     r.expires_at, r.extensions, coalesce(v.version, s.version), coalesce(v.movie, s.movie), \
     coalesce(v.room, s.room), coalesce(v.starts_at, s.starts_at)";
/// Reservations, each with its session, and with the earlier version of it under which the seats
/// were held, if any. A reservation that names no version is older than versions: it is of the
/// first.
pub(super) const RESERVATIONS: &str = "reservations r JOIN sessions s ON s.id = r.session_id \
     LEFT JOIN session_versions v \
     ON v.session_id = r.session_id AND v.version = coalesce(r.session_version, 1)";

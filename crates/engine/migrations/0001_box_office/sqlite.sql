-- Sessions, seats, reservations and sales; the outbox and what makes effects happen once.
-- Times are milliseconds since 1970 UTC, money is cents, ids are the 16 bytes of a UUID.

CREATE TABLE sessions (
    id          BLOB PRIMARY KEY,
    movie       TEXT NOT NULL,
    room        TEXT NOT NULL,
    starts_at   INTEGER NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    layout      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    closed_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_age ON sessions (created_at, id);

-- Clustered by session: a seat map is one range of pages.
CREATE TABLE seats (
    session_id     BLOB NOT NULL,
    seat_no        INTEGER NOT NULL CHECK (seat_no BETWEEN 1 AND 32767),
    label          TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('AVAILABLE', 'RESERVED', 'SOLD')),
    reservation_id BLOB,
    hold_until     INTEGER,
    version        INTEGER NOT NULL CHECK (version >= 0),
    PRIMARY KEY (session_id, seat_no),
    CHECK ((status = 'AVAILABLE') = (reservation_id IS NULL)),
    CHECK ((status = 'RESERVED') = (hold_until IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
    id          BLOB PRIMARY KEY,
    session_id  BLOB NOT NULL,
    seat_nos    TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    total_cents INTEGER NOT NULL CHECK (total_cents >= 0),
    status      TEXT NOT NULL CHECK (status IN ('PENDING', 'CONFIRMED', 'EXPIRED', 'CANCELLED')),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    extensions  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX reservations_by_user ON reservations (user_id, created_at, id);
-- What still has to lapse; a start reads it, and nothing else needs it.
CREATE INDEX reservations_pending ON reservations (expires_at) WHERE status = 'PENDING';
-- What may leave once it is old.
CREATE INDEX reservations_closed ON reservations (expires_at) WHERE status IN ('EXPIRED', 'CANCELLED');

CREATE TABLE sales (
    id             BLOB PRIMARY KEY,
    reservation_id BLOB NOT NULL UNIQUE,
    session_id     BLOB NOT NULL,
    user_id        TEXT NOT NULL,
    total_cents    INTEGER NOT NULL CHECK (total_cents >= 0),
    movie          TEXT NOT NULL,
    room           TEXT NOT NULL,
    starts_at      INTEGER NOT NULL,
    paid_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sales_by_user ON sales (user_id, paid_at, id);

CREATE TABLE sale_seats (
    session_id  BLOB NOT NULL,
    seat_no     INTEGER NOT NULL,
    sale_id     BLOB NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    voided_at   INTEGER,
    PRIMARY KEY (session_id, seat_no, sale_id)
) STRICT, WITHOUT ROWID;

-- The last guard: whatever the program believes, a seat has one sale that stands.
CREATE UNIQUE INDEX one_sale_per_seat ON sale_seats (session_id, seat_no) WHERE voided_at IS NULL;

CREATE TABLE outbox (
    id         BLOB PRIMARY KEY,
    events     TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    caller      TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status      INTEGER NOT NULL,
    location    TEXT,
    answer      BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE inbox (
    consumer   TEXT NOT NULL,
    event_id   BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (consumer, event_id)
) STRICT, WITHOUT ROWID;

-- Read models, kept by the consumers.

CREATE TABLE session_stats (
    session_id    BLOB PRIMARY KEY,
    seats         INTEGER NOT NULL DEFAULT 0,
    held          INTEGER NOT NULL DEFAULT 0,
    sold          INTEGER NOT NULL DEFAULT 0,
    revenue_cents INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE sales_by_hour (
    hour          INTEGER PRIMARY KEY,
    sales         INTEGER NOT NULL,
    seats         INTEGER NOT NULL,
    revenue_cents INTEGER NOT NULL
) STRICT;

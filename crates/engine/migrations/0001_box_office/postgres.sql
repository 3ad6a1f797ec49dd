-- Sessions, seats, reservations and sales; the outbox and what makes effects happen once.
-- Times are milliseconds since 1970 UTC, money is cents. The columns are those of the SQLite store.
--
-- There are no foreign keys: each would take a lock on a row that no batch means to wait for. What they
-- would say is said by the locks on seats and by the rules.

-- Fails the transaction unless a statement changed exactly the rows that it was meant to. A batch
-- sends its writes and its COMMIT together, so it is the server that must notice.
CREATE FUNCTION expect_rows(what text, changed bigint, expected bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF changed <> expected THEN
        RAISE EXCEPTION '%: % rows instead of %', what, changed, expected USING ERRCODE = 'PLT01';
    END IF;
END $$;

-- The same where another instance may have been first: run again, the batch sees what was written.
CREATE FUNCTION expect_first(what text, changed bigint, expected bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF changed <> expected THEN
        RAISE EXCEPTION '%: another instance was first', what USING ERRCODE = 'PLT02';
    END IF;
END $$;

CREATE TABLE sessions (
    id          uuid PRIMARY KEY,
    movie       text NOT NULL,
    room        text NOT NULL,
    starts_at   bigint NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    layout      text NOT NULL,
    created_at  bigint NOT NULL,
    closed_at   bigint
);

CREATE INDEX sessions_by_age ON sessions (created_at, id);

-- Half of every page is left free and nothing that changes is indexed, so that a new version of a row
-- finds room beside the old one and no index is touched (a heap-only tuple).
CREATE TABLE seats (
    session_id     uuid NOT NULL,
    seat_no        smallint NOT NULL CHECK (seat_no >= 1),
    label          text NOT NULL,
    status         text NOT NULL CHECK (status IN ('AVAILABLE', 'RESERVED', 'SOLD')),
    reservation_id uuid,
    hold_until     bigint,
    version        bigint NOT NULL CHECK (version >= 0),
    PRIMARY KEY (session_id, seat_no),
    CHECK ((status = 'AVAILABLE') = (reservation_id IS NULL)),
    CHECK ((status = 'RESERVED') = (hold_until IS NOT NULL))
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE reservations (
    id          uuid PRIMARY KEY,
    session_id  uuid NOT NULL,
    seat_nos    smallint[] NOT NULL,
    user_id     text NOT NULL,
    total_cents bigint NOT NULL CHECK (total_cents >= 0),
    status      text NOT NULL CHECK (status IN ('PENDING', 'CONFIRMED', 'EXPIRED', 'CANCELLED')),
    created_at  bigint NOT NULL,
    expires_at  bigint NOT NULL,
    extensions  smallint NOT NULL DEFAULT 0
);

CREATE INDEX reservations_by_user ON reservations (user_id, created_at, id);
-- What still has to lapse.
CREATE INDEX reservations_pending ON reservations (expires_at, id) WHERE status = 'PENDING';
-- What may leave once it is old.
CREATE INDEX reservations_closed ON reservations (expires_at) WHERE status IN ('EXPIRED', 'CANCELLED');

CREATE TABLE sales (
    id             uuid PRIMARY KEY,
    reservation_id uuid NOT NULL UNIQUE,
    session_id     uuid NOT NULL,
    user_id        text NOT NULL,
    total_cents    bigint NOT NULL CHECK (total_cents >= 0),
    movie          text NOT NULL,
    room           text NOT NULL,
    starts_at      bigint NOT NULL,
    paid_at        bigint NOT NULL
);

CREATE INDEX sales_by_user ON sales (user_id, paid_at, id);

CREATE TABLE sale_seats (
    session_id  uuid NOT NULL,
    seat_no     smallint NOT NULL,
    sale_id     uuid NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    voided_at   bigint,
    PRIMARY KEY (session_id, seat_no, sale_id)
);

-- The last guard: whatever the program believes, a seat has one sale that stands.
CREATE UNIQUE INDEX one_sale_per_seat ON sale_seats (session_id, seat_no) WHERE voided_at IS NULL;

CREATE TABLE outbox (
    id         uuid PRIMARY KEY,
    events     text NOT NULL,
    created_at bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE idempotency (
    caller      text NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    status      smallint NOT NULL,
    location    text,
    answer      bytea NOT NULL,
    created_at  bigint NOT NULL,
    PRIMARY KEY (caller, key)
);

CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE inbox (
    consumer   text NOT NULL,
    event_id   uuid NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (consumer, event_id)
);

-- Read models, kept by the consumers.

CREATE TABLE session_stats (
    session_id    uuid PRIMARY KEY,
    seats         bigint NOT NULL DEFAULT 0,
    held          bigint NOT NULL DEFAULT 0,
    sold          bigint NOT NULL DEFAULT 0,
    revenue_cents bigint NOT NULL DEFAULT 0
);

CREATE TABLE sales_by_hour (
    hour          bigint PRIMARY KEY,
    sales         bigint NOT NULL,
    seats         bigint NOT NULL,
    revenue_cents bigint NOT NULL
);

-- What a session was before it was changed: held seats keep what they were held as. A row is written when
-- a session is changed, and never changed itself.
CREATE TABLE session_versions (
    session_id  BLOB NOT NULL,
    version     INTEGER NOT NULL,
    movie       TEXT NOT NULL,
    room        TEXT NOT NULL,
    starts_at   INTEGER NOT NULL,
    price_cents INTEGER NOT NULL,
    PRIMARY KEY (session_id, version)
) STRICT, WITHOUT ROWID;

ALTER TABLE sessions ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
-- Missing where it is the time of creation.
ALTER TABLE sessions ADD COLUMN changed_at INTEGER;
-- Film and room as searches compare them; missing in rows that an older program wrote.
ALTER TABLE sessions ADD COLUMN movie_folded TEXT;
ALTER TABLE sessions ADD COLUMN room_folded TEXT;
CREATE INDEX sessions_unfolded ON sessions (id) WHERE movie_folded IS NULL;

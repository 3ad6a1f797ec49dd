-- Earlier versions of sessions. Each change of a session adds a row; rows never change. Reservations refer
-- to the version that their seats were held as.
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
-- NULL: the session was not changed since it was created.
ALTER TABLE sessions ADD COLUMN changed_at INTEGER;
-- Film and room as searches compare them. NULL in rows that an older program wrote.
ALTER TABLE sessions ADD COLUMN movie_folded TEXT;
ALTER TABLE sessions ADD COLUMN room_folded TEXT;
CREATE INDEX sessions_unfolded ON sessions (id) WHERE movie_folded IS NULL;

-- An older program that is put back for a while changes a session and knows nothing of versions.
CREATE TRIGGER keep_version AFTER UPDATE OF movie, room, starts_at, price_cents ON sessions
WHEN NEW.version = OLD.version AND (NEW.movie, NEW.room, NEW.starts_at, NEW.price_cents)
     IS NOT (OLD.movie, OLD.room, OLD.starts_at, OLD.price_cents)
BEGIN
    INSERT INTO session_versions (session_id, version, movie, room, starts_at, price_cents)
        VALUES (OLD.id, OLD.version, OLD.movie, OLD.room, OLD.starts_at, OLD.price_cents);
    UPDATE sessions SET version = OLD.version + 1, changed_at = unixepoch() * 1000,
        movie_folded = NULL, room_folded = NULL WHERE id = NEW.id;
END;

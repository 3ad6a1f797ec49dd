-- Earlier versions of sessions. Each change of a session adds a row; rows never change. Reservations refer
-- to the version that their seats were held as.
CREATE TABLE session_versions (
    session_id  uuid NOT NULL,
    version     bigint NOT NULL,
    movie       text NOT NULL,
    room        text NOT NULL,
    starts_at   bigint NOT NULL,
    price_cents bigint NOT NULL,
    PRIMARY KEY (session_id, version)
);

ALTER TABLE sessions ADD COLUMN version bigint NOT NULL DEFAULT 1;
-- NULL: the session was not changed since it was created.
ALTER TABLE sessions ADD COLUMN changed_at bigint;
-- Film and room as searches compare them. NULL in rows that an older program wrote.
ALTER TABLE sessions ADD COLUMN movie_folded text;
ALTER TABLE sessions ADD COLUMN room_folded text;
-- Sessions are few, one row a showing, so that this is made within the step.
CREATE INDEX sessions_unfolded ON sessions (id) WHERE movie_folded IS NULL;

-- An older program that runs beside this one changes a session and knows nothing of versions.
CREATE FUNCTION keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version = OLD.version
        AND (NEW.movie, NEW.room, NEW.starts_at, NEW.price_cents)
            IS DISTINCT FROM (OLD.movie, OLD.room, OLD.starts_at, OLD.price_cents)
    THEN
        INSERT INTO session_versions (session_id, version, movie, room, starts_at, price_cents)
            VALUES (OLD.id, OLD.version, OLD.movie, OLD.room, OLD.starts_at, OLD.price_cents);
        NEW.version := OLD.version + 1;
        NEW.changed_at := floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
        NEW.movie_folded := NULL;
        NEW.room_folded := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_version BEFORE UPDATE OF movie, room, starts_at, price_cents ON sessions
    FOR EACH ROW EXECUTE FUNCTION keep_version();

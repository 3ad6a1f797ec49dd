-- What a session was before it was changed: held seats keep what they were held as. A row is written when
-- a session is changed, and never changed itself.
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
-- Missing where it is the time of creation.
ALTER TABLE sessions ADD COLUMN changed_at bigint;
-- Film and room as searches compare them; missing in rows that an older program wrote.
ALTER TABLE sessions ADD COLUMN movie_folded text;
ALTER TABLE sessions ADD COLUMN room_folded text;
CREATE INDEX sessions_unfolded ON sessions (id) WHERE movie_folded IS NULL;

-- An older program that runs beside this one changes a film and knows nothing of its folded form.
CREATE FUNCTION forget_folded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.movie, NEW.room) IS DISTINCT FROM (OLD.movie, OLD.room)
        AND (NEW.movie_folded, NEW.room_folded) IS NOT DISTINCT FROM (OLD.movie_folded, OLD.room_folded)
    THEN
        NEW.movie_folded := NULL;
        NEW.room_folded := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER forget_folded BEFORE UPDATE OF movie, room ON sessions
    FOR EACH ROW EXECUTE FUNCTION forget_folded();

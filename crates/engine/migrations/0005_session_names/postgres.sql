-- The names of films and rooms that sessions have or had, as searches compare them, each once. They are
-- far fewer than sessions: a search looks for its text among them, and finds the sessions by index.
CREATE TABLE session_names (
    name text PRIMARY KEY
);

-- Kept by triggers, so that the names are there whichever version of the program writes a session, or
-- folds the texts of one. In the order of their key, so that two batches do not wait for each other.
CREATE FUNCTION keep_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO session_names (name)
        SELECT movie_folded FROM written WHERE movie_folded IS NOT NULL
        UNION SELECT room_folded FROM written WHERE room_folded IS NOT NULL
        ORDER BY 1
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER keep_names_of_new AFTER INSERT ON sessions
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION keep_names();
CREATE TRIGGER keep_names_of_changed AFTER UPDATE ON sessions
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION keep_names();

INSERT INTO session_names (name)
    SELECT movie_folded FROM sessions WHERE movie_folded IS NOT NULL
    UNION SELECT room_folded FROM sessions WHERE room_folded IS NOT NULL;

-- Each in the order of the list, newest last. Sessions are few, one row a showing, so that they are made
-- within the step: 100,000 of them take a second.
CREATE INDEX sessions_by_movie ON sessions (movie_folded, created_at, id);
CREATE INDEX sessions_by_room ON sessions (room_folded, created_at, id);
CREATE INDEX sessions_by_start ON sessions (starts_at);

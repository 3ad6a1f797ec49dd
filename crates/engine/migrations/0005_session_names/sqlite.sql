-- The names of films and rooms that sessions have or had, as searches compare them, each once. They are
-- far fewer than sessions: a search looks for its text among them, and finds the sessions by index.
CREATE TABLE session_names (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Kept by triggers, so that the names are there whichever version of the program writes a session, or
-- folds the texts of one.
CREATE TRIGGER keep_names_of_new AFTER INSERT ON sessions WHEN NEW.movie_folded IS NOT NULL
BEGIN
    INSERT INTO session_names (name) VALUES (NEW.movie_folded), (NEW.room_folded)
        ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER keep_names_of_changed AFTER UPDATE OF movie_folded, room_folded ON sessions
WHEN NEW.movie_folded IS NOT NULL
BEGIN
    INSERT INTO session_names (name) VALUES (NEW.movie_folded), (NEW.room_folded)
        ON CONFLICT DO NOTHING;
END;

INSERT INTO session_names (name)
    SELECT movie_folded FROM sessions WHERE movie_folded IS NOT NULL
    UNION SELECT room_folded FROM sessions WHERE room_folded IS NOT NULL;

-- Each in the order of the list, newest last.
CREATE INDEX sessions_by_movie ON sessions (movie_folded, created_at, id);
CREATE INDEX sessions_by_room ON sessions (room_folded, created_at, id);
CREATE INDEX sessions_by_start ON sessions (starts_at);

-- The version of the session that seats were held as. NULL in rows from before: it is 1, as every
-- session's version was.
ALTER TABLE reservations ADD COLUMN session_version INTEGER;

-- An older program that is put back for a while names none.
CREATE TRIGGER name_version AFTER INSERT ON reservations WHEN NEW.session_version IS NULL
BEGIN
    UPDATE reservations SET session_version = (SELECT version FROM sessions WHERE id = NEW.session_id)
        WHERE id = NEW.id;
END;

-- The version of the session that seats were held as. NULL in rows from before: it is 1, as every
-- session's version was.
ALTER TABLE reservations ADD COLUMN session_version bigint;

-- An older program that runs beside this one names none.
CREATE FUNCTION name_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.session_version := (SELECT version FROM sessions WHERE id = NEW.session_id);
    RETURN NEW;
END $$;

CREATE TRIGGER name_version BEFORE INSERT ON reservations FOR EACH ROW
    WHEN (NEW.session_version IS NULL) EXECUTE FUNCTION name_version();

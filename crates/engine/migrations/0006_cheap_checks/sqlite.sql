-- Checks and a trigger that say the same as before, and cost less. SQLite looks up a value in a list of three
-- or more by filling a table with the list, each time a row is written; and a trigger on INSERT makes it
-- prepare each row's statement for being undone.

-- NULL in `session_version` means the version that the session has now. A change of the session names it, so
-- that nothing needs to happen when an older program inserts a row without one. Until here it meant 1.
UPDATE reservations SET session_version = 1 WHERE session_version IS NULL
    AND session_id IN (SELECT id FROM sessions WHERE version > 1);
DROP TRIGGER name_version;
CREATE INDEX reservations_unversioned ON reservations (session_id) WHERE session_version IS NULL;
CREATE TRIGGER name_version AFTER UPDATE OF version ON sessions WHEN NEW.version <> OLD.version
BEGIN
    UPDATE reservations SET session_version = OLD.version
        WHERE session_id = OLD.id AND session_version IS NULL;
END;

-- The text of a check can be changed where it stands, because no row is stored differently: the procedure for
-- this in https://www.sqlite.org/lang_altertable.html#otheralter.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (status IN (''AVAILABLE'', ''RESERVED'', ''SOLD''))',
    'CHECK (status = ''AVAILABLE'' OR status = ''RESERVED'' OR status = ''SOLD'')')
    WHERE type = 'table' AND name = 'seats';
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (status IN (''PENDING'', ''CONFIRMED'', ''EXPIRED'', ''CANCELLED''))',
    'CHECK (status = ''PENDING'' OR status = ''CONFIRMED'' OR status = ''EXPIRED'' OR status = ''CANCELLED'')')
    WHERE type = 'table' AND name = 'reservations';
PRAGMA writable_schema = RESET;

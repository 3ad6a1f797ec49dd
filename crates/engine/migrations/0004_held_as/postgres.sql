-- The version of the session that seats were held as; missing in rows that an older program wrote.
ALTER TABLE reservations ADD COLUMN session_version bigint;

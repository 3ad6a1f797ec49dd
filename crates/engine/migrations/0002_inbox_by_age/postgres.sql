-- What consumers remember of messages may leave once it is old.
CREATE INDEX inbox_by_age ON inbox (created_at);

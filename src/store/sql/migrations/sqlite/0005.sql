-- One row, which is written to see whether the database takes writes.
CREATE TABLE portcullis_ready (
    asked INTEGER NOT NULL
) STRICT;
INSERT INTO portcullis_ready VALUES (0);

-- One row, which is written to see whether the database takes writes.
CREATE TABLE portcullis_ready (
    asked BIGINT NOT NULL
);
INSERT INTO portcullis_ready VALUES (0);

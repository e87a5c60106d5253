-- Access keys say in which dialects and by which method their holders sign.

ALTER TABLE portcullis_access_keys ADD COLUMN dialects TEXT NOT NULL DEFAULT 'strict';   -- separated by blanks
ALTER TABLE portcullis_access_keys ADD COLUMN method TEXT NOT NULL DEFAULT 'HMAC-SHA1';

-- One row, which is written to see whether the database takes writes.
CREATE TABLE portcullis_ready (
    asked BIGINT NOT NULL
);
INSERT INTO portcullis_ready VALUES (0);

-- Of owners of any length.
DROP INDEX portcullis_user_tokens_owner;
CREATE INDEX portcullis_user_tokens_owner ON portcullis_user_tokens USING hash (subject);

-- Those that are good no more are deleted some day.
CREATE INDEX portcullis_user_tokens_expires ON portcullis_user_tokens (expires);
CREATE INDEX portcullis_user_tokens_revoked ON portcullis_user_tokens (revoked);

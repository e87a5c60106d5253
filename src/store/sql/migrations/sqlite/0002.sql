-- Owners have a version that changes with each change of owner; user tokens say when they were last used;
-- refresh tokens and their families.

ALTER TABLE portcullis_owners ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE portcullis_user_tokens ADD COLUMN last_used INTEGER;

-- The id of a token (`jti`) begins with the id of its family.
CREATE TABLE portcullis_refresh_families (
    id      TEXT NOT NULL PRIMARY KEY,
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    began   INTEGER NOT NULL,
    expires INTEGER NOT NULL,               -- the last of its tokens
    revoked INTEGER
) STRICT;
CREATE INDEX portcullis_refresh_families_owner ON portcullis_refresh_families (issuer, subject);
CREATE INDEX portcullis_refresh_families_expires ON portcullis_refresh_families (expires);

-- The unused ones.
CREATE TABLE portcullis_refresh_tokens (
    id      TEXT NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX portcullis_refresh_tokens_expires ON portcullis_refresh_tokens (expires);

-- Times are whole seconds since 1970-01-01T00:00:00Z, if nothing else is said.

CREATE TABLE portcullis_users (
    name     TEXT NOT NULL PRIMARY KEY,
    issuer   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    password TEXT NOT NULL,                 -- its hash: what PasswordHash reads
    scopes   TEXT NOT NULL,                 -- separated by blanks
    disabled INTEGER NOT NULL DEFAULT 0,    -- 0 or 1
    UNIQUE (issuer, subject)
) STRICT;

CREATE TABLE portcullis_user_tokens (
    digest  BLOB NOT NULL PRIMARY KEY,      -- SHA-256 of the token
    id      TEXT NOT NULL UNIQUE,
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    scopes  TEXT NOT NULL,
    name    TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER
) STRICT;
CREATE INDEX portcullis_user_tokens_owner ON portcullis_user_tokens (issuer, subject);

CREATE TABLE portcullis_revoked_tokens (
    issuer  TEXT NOT NULL,
    id      TEXT NOT NULL,                  -- jti
    expires INTEGER NOT NULL,               -- after this second nobody would take the token anyway
    PRIMARY KEY (issuer, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX portcullis_revoked_tokens_expires ON portcullis_revoked_tokens (expires);

CREATE TABLE portcullis_revoked_subjects (
    issuer   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    up_to_ms INTEGER NOT NULL,              -- in milliseconds: what was issued by then is revoked
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE portcullis_owners (
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE portcullis_access_keys (
    token          TEXT NOT NULL PRIMARY KEY,
    issuer         TEXT NOT NULL,
    subject        TEXT NOT NULL,
    secret         BLOB NOT NULL,           -- sealed
    previous       BLOB,                    -- sealed
    previous_until INTEGER,                 -- the last second in which the previous secret is taken
    scopes         TEXT NOT NULL,
    disabled       INTEGER NOT NULL DEFAULT 0,
    created        INTEGER NOT NULL
) STRICT;

CREATE TABLE portcullis_nonces (
    token   TEXT NOT NULL,
    nonce   TEXT NOT NULL,
    expires INTEGER NOT NULL,               -- the last second in which the request could be accepted
    PRIMARY KEY (token, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX portcullis_nonces_expires ON portcullis_nonces (expires);

-- One row: nonces that expire by this second may have been deleted.
CREATE TABLE portcullis_nonces_purged (
    through INTEGER NOT NULL
) STRICT;
INSERT INTO portcullis_nonces_purged VALUES (-1);

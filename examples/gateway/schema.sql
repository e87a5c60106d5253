-- Who there is. Times are whole seconds since 1970-01-01T00:00:00Z.

CREATE TABLE IF NOT EXISTS users (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,             -- an argon2id PHC string
    scopes   TEXT NOT NULL,             -- separated by blanks
    disabled INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS user_tokens (
    id      TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    name    TEXT NOT NULL,
    digest  BLOB NOT NULL UNIQUE,       -- SHA-256 of the token
    created INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

CREATE TABLE IF NOT EXISTS s3p_keys (
    token   TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    secret  BLOB NOT NULL,              -- sealed under the key file
    created INTEGER NOT NULL
) STRICT;

-- What is remembered of requests and tokens.

CREATE TABLE IF NOT EXISTS s3p_nonces (
    token   TEXT NOT NULL,
    nonce   TEXT NOT NULL,
    expires INTEGER NOT NULL,           -- the last second in which the request could be accepted
    PRIMARY KEY (token, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS s3p_nonces_expires ON s3p_nonces (expires);

CREATE TABLE IF NOT EXISTS jwts (
    id       TEXT PRIMARY KEY,          -- jti
    user_id  TEXT NOT NULL REFERENCES users (id),
    parent   TEXT,                      -- of a refresh token: the access token it came with
    family   TEXT NOT NULL,             -- the first access token of a chain of refreshes
    expires  INTEGER NOT NULL,
    revoked  INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS jwts_expires ON jwts (expires);
CREATE INDEX IF NOT EXISTS jwts_family ON jwts (family);

CREATE TABLE IF NOT EXISTS owners (
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT (random() & 0x7fffffffffffffff), -- another for each owner
    PRIMARY KEY (kind, id)
) STRICT;

-- SMP

CREATE TABLE IF NOT EXISTS smp_groups (
    id   TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS smp_services (
    group_id TEXT NOT NULL REFERENCES smp_groups (id) ON DELETE CASCADE,
    document TEXT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (group_id, document)
) STRICT;

CREATE TABLE IF NOT EXISTS smp_business_cards (
    group_id TEXT PRIMARY KEY REFERENCES smp_groups (id) ON DELETE CASCADE,
    body     BLOB NOT NULL,
    pushed   INTEGER
) STRICT;

-- SMSGate: what is stored is what is answered, as JSON.

CREATE TABLE IF NOT EXISTS sms_messages (
    sequence INTEGER PRIMARY KEY,
    id       TEXT NOT NULL,             -- the sender may choose it
    user_id  TEXT NOT NULL REFERENCES users (id),
    created  INTEGER NOT NULL,
    state    TEXT NOT NULL,
    device   TEXT NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (user_id, id)
) STRICT;

CREATE TABLE IF NOT EXISTS sms_devices (
    id      TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    body    TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS sms_webhooks (
    id      TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    body    TEXT NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;

CREATE TABLE IF NOT EXISTS sms_settings (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    body    TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS sms_logs (
    sequence INTEGER PRIMARY KEY,
    user_id  TEXT NOT NULL REFERENCES users (id),
    created  INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT;

-- S3P

CREATE TABLE IF NOT EXISTS s3p_quotes (
    id       TEXT PRIMARY KEY,
    user_id  TEXT NOT NULL REFERENCES users (id),
    pay_item TEXT NOT NULL,
    amount   INTEGER NOT NULL,
    expires  INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS s3p_quotes_expires ON s3p_quotes (expires);

CREATE TABLE IF NOT EXISTS s3p_collections (
    ptn      TEXT PRIMARY KEY,          -- the payment transaction number
    trid     TEXT,                      -- the caller's own number
    quote_id TEXT NOT NULL UNIQUE,      -- of a quote that was used up
    user_id  TEXT NOT NULL REFERENCES users (id),
    amount   INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    body     TEXT NOT NULL              -- the status of the payment, as it is answered
) STRICT;
CREATE INDEX IF NOT EXISTS s3p_collections_user ON s3p_collections (user_id, created);

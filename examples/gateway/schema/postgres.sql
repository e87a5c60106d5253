-- What the systems keep, beside the tables of `store::Sql`: a `user_id` is a subject there. The same as in
-- sqlite.sql, in the words of PostgreSQL. Times are whole seconds since 1970-01-01T00:00:00Z.

-- That a table is there already is nothing to tell.
SET LOCAL client_min_messages TO warning;

-- This may take longer than what a request waits for.
SET LOCAL statement_timeout TO '10min';

-- What all instances have alike.

CREATE TABLE IF NOT EXISTS gateway_agreement (
    name  TEXT PRIMARY KEY,             -- keys, nonces, redis
    value TEXT NOT NULL
);

-- SMP

CREATE TABLE IF NOT EXISTS smp_groups (
    id   TEXT PRIMARY KEY,
    body BYTEA NOT NULL
);

CREATE TABLE IF NOT EXISTS smp_services (
    group_id TEXT NOT NULL REFERENCES smp_groups (id) ON DELETE CASCADE,
    document TEXT NOT NULL,
    body     BYTEA NOT NULL,
    PRIMARY KEY (group_id, document)
);

CREATE TABLE IF NOT EXISTS smp_business_cards (
    group_id TEXT PRIMARY KEY REFERENCES smp_groups (id) ON DELETE CASCADE,
    body     BYTEA NOT NULL,
    pushed   BIGINT
);

-- SMSGate: what is stored is what is answered, as JSON.

CREATE TABLE IF NOT EXISTS sms_messages (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       TEXT NOT NULL,             -- the sender may choose it
    user_id  TEXT NOT NULL,
    created  BIGINT NOT NULL,
    state    TEXT NOT NULL,
    device   TEXT NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (user_id, id)
);
CREATE INDEX IF NOT EXISTS sms_messages_created ON sms_messages (created);

CREATE TABLE IF NOT EXISTS sms_devices (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    body    TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS sms_webhooks (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id      TEXT NOT NULL,
    user_id TEXT NOT NULL,
    body    TEXT NOT NULL,
    UNIQUE (user_id, id)
);

CREATE TABLE IF NOT EXISTS sms_settings (
    user_id TEXT PRIMARY KEY,
    body    TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS sms_logs (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id  TEXT NOT NULL,
    created  BIGINT NOT NULL,
    body     TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sms_logs_user ON sms_logs (user_id, created);
CREATE INDEX IF NOT EXISTS sms_logs_created ON sms_logs (created);

-- S3P

CREATE TABLE IF NOT EXISTS s3p_quotes (
    id       TEXT PRIMARY KEY,
    user_id  TEXT NOT NULL,
    pay_item TEXT NOT NULL,
    amount   BIGINT NOT NULL,
    expires  BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS s3p_quotes_expires ON s3p_quotes (expires);

CREATE TABLE IF NOT EXISTS s3p_collections (
    ptn      TEXT PRIMARY KEY,          -- the payment transaction number
    trid     TEXT,                      -- the caller's own number
    quote_id TEXT NOT NULL UNIQUE,      -- of a quote that was used up
    user_id  TEXT NOT NULL,
    amount   BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    body     TEXT NOT NULL              -- the status of the payment, as it is answered
);
CREATE INDEX IF NOT EXISTS s3p_collections_user ON s3p_collections (user_id, created);

-- What a person knows an access key by, and when it was last used.

CREATE TABLE IF NOT EXISTS s3p_key_notes (
    token     TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    last_used BIGINT
);

-- The page for people

CREATE TABLE IF NOT EXISTS page_sessions (
    digest  BYTEA PRIMARY KEY,          -- SHA-256 of the id in the cookie
    body    TEXT NOT NULL,              -- JSON
    expires BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS page_sessions_expires ON page_sessions (expires);

-- Forms that were sent: what each makes is made once.
CREATE TABLE IF NOT EXISTS page_forms (
    digest  BYTEA PRIMARY KEY,
    expires BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS page_forms_expires ON page_forms (expires);

-- One row: of which version these tables are. They are made by a program that knows a newer one, and by no other.

CREATE TABLE gateway_schema (
    version BIGINT NOT NULL
);
INSERT INTO gateway_schema VALUES (1);
